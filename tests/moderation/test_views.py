"""Pages of moderation: who may see what, what a deed answers, and how many queries it takes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.generation.models import Job
from apps.moderation import claims, services
from apps.moderation.models import Case, CaseState, Decision, Habit, Probe
from tests.cast import make_person, signed_in
from tests.environments.factories import make_environment
from tests.moderation.conftest import BUCKET, make_case, make_image, make_job

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "review"}


@pytest.fixture
def reviewer(rui):
    return signed_in(rui)


@pytest.fixture
def lead(lea):
    return signed_in(lea)


def decide(client, case, verdict="freeze", label="gore", **more):
    case.refresh_from_db()
    data = {"token": case.claim_token, "verdict": verdict, "label": label}
    headers = more.pop("headers", None)
    return client.post(
        f"/moderation/cases/{case.pk}/decide/", {**data, **more}, headers=headers or {}
    )


def test_opening_the_queue_hands_out_the_worst_picture(reviewer, rui):
    mild, severe = make_case(), make_case(severity=2, score=97)
    page = reviewer.get("/moderation/")
    assert page.status_code == 200
    assert page.context["card"].case == severe
    assert [card.case for card in page.context["ahead"]] == [mild]
    assert set(Case.objects.values_list("holder", flat=True)) == {rui.pk}
    assert f'action="/moderation/cases/{severe.pk}/decide/"' in page.text


def test_asking_again_hands_out_no_more_than_a_batch(reviewer):
    for _ in range(12):
        make_case()
    for _ in range(3):
        reviewer.get("/moderation/")
    assert Case.objects.filter(holder__isnull=False).count() == 8


def test_a_browser_that_only_fetches_ahead_is_handed_nothing(reviewer):
    make_case()
    reviewer.get("/moderation/", headers={"Sec-Purpose": "prefetch"})
    assert not Case.objects.filter(holder__isnull=False).exists()


def test_the_picture_comes_by_a_short_signed_address(reviewer):
    case = make_case()
    page = reviewer.get("/moderation/")
    assert "q-signature" not in page.text
    answer = reviewer.get(f"/moderation/cases/{case.pk}/picture/")
    assert answer.status_code == 302
    assert case.key in answer["Location"]
    assert "q-signature" in answer["Location"]
    assert answer["Cache-Control"] == "private, max-age=120"


@pytest.mark.parametrize("who", ["olga", "mo", "vic", "ned", "ada"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/moderation/"),
        ("get", "/moderation/cases/"),
        ("get", "/moderation/cases/{pk}/"),
        ("get", "/moderation/cases/{pk}/picture/"),
        ("post", "/moderation/cases/{pk}/decide/"),
        ("post", "/moderation/cases/{pk}/claim/"),
        ("post", "/moderation/cases/{pk}/skip/"),
        ("post", "/moderation/cases/{pk}/overrule/"),
        ("post", "/moderation/preview/"),
        ("post", "/moderation/claims/renew/"),
    ],
)
def test_everybody_else_stays_outside(who, method, path, request):
    case = make_case()
    client = signed_in(request.getfixturevalue(who))
    assert getattr(client, method)(path.format(pk=case.pk)).status_code == 403


def test_a_reviewer_may_not_overrule(reviewer):
    case = make_case(state=CaseState.FROZEN)
    answer = reviewer.post(
        f"/moderation/cases/{case.pk}/overrule/", {"verdict": "approve", "reason": "So."}
    )
    assert answer.status_code == 403
    assert "overrule" not in reviewer.get(f"/moderation/cases/{case.pk}/").text


def test_a_decision_leads_on_to_the_next_picture(reviewer):
    first, second = make_case(severity=2), make_case()
    reviewer.get("/moderation/")
    answer = decide(reviewer, first, seen_mode="grey", seen_ms="2400")
    assert (answer.status_code, answer["Location"]) == (302, "/moderation/")
    page = reviewer.get("/moderation/")
    assert page.context["card"].case == second
    assert page.context["last"].decision.case == first
    assert Decision.objects.get().seen_ms == 2400


def test_htmx_gets_the_next_picture_at_once(reviewer):
    first, second = make_case(severity=2), make_case()
    reviewer.get("/moderation/")
    answer = decide(reviewer, first, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert f'data-case="{second.pk}"' in answer.text
    assert 'data-key="u"' in answer.text


def test_a_freeze_without_label_is_422_and_the_picture_stays(reviewer):
    case = make_case()
    reviewer.get("/moderation/")
    answer = decide(reviewer, case, label="", headers=HTMX)
    assert answer.status_code == 422
    assert "needs a label" in answer.text
    assert f'data-case="{case.pk}"' in answer.text


def test_a_conflict_is_409_says_who_and_goes_on(reviewer):
    case, other = make_case(severity=2), make_case()
    reviewer.get("/moderation/")
    sam = make_person("sam", "reviewer", display_name="Sam")
    Case.objects.filter(pk=case.pk).update(claim_until=timezone.now())
    held = claims.case_claim_one(person=sam, case=Case.objects.get(pk=case.pk))
    services.case_decide(
        person=sam, case=held, token=held.claim_token, verdict="freeze", label="ads"
    )
    answer = reviewer.post(
        f"/moderation/cases/{case.pk}/decide/",
        {"token": held.claim_token - 1, "verdict": "approve"},
        headers=HTMX,
    )
    assert answer.status_code == 409
    assert "Sam froze it" in answer.text
    assert f'data-case="{other.pk}"' in answer.text


@pytest.mark.parametrize("token", ["", "x", "-1", "9" * 40, "1e3"])
def test_a_token_that_is_none_decides_nothing(reviewer, token):
    case = make_case()
    reviewer.get("/moderation/")
    answer = reviewer.post(
        f"/moderation/cases/{case.pk}/decide/", {"token": token, "verdict": "approve"}
    )
    assert answer.status_code == 409
    assert not Decision.objects.exists()


def test_undo_brings_the_picture_back(reviewer):
    case = make_case()
    reviewer.get("/moderation/")
    decide(reviewer, case)
    made = Decision.objects.get()
    answer = reviewer.post(f"/moderation/decisions/{made.pk}/undo/")
    assert answer["Location"] == f"/moderation/?case={case.pk}"
    assert reviewer.get(answer["Location"]).context["card"].case == case


def test_skipping_shows_the_next_and_an_empty_queue_says_what_was_passed_over(reviewer):
    case = make_case()
    reviewer.get("/moderation/")
    case.refresh_from_db()
    reviewer.post(f"/moderation/cases/{case.pk}/skip/", {"token": case.claim_token})
    page = reviewer.get("/moderation/")
    assert page.context["card"] is None
    assert "1 you passed over." in page.text
    reviewer.post("/moderation/skips/forget/")
    assert reviewer.get("/moderation/").context["card"].case == case


def test_an_empty_queue_says_why(reviewer, rui):
    assert "No picture is flagged." in reviewer.get("/moderation/").text
    environment = make_environment(bucket=BUCKET)
    make_case(make_image(make_job(environment, rui)))
    make_case(make_image(make_job(environment)), state=CaseState.PENDING)
    make_case(make_image(make_job(environment)), escalated_at=timezone.now())
    sam = make_person("sam", "reviewer")
    claims.case_claim_one(person=sam, case=make_case(make_image(make_job(environment))))
    text = reviewer.get("/moderation/").text
    for sentence in (
        "1 are with other reviewers.",
        "1 you asked for yourself",
        "1 wait for a lead reviewer.",
        "1 wait for a verdict of the machine.",
    ):
        assert sentence in text


def test_a_heartbeat_is_204_while_something_is_held(reviewer):
    assert reviewer.post("/moderation/claims/renew/").status_code == 409
    make_case()
    reviewer.get("/moderation/")
    assert reviewer.post("/moderation/claims/renew/").status_code == 204


def test_giving_back_frees_everything(reviewer):
    make_case()
    reviewer.get("/moderation/")
    reviewer.post("/moderation/claims/give-back/")
    assert not Case.objects.filter(holder__isnull=False).exists()


def test_the_preview_is_kept_for_the_person(reviewer, rui):
    make_case()
    assert reviewer.post("/moderation/preview/", {"preview": "sketch"}).status_code == 302
    assert Habit.objects.get(person=rui).preview == "sketch"
    assert 'data-mode="sketch"' in reviewer.get("/moderation/").text
    assert reviewer.post("/moderation/preview/", {"preview": "x-ray"}).status_code == 422


def test_markup_in_a_prompt_is_text(reviewer):
    make_case()
    Job.objects.update(prompt="<script>alert(1)</script> blood")
    text = reviewer.get("/moderation/").text
    assert "<script>alert" not in text
    assert "<mark>blood</mark>" in text


def test_the_list_filters_sorts_and_searches(reviewer):
    environment = make_environment(bucket=BUCKET)
    high = make_case(make_image(make_job(environment)), score=95, severity=2)
    low = make_case(make_image(make_job(environment)), score=12, state=CaseState.CLEAN)
    frozen = make_case(
        make_image(make_job(environment, prompt="rusty sword")),
        state=CaseState.FROZEN,
        policy_label="weapons",
        score=70,
        proven_at=timezone.now(),
    )

    def found(query):
        return reviewer.get(f"/moderation/cases/?{query}").context["listing"].rows

    assert found("") == [frozen, low, high]
    assert found("state=flagged") == [high]
    assert found("label=weapons") == [frozen]
    assert found("score=severe") == [high]
    assert found("score=normal&score=severe&sort=score") == [low, high]
    assert found("proof=proven") == [frozen]
    assert found("q=sword") == [frozen]
    assert found("state=nonsense&sort=;drop&page=999") == [frozen, low, high]


def test_a_list_without_pictures_says_how_they_come(reviewer):
    assert "No picture was drawn yet." in reviewer.get("/moderation/cases/").text


def test_the_case_page_shows_the_proof(reviewer):
    now = timezone.now()
    case = make_case(
        state=CaseState.FROZEN,
        policy_label="gore",
        requested_at=now - timedelta(seconds=3),
        applied_at=now - timedelta(seconds=2),
        proven_at=now,
        phase="ready",
        generation=2,
        observed_generation=2,
        observed={"acl": "private", "status": 403},
    )
    Probe.objects.create(case=case, generation=2, moment="before", status=200, expected=403)
    Probe.objects.create(case=case, generation=2, moment="after", status=403, expected=403)
    page = reviewer.get(f"/moderation/cases/{case.pk}/")
    chain = page.context["story"].chain
    assert [(floor.name, floor.state) for floor in chain] == [
        ("requested", "ok"),
        ("applied", "ok"),
        ("proven", "ok"),
    ]
    cells = page.context["story"].table.cells
    assert [(cell.state, cell.status) for cell in cells[:2]] == [("bad", 200), ("ok", 403)]
    assert "Origin-proven" in page.text
    assert "hx-trigger" not in page.text.split('id="case-body"')[1].split(">")[0]


def test_a_failing_proof_is_said(reviewer):
    case = make_case(
        state=CaseState.FROZEN,
        applied_at=timezone.now(),
        phase="degraded",
        message={
            "text": "An anonymous read is still answered %(status)s.",
            "params": {"status": 200},
        },
    )
    text = reviewer.get(f"/moderation/cases/{case.pk}/").text
    assert "An anonymous read is still answered 200." in text
    assert "Failing" in text


def test_a_lead_releases_from_the_page(lead):
    case = make_case(state=CaseState.FROZEN, policy_label="gore")
    page = lead.get(f"/moderation/cases/{case.pk}/")
    assert "Release it" in page.text
    answer = lead.post(
        f"/moderation/cases/{case.pk}/overrule/",
        {"verdict": "approve", "reason": "", "generation": case.generation},
    )
    assert answer.status_code == 422
    answer = lead.post(
        f"/moderation/cases/{case.pk}/overrule/",
        {"verdict": "approve", "reason": "Paint.", "generation": case.generation},
    )
    assert answer.status_code == 302
    case.refresh_from_db()
    assert case.state == CaseState.APPROVED
    stale = lead.post(
        f"/moderation/cases/{case.pk}/overrule/",
        {"verdict": "freeze", "label": "gore", "reason": "No.", "generation": 1},
    )
    assert stale.status_code == 409


def test_claiming_one_case_opens_it_in_the_stream(reviewer):
    make_case(severity=2)
    wanted = make_case()
    answer = reviewer.post(f"/moderation/cases/{wanted.pk}/claim/")
    assert answer["Location"] == f"/moderation/?case={wanted.pk}"
    assert reviewer.get(answer["Location"]).context["card"].case == wanted


def test_the_count_beside_the_navigation_is_for_those_who_may_see(reviewer, vic):
    make_case(), make_case()
    assert 'title="wait for review"' in reviewer.get("/").text
    assert "wait for review" not in signed_in(vic).get("/").text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_both_languages(reviewer, language):
    case = make_case()
    for path in ("/moderation/", "/moderation/cases/", f"/moderation/cases/{case.pk}/"):
        assert reviewer.get(path, headers={"Accept-Language": language}).status_code == 200


@pytest.mark.parametrize(("path", "most"), [("/moderation/", 17), ("/moderation/cases/", 12)])
def test_the_number_of_queries_does_not_grow(reviewer, path, most, django_assert_max_num_queries):
    for _ in range(3):
        make_case()
    reviewer.get(path)
    with django_assert_max_num_queries(most) as few:
        reviewer.get(path)
    for _ in range(47):
        make_case()
    reviewer.get(path)
    with django_assert_max_num_queries(most) as many:
        reviewer.get(path)
    assert len(many) <= len(few)


def test_a_case_page_stays_within_its_queries(reviewer, rui, django_assert_max_num_queries):
    case = make_case()
    for _ in range(20):
        Probe.objects.create(case=case, generation=1, moment="after", status=403, expected=403)
    reviewer.get(f"/moderation/cases/{case.pk}/")
    with django_assert_max_num_queries(12):
        reviewer.get(f"/moderation/cases/{case.pk}/")
