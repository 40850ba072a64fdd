"""Failures that show only later: an asynchronous creation that ends badly.

A fault rule whose action reads "<Action> outcome" decides it, for example
    {"service": "tke", "action": "InstallAddon outcome", "message": "timed out waiting"}
Only exact names count here, so that a rule for "*" does not strike a call twice.
"""

from sandbox.world import World


def failure(world: World, service: str, action: str) -> str:
    """The reason why the work begun by `action` fails, or "" if it succeeds."""
    name = f"{action} outcome"
    for rule in world.faults.rules:
        if rule.action == name and rule.hits(service, name, "before"):
            return rule.message
    return ""
