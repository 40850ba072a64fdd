"""/api/v1/moderation."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Status
from pydantic import Field

from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.errors import RuleViolation
from apps.environments.clients import cos_for
from apps.environments.selectors import environment_get
from apps.moderation import claims, rules, selectors, services
from apps.moderation.models import Case, CaseState, Decision

router = Router(tags=["moderation"])
PICTURE_S = 300


class CaseOut(Output):
    """`state`: pending flagged clean frozen approved.  `phase` and `message` tell how far the
    object's visibility is: ready = proved by an anonymous read."""

    id: int
    name: str
    environment: str
    state: str
    phase: str
    message: str
    severity: int
    score: int
    label: str
    sub_label: str
    policy_label: str
    bucket: str
    key: str
    etag: str
    generation_id: int
    prompt: str
    seed: int
    reason: str
    created_at: datetime
    requested_at: datetime
    applied_at: datetime | None
    proven_at: datetime | None

    @staticmethod
    def resolve_name(case: Case) -> str:
        return str(case)

    @staticmethod
    def resolve_environment(case: Case) -> str:
        return case.environment.name

    @staticmethod
    def resolve_message(case: Case) -> str:
        return str(case.message_say)

    @staticmethod
    def resolve_reason(case: Case) -> str:
        return str(case.reason_say)

    @staticmethod
    def resolve_generation_id(case: Case) -> int:
        return case.image.job_id

    @staticmethod
    def resolve_prompt(case: Case) -> str:
        return case.image.job.prompt

    @staticmethod
    def resolve_seed(case: Case) -> int:
        return case.image.seed


class AddressedOut(CaseOut):
    """`object_url` is the object's public address: who reads it there is anonymous."""

    object_url: str

    @staticmethod
    def resolve_object_url(case: Case) -> str:
        return cos_for(case.environment, case.bucket).object_url(case.key)


class ClaimedOut(AddressedOut):
    """A case in your hands until `claim_until`: decide with `token`.  `picture` is a signed address
    that works for five minutes."""

    token: int
    claim_until: datetime
    picture: str

    @staticmethod
    def resolve_token(case: Case) -> int:
        return case.claim_token

    @staticmethod
    def resolve_picture(case: Case) -> str:
        return cos_for(case.environment, case.bucket).presign("GET", case.key, PICTURE_S)


class ProbeOut(Output):
    """One anonymous read.  `moment`: before after 1m 5m 15m look."""

    at: datetime
    generation: int
    place: str
    moment: str
    status: int
    expected: int


class DecisionOut(Output):
    id: int
    case: int
    person: str
    verdict: str
    label: str
    reason: str
    policy: str
    at: datetime

    @staticmethod
    def resolve_case(decision: Decision) -> int:
        return decision.case_id

    @staticmethod
    def resolve_person(decision: Decision) -> str:
        return decision.person.username

    @staticmethod
    def resolve_policy(decision: Decision) -> str:
        return str(decision.policy)


class CaseDetailOut(AddressedOut):
    scenes: list[dict[str, Any]]
    probes: list[ProbeOut]
    decisions: list[DecisionOut]

    @staticmethod
    def resolve_probes(case: Case) -> Any:
        return list(case.probes.all())

    @staticmethod
    def resolve_decisions(case: Case) -> Any:
        return list(case.decisions.select_related("person", "policy"))


class ClaimIn(Input):
    """Up to `count` open cases, worst and oldest first; or one by its id."""

    count: int = Field(rules.BATCH, ge=1, le=rules.BATCH_MOST)
    environment: str = ""
    case: int | None = None


class DecideIn(Input):
    """`verdict`: freeze approve escalate; a freeze needs a `label`.  `token` is the claim's.
    The same `idempotency_key` gives the same decision."""

    verdict: str
    token: int
    label: str = ""
    reason: str = ""
    idempotency_key: str = Field("", max_length=80)


class SkipIn(Input):
    token: int


class OverruleIn(Input):
    """`verdict`: approve (release) or freeze; `generation` is the case as you saw it."""

    verdict: str
    reason: str
    label: str = ""
    generation: int | None = None
    idempotency_key: str = Field("", max_length=80)


@router.get("/cases", response=Page[CaseOut])
@api_requires("moderation.view")
def cases(
    request: HttpRequest,
    state: str = "",
    environment: str = "",
    label: str = "",
    generation: int | None = None,
    cursor: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """Newest first.  `generation` is the id of the request that made the pictures."""
    found = selectors.case_list()
    if state:
        if state not in CaseState.values:
            raise RuleViolation(f"state: {', '.join(CaseState.values)}", field="state")
        found = found.filter(state=state)
    if environment:
        found = found.filter(environment=environment_get(environment))
    if label:
        found = found.filter(policy_label=label)
    if generation is not None:
        found = found.filter(image__job_id=generation)
    return page(found, cursor or None, limit)


@router.get("/cases/{int:pk}", response=CaseDetailOut)
@api_requires("moderation.view")
def one(request: HttpRequest, pk: int) -> Case:
    """With its anonymous reads and decisions."""
    return get(pk)


@router.post("/claim", response=list[ClaimedOut])
@api_requires("moderation.decide")
def claim(request: HttpRequest, body: ClaimIn) -> Any:
    """Take cases into your hands for ten minutes."""
    person: Any = request.user
    if body.case is not None:
        claims.case_claim_one(person=person, case=get(body.case))
        return [get(body.case)]
    environment_pk = environment_get(body.environment).pk if body.environment else None
    taken = claims.case_claim(person=person, count=body.count, environment_pk=environment_pk)
    order = ("-severity", "opened_at", "pk")
    return list(selectors.case_list().filter(pk__in=taken).order_by(*order))


@router.post("/cases/{int:pk}/decide", response=DecisionOut)
@api_requires("moderation.decide")
def decide(request: HttpRequest, pk: int, body: DecideIn) -> Any:
    """409 says who decided what and when, if the case is not in your hands any more."""
    person: Any = request.user
    return services.case_decide(
        person=person,
        case=get(pk),
        token=body.token,
        verdict=body.verdict,
        label=body.label,
        reason=body.reason,
        idempotency_key=body.idempotency_key,
    )


@router.post("/cases/{int:pk}/skip", response={204: None})
@api_requires("moderation.decide")
def skip(request: HttpRequest, pk: int, body: SkipIn) -> Any:
    """Pass over: free for others, and not handed to you again."""
    person: Any = request.user
    claims.case_skip(person=person, case=get(pk), token=body.token)
    return Status(204, None)


@router.post("/decisions/{int:pk}/undo", response=DecisionOut)
@api_requires("moderation.decide")
def undo(request: HttpRequest, pk: int) -> Any:
    """Within ten seconds of your own decision."""
    person: Any = request.user
    decision = Decision.objects.filter(pk=pk).first()
    if decision is None:
        raise Http404
    return services.decision_undo(person=person, decision=decision)


@router.post("/cases/{int:pk}/overrule", response=DecisionOut)
@api_requires("moderation.release")
def overrule(request: HttpRequest, pk: int, body: OverruleIn) -> Any:
    """A lead releases a frozen picture, or freezes a published one."""
    person: Any = request.user
    return services.case_overrule(
        person=person,
        case=get(pk),
        verdict=body.verdict,
        label=body.label,
        reason=body.reason,
        generation=body.generation,
        idempotency_key=body.idempotency_key,
    )


def get(pk: int) -> Case:
    case = selectors.case_get(pk)
    if case is None:
        raise Http404
    return case
