"""Doors for reviewers: one picture after the other, the list of cases, one case."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.access import allowed, requires
from apps.core.context import environment_chosen
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.environments.clients import cos_for
from apps.moderation import claims, rules, selectors, services
from apps.moderation.models import Case, Decision, Preview, case_states, labels
from apps.moderation.services import Seen
from apps.moderation.story import story
from cloud.errors import CloudError

if TYPE_CHECKING:
    from apps.accounts.models import User

PICTURE_S = 300  # a signed address of a picture works so long
PICTURE_KEPT_S = 120  # and is given to the same browser again, so that it need not load it twice
STREAM = "moderation/review_stream.html"
PREVIEW = "moderation_preview"  # in the session


def person_of(request: HttpRequest) -> "User":
    return request.user  # type: ignore[return-value]


# ---- stream ---------------------------------------------------------------------------------


@never_cache
@require_safe
@requires("moderation.view")
def review(request: HttpRequest) -> HttpResponse:
    """The next open picture.  Whoever may decide is handed up to a batch of them: a lease only,
    which runs out by itself, so that asking is safe to repeat."""
    return stage(request)


def stage(
    request: HttpRequest, status: int = 200, notice: str = "", wanted: int | None = None
) -> HttpResponse:
    """The page, or only its part when htmx swaps it.  `notice` = why a wish did not count."""
    person, environment_pk = person_of(request), environment_chosen(request)
    may_decide = allowed(person, "moderation.decide")
    mine = selectors.held(person, environment_pk) if may_decide else []
    looks_ahead = "prefetch" in request.headers.get("Sec-Purpose", "")
    if may_decide and len(mine) <= selectors.AHEAD and not looks_ahead:
        missing = rules.BATCH - len(mine)
        if claims.case_claim(person=person, count=missing, environment_pk=environment_pk):
            mine = selectors.held(person, environment_pk)
    asked = request.GET.get("case", "")
    wanted = wanted or (int(asked) if asked.isascii() and asked.isdigit() else None)
    shown = next((one for one in mine if one.pk == wanted), mine[0] if mine else None)
    context: dict[str, Any] = {
        "card": selectors.card(shown) if shown else None,
        "ahead": [selectors.card(one) for one in mine if one is not shown][: selectors.AHEAD],
        "held": len(mine),
        "queue": selectors.queue(person, environment_pk),
        "today": selectors.decided_today(person),
        "last": selectors.last_of(person),
        "preview": preview_for(request),
        "previews": Preview.choices,
        "labels": labels(),
        "notice": notice,
        "may_decide": may_decide,
        "heartbeat_s": rules.HEARTBEAT_S,
        "claim_s": rules.CLAIM_S,
    }
    answer = listing_page(request, STREAM, context, partial="review")
    answer.status_code = status
    return answer


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def onward(request: HttpRequest) -> HttpResponse:
    """After a deed: the next picture, as a part or by a redirect."""
    return stage(request) if by_script(request) else redirect("review")


@require_POST
@requires("moderation.decide")
def case_decide(request: HttpRequest, pk: int) -> HttpResponse:
    case = get(pk)
    try:
        services.case_decide(
            person=person_of(request),
            case=case,
            token=token_of(request),
            verdict=request.POST.get("verdict", ""),
            label=request.POST.get("label", ""),
            reason=request.POST.get("reason", "").strip(),
            seen=Seen(
                request.POST.get("seen_mode", ""), rules.seen_ms(request.POST.get("seen_ms", ""))
            ),
            idempotency_key=request.POST.get("key", "")[:80],
        )
    except Conflict as moved:
        return stage(request, 409, moved.message)
    except RuleViolation as wrong:
        return stage(request, 422, wrong.message, wanted=pk)
    return onward(request)


@require_POST
@requires("moderation.decide")
def case_skip(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        claims.case_skip(person=person_of(request), case=get(pk), token=token_of(request))
    except Conflict as moved:
        return stage(request, 409, moved.message)
    return onward(request)


@require_POST
@requires("moderation.decide")
def case_claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Review this very case."""
    case = get(pk)
    try:
        claims.case_claim_one(person=person_of(request), case=case)
    except (Conflict, RuleViolation) as no:
        messages.error(request, no.message)
        return redirect(case)
    answer = redirect("review")
    answer["Location"] += f"?case={pk}"
    return answer


@require_POST
@requires("moderation.decide")
def decision_undo(request: HttpRequest, pk: int) -> HttpResponse:
    decision = get_object_or_404(Decision, pk=pk)
    try:
        services.decision_undo(person=person_of(request), decision=decision)
    except Conflict as moved:
        return stage(request, 409, moved.message)
    except RuleViolation as wrong:
        return stage(request, 422, wrong.message)
    if by_script(request):
        return stage(request, wanted=decision.case_id)
    answer = redirect("review")
    answer["Location"] += f"?case={decision.case_id}"
    return answer


@never_cache
@require_safe
@requires("moderation.decide")
def decision_chain(request: HttpRequest, pk: int) -> HttpResponse:
    """How far one's last decision has come; the fragment asks again while something moves."""
    last = selectors.last_of(person_of(request), pk)
    if last is None:
        raise Http404
    context = {"last": last, "preview": preview_for(request)}
    return render(request, "moderation/_last.html", context)


@require_POST
@requires("moderation.decide")
def claims_renew(request: HttpRequest) -> HttpResponse:
    """Heartbeat of an open page: 204, or 409 when nothing is held any more."""
    kept = claims.claims_renew(person=person_of(request))
    return HttpResponse(status=204 if kept else 409)


@require_POST
@requires("moderation.decide")
def claims_give_back(request: HttpRequest) -> HttpResponse:
    claims.claims_give_back(person=person_of(request))
    messages.success(request, _("What you held is free for others."))
    return redirect("case-list")


@require_POST
@requires("moderation.decide")
def skips_forget(request: HttpRequest) -> HttpResponse:
    claims.skips_forget(person=person_of(request))
    return redirect("review")


@require_POST
@requires("moderation.view")
def preview_choose(request: HttpRequest) -> HttpResponse:
    """A person's own way of seeing pictures before looking at them."""
    try:
        services.preview_choose(person=person_of(request), preview=request.POST.get("preview", ""))
    except RuleViolation as wrong:
        return HttpResponse(wrong.message, status=422, content_type="text/plain; charset=utf-8")
    request.session[PREVIEW] = request.POST["preview"]
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    return redirect("review")


def preview_for(request: HttpRequest) -> str:
    """The person's own setting; the session remembers it, so that pages need not ask."""
    kept: str = request.session.get(PREVIEW, "")
    if kept not in Preview.values:
        kept = request.session[PREVIEW] = selectors.preview_of(person_of(request))
    return kept


def token_of(request: HttpRequest) -> int:
    """The fencing token of the form; what is none matches no claim."""
    told = request.POST.get("token", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 18 else -1


# ---- pictures -------------------------------------------------------------------------------


@require_safe
@requires("moderation.view")
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """To a signed address that works for five minutes, never a public one.

    Kept by this browser for two, so that a picture decoded ahead is not loaded again."""
    case = get_object_or_404(Case.objects.select_related("environment"), pk=pk)
    try:
        url = cos_for(case.environment, case.bucket).presign("GET", case.key, PICTURE_S)
    except CloudError as refused:
        raise Http404 from refused
    answer = HttpResponseRedirect(url)
    answer["Cache-Control"] = f"private, max-age={PICTURE_KEPT_S}"
    answer["Vary"] = "Cookie"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


# ---- cases ----------------------------------------------------------------------------------


@requires("moderation.view")
def case_list(request: HttpRequest) -> HttpResponse:
    environment_pk = environment_chosen(request)
    listing = Listing(
        request,
        selectors.case_list(environment_pk),
        sorts={
            "case": "pk",
            "state": ("state", "-pk"),
            "score": ("score", "pk"),
            "age": "opened_at",
            "changed": "updated_at",
        },
        default_sort="-case",
        filters=[
            Filter("state", gettext_lazy("State"), case_states, icon="circle-dashed"),
            Filter("label", gettext_lazy("Label"), labels, "policy_label", "bookmark"),
            Filter("score", gettext_lazy("Score"), score_bands, by_score, "adjustments"),
            Filter("proof", gettext_lazy("Proof"), proofs, by_proof, "shield-check"),
        ],
        search=["key", "job_id", "image__job__prompt", "author__username"],
    )
    context = {
        "listing": listing,
        "queue": selectors.queue(person_of(request), environment_pk),
        "preview": preview_for(request),
        "may_decide": allowed(request.user, "moderation.decide"),
    }
    return listing_page(request, "moderation/case_list.html", context)


def score_bands() -> list[tuple[str, Any]]:
    low, high = rules.REVIEW_FROM, rules.FREEZE_FROM
    return [
        ("normal", f"0–{low - 1}"),
        ("review", f"{low}–{high - 1}"),
        ("severe", f"{high}–100"),
    ]


def by_score(queryset: Any, values: list[str]) -> Any:
    low, high = rules.REVIEW_FROM, rules.FREEZE_FROM
    spans = {"normal": range(low), "review": range(low, high), "severe": range(high, 101)}
    return queryset.filter(score__in=[score for value in values for score in spans[value]])


def proofs() -> list[tuple[str, Any]]:
    return [("proven", _("proven")), ("open", _("not proven"))]


def by_proof(queryset: Any, values: list[str]) -> Any:
    if len(values) == 2:
        return queryset
    return queryset.filter(proven_at__isnull=values[0] == "open")


@requires("moderation.view")
def case_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return detail(request, pk)


def detail(request: HttpRequest, pk: int, status: int = 200, wrong: str = "") -> HttpResponse:
    case = get(pk)
    person = person_of(request)
    context = {
        "row": case,
        "card": selectors.card(case),
        "story": story(case),
        "preview": preview_for(request),
        "previews": Preview.choices,
        "labels": labels(),
        "wrong": wrong,
        "typed": request.POST,
        "may_decide": allowed(person, "moderation.decide"),
        "may_release": allowed(person, "moderation.release"),
        "own": case.author_id == person.pk and not claims.is_administrator(person),
    }
    answer = listing_page(request, "moderation/case_detail.html", context, partial="case-body")
    answer.status_code = status
    return answer


@require_POST
@requires("moderation.release")
def case_overrule(request: HttpRequest, pk: int) -> HttpResponse:
    """A lead releases a frozen picture, or freezes a published one."""
    case = get(pk)
    seen = request.POST.get("generation", "")
    try:
        services.case_overrule(
            person=person_of(request),
            case=case,
            verdict=request.POST.get("verdict", ""),
            label=request.POST.get("label", ""),
            reason=request.POST.get("reason", ""),
            generation=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None,
        )
    except Conflict as moved:
        return detail(request, pk, 409, moved.message)
    except RuleViolation as wrong:
        return detail(request, pk, 422, wrong.message)
    return redirect(case)


def get(pk: int) -> Case:
    case = selectors.case_get(pk)
    if case is None:
        raise Http404
    return case
