"""Kubernetes API servers on real sockets, one per cluster, with controllers, scheduler and kubelet behind them."""
