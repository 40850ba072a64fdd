"""What preparing the adopted resources takes.  Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.kinds import Verdict
from apps.core.phases import Phase
from apps.core.words import Say
from cloud.types import CorsRule

RULE_ID = "sd-console"
# The browser sends parts, asks for their ETag, and shows pictures.
METHODS = ("GET", "HEAD", "PUT", "POST")
EXPOSED = ("ETag", "x-cos-request-id", "x-cos-hash-crc64ecma", "Content-Length")
MAX_AGE_S = 600


@dataclass(frozen=True)
class Want:
    """Empty = nothing is wanted there."""

    namespace: str = ""
    bucket: str = ""
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Have:
    """`namespace_phase`: "", Active or Terminating.  `rules`: all CORS rules of the bucket."""

    namespace_phase: str = ""
    rules: tuple[CorsRule, ...] = ()

    @property
    def ours(self) -> CorsRule | None:
        return next((rule for rule in self.rules if rule.id == RULE_ID), None)


@dataclass(frozen=True)
class MakeNamespace:
    name: str

    @property
    def key(self) -> str:
        return f"namespace/{self.name}"

    @property
    def change(self) -> Change:
        return Change(
            op="create",
            area="kubernetes",
            object_kind="Namespace",
            name=self.name,
            call="PATCH v1 namespaces",
            fields=(Field(gettext_noop("Name"), "metadata.name", None, self.name),),
        )


@dataclass(frozen=True)
class SetCors:
    """Replace our one rule; `others` go back as they were: COS replaces the document whole."""

    bucket: str
    rule: CorsRule
    old: CorsRule | None = None
    others: tuple[CorsRule, ...] = ()

    @property
    def key(self) -> str:
        return f"cors/{self.bucket}"

    @property
    def change(self) -> Change:
        old = self.old
        direct = gettext_noop("Browsers upload to the bucket directly, not through the console.")
        others = gettext_noop("Other rules that stay: %(count)s.")
        notes: tuple[Say, ...] = (Say(direct),)
        if self.others:
            notes += (Say.of(others, count=len(self.others)),)
        return Change(
            op="change" if old else "create",
            area="storage",
            object_kind="CORS rule",
            name=self.bucket,
            call="PUT Bucket cors",
            fields=(
                Field(
                    gettext_noop("Origins"),
                    "CORSRule.AllowedOrigin",
                    list(old.origins) if old else None,
                    list(self.rule.origins),
                ),
                Field(
                    gettext_noop("Methods"),
                    "CORSRule.AllowedMethod",
                    list(old.methods) if old else None,
                    list(self.rule.methods),
                ),
                Field(
                    gettext_noop("Readable headers"),
                    "CORSRule.ExposeHeader",
                    list(old.expose) if old else None,
                    list(self.rule.expose),
                ),
            ),
            notes=notes,
        )


Action = MakeNamespace | SetCors


def rule_for(origins: tuple[str, ...]) -> CorsRule:
    return CorsRule(
        origins=origins,
        methods=METHODS,
        headers=("*",),
        expose=EXPOSED,
        max_age_s=MAX_AGE_S,
        id=RULE_ID,
    )


def plan(want: Want | None, have: Have | None) -> list[Action]:
    """Nothing is ever taken away: what was made may hold other people's work by now."""
    if want is None:
        return []
    have = have or Have()
    actions: list[Action] = []
    if want.namespace and not have.namespace_phase:
        actions.append(MakeNamespace(want.namespace))
    if want.bucket and want.origins:
        rule = rule_for(want.origins)
        ours = have.ours
        if ours is None or not same(ours, rule):
            others = tuple(one for one in have.rules if one.id != RULE_ID)
            actions.append(SetCors(want.bucket, rule, ours, others))
    return actions


def same(one: CorsRule, other: CorsRule) -> bool:
    """Equal to a browser: order and letter case of header names do not count."""
    return _meaning(one) == _meaning(other)


def _meaning(rule: CorsRule) -> tuple[object, ...]:
    return (
        frozenset(rule.origins),
        frozenset(rule.methods),
        frozenset(name.lower() for name in rule.headers),
        frozenset(name.lower() for name in rule.expose),
        rule.max_age_s,
    )


def judge(want: Want | None, have: Have | None) -> Verdict:
    if want is None:
        return Verdict(Phase.READY, Say(gettext_noop("Nothing is asked for.")))
    if have is not None and have.namespace_phase == "Terminating":
        return Verdict(
            Phase.BLOCKED,
            Say.of(
                gettext_noop("Namespace %(name)s is being deleted; wait, or choose another."),
                name=want.namespace,
            ),
        )
    say = gettext_noop("Namespace and bucket are as the console needs them.")
    return Verdict(Phase.READY, Say(say))
