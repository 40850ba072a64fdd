"""The kubelet: images, volumes, containers, probes and logs of the pods of a cluster."""
