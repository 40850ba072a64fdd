"""The world of these tests; see worlds.py."""

from tests.sandbox.tencent.worlds import call, no_proxy, world

__all__ = ["call", "no_proxy", "world"]
