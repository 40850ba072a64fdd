"""The kubelet: images, volumes, containers, probes and logs of the pods on the nodes of a cluster."""
