"""Kubernetes clusters: an API server each, with controllers, a scheduler and kubelets."""
