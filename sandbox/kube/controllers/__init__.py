"""The control loops of a cluster: each reads the objects, compares, writes, and waits."""
