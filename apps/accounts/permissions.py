"""Who may do what: one table from capability to roles.  What is not in the table nobody may do.

Roles are Django groups (made by migration 0002); a person may hold several.  A service or a page
asks `can(user, "plan.apply")`; a view says it once with `@requires("plan.apply")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.access import api_requires, requires

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

__all__ = [
    "CAPABILITIES",
    "ROLE_WORDS",
    "Capability",
    "Role",
    "api_requires",
    "can",
    "capabilities_of",
    "requires",
]


class Role(StrEnum):
    """The value is the name of the group."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    REVIEWER = "reviewer"
    LEAD_REVIEWER = "lead-reviewer"
    MODEL_MANAGER = "model-manager"
    ADMINISTRATOR = "administrator"


ROLE_WORDS: dict[Role, Promise] = {
    Role.VIEWER: _("viewer"),
    Role.OPERATOR: _("operator"),
    Role.APPROVER: _("approver"),
    Role.REVIEWER: _("reviewer"),
    Role.LEAD_REVIEWER: _("lead reviewer"),
    Role.MODEL_MANAGER: _("model manager"),
    Role.ADMINISTRATOR: _("administrator"),
}

ROLE_EXPLAINED: dict[Role, Promise] = {
    Role.VIEWER: _("Reads everything except moderation and the audit record."),
    Role.OPERATOR: _("Declares environments, deployments and gateway routes, and applies plans."),
    Role.APPROVER: _("Approves other people's plans and reads the audit record."),
    Role.REVIEWER: _("Sees the moderation queue and decides cases."),
    Role.LEAD_REVIEWER: _("Also releases frozen images and changes moderation policies."),
    Role.MODEL_MANAGER: _("Uploads, publishes and deletes model files."),
    Role.ADMINISTRATOR: _("May do everything, and manages people and roles."),
}


@dataclass(frozen=True)
class Capability:
    words: Promise  # completes "You may not …"
    roles: frozenset[Role]


def _of(words: Promise, *roles: Role) -> Capability:
    """The administrator holds every capability; the table names the others."""
    return Capability(words, frozenset({*roles, Role.ADMINISTRATOR}))


_V, _O, _A, _R = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.REVIEWER
_L, _M = Role.LEAD_REVIEWER, Role.MODEL_MANAGER

CAPABILITIES: dict[str, Capability] = {
    "console.view": _of(_("see the console"), _V, _O, _A, _R, _L, _M),
    "token.own": _of(_("make own API tokens"), _V, _O, _A, _R, _L, _M),
    "environment.change": _of(_("change environments"), _O),
    "environment.policy": _of(_("choose who must approve plans of an environment")),
    "model.upload": _of(_("upload model files"), _M),
    "model.publish": _of(_("publish model files"), _M),
    "model.delete": _of(_("delete model files"), _M),
    "deployment.plan": _of(_("change deployments"), _O),
    "gateway.plan": _of(_("change gateway services and routes"), _O),
    "plan.apply": _of(_("apply plans"), _O, _A, _M),
    "plan.approve": _of(_("approve plans"), _A),
    "generate": _of(_("generate images"), _O, _M),
    "moderation.view": _of(_("see the moderation queue"), _R, _L),
    "moderation.decide": _of(_("decide moderation cases"), _R, _L),
    "moderation.release": _of(_("release frozen images"), _L),
    "policy.change": _of(_("change moderation policies"), _L),
    "audit.read": _of(_("read the audit record"), _O, _A, _L),
    "account.manage": _of(_("manage people and roles")),
}


def can(user: User | AnonymousUser, capability: str) -> bool:
    """True if one of the person's roles grants `capability` and, when an API token is at work, the
    token's scopes allow it too.  Raises KeyError for a capability that the table does not know."""
    roles = CAPABILITIES[capability].roles
    if not (user.is_authenticated and user.is_active):
        return False
    if user.token_scopes and capability not in user.token_scopes:
        return False
    return not roles.isdisjoint(user.roles)


def capabilities_of(user: User | AnonymousUser) -> list[str]:
    return [capability for capability in CAPABILITIES if can(user, capability)]
