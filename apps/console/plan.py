"""Deleting an orphan is the only thing that can be planned for it.  Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from apps.core.changes import Area, Change
from apps.core.kinds import Verdict
from apps.core.phases import Phase
from apps.core.words import Say

GATEWAY_KINDS = ("Gateway service", "Route")
CALLS = {
    "Deployment": "DELETE apps/v1 deployments",
    "Service": "DELETE v1 services",
    "PersistentVolumeClaim": "DELETE v1 persistentvolumeclaims",
    "PersistentVolume": "DELETE v1 persistentvolumes",
    "Gateway service": "DeleteCloudNativeAPIGatewayService",
    "Route": "DeleteCloudNativeAPIGatewayRoute",
}


@dataclass(frozen=True)
class Found:
    """The object is still there.  `leaving`: its deletion is on its way."""

    object_kind: str
    name: str
    leaving: bool = False


@dataclass(frozen=True)
class DeleteOrphan:
    object_kind: str
    name: str

    @property
    def key(self) -> str:
        return f"delete/{self.object_kind}/{self.name}"

    @property
    def change(self) -> Change:
        area: Area = "kubernetes"
        if self.object_kind in GATEWAY_KINDS:
            area = "gateway"
        elif self.object_kind.startswith("PersistentVolume"):
            area = "storage"
        volume = gettext_noop("Only the binding goes: the files on CFS stay.")
        other = gettext_noop("Nothing here accounts for it; whoever uses it loses it.")
        note = Say(volume if area == "storage" else other)
        return Change(
            "delete",
            area,
            self.object_kind,
            self.name,
            CALLS[self.object_kind],
            notes=(note,),
            destructive=area != "storage",
        )


def plan(want: None, have: Found | None) -> list[DeleteOrphan]:
    """While a deletion is on its way there is nothing to send again."""
    if have is None or have.leaving:
        return []
    return [DeleteOrphan(have.object_kind, have.name)]


def judge(want: None, have: Found | None) -> Verdict:
    if have is not None and have.leaving:
        return Verdict(Phase.WORKING, Say(gettext_noop("Being deleted.")), 2.0)
    return Verdict(Phase.READY, Say(gettext_noop("Nothing here accounts for it.")))
