"""What binding a cluster to a gateway takes.  Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.words import Say
from apps.gateway.plan.lines import Held, change_of


@dataclass(frozen=True)
class SourceWant:
    cluster_id: str
    name: str


@dataclass(frozen=True)
class SourceHave:
    """`name` at the gateway; another name than ours = somebody else bound the cluster."""

    cluster_id: str
    name: str
    ours: bool = True


@dataclass(frozen=True)
class BindCluster:
    source: SourceWant

    @property
    def key(self) -> str:
        return f"source/{self.source.cluster_id}"

    @property
    def change(self) -> Change:
        fields = (
            Field(gettext_noop("Cluster"), "SourceID", None, self.source.cluster_id),
            Field(gettext_noop("Kind"), "SourceType", None, "TKE"),
        )
        return change_of(
            "create", "Service source", self.source.name, "CreateNativeGatewayServiceSource", fields
        )


@dataclass(frozen=True)
class UnbindCluster:
    source: SourceHave

    @property
    def key(self) -> str:
        return f"delete/source/{self.source.cluster_id}"

    @property
    def change(self) -> Change:
        note = Say(gettext_noop("No service uses it any more; the cluster itself is not touched."))
        return change_of(
            "delete",
            "Service source",
            self.source.name,
            "DeleteNativeGatewayServiceSource",
            notes=(note,),
        )


SourceAction = BindCluster | UnbindCluster


def source_plan(want: SourceWant | None, have: SourceHave | Held | None) -> list[SourceAction]:
    """A cluster that somebody else bound serves as well; it is used, and never unbound by us."""
    if want is None:
        return [UnbindCluster(have)] if isinstance(have, SourceHave) else []
    return [] if have else [BindCluster(want)]
