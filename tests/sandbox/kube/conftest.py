"""The world of these tests; see worlds.py."""

from tests.sandbox.kube.worlds import cluster, home, http, node, plain_web_ui, world

__all__ = ["cluster", "home", "http", "node", "plain_web_ui", "world"]
