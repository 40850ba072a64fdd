"""The API's root: who gets in, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from apps.accounts import api_auth
from apps.accounts.models import ApiToken, User
from apps.accounts.services import token_create
from apps.audit.models import Event
from apps.audit.services import record
from tests.cast import signed_in

ME = "/api/v1/me"


@pytest.fixture(autouse=True)
def fresh_counters() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def bearing(user: User, *scopes: str, name: str = "test") -> Client:
    _, secret = token_create(user=user, name=name, scopes=scopes)
    return Client(headers={"authorization": f"Bearer {secret}"})


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["request_id"] == answer.headers["X-Request-ID"]
    return said


# ---- who gets in


def test_a_token_opens(olga: User) -> None:
    answer = bearing(olga).get(ME)
    assert answer.status_code == 200
    me = answer.json()
    assert (me["username"], me["roles"]) == ("olga", ["operator"])
    assert "deployment.plan" in me["capabilities"]
    token = ApiToken.objects.get()
    assert token.last_used_at is not None


def test_a_session_opens(olga: User) -> None:
    assert signed_in(olga).get(ME).json()["username"] == "olga"


def test_nobody_gets_401_and_is_never_sent_to_the_sign_in_page(db: None) -> None:
    for method in ("get", "post", "delete"):
        answer = getattr(Client(), method)(
            "/api/v1/tokens/1" if method == "delete" else "/api/v1/tokens"
        )
        said = problem_of(answer, 401)
        assert "Bearer" in answer.headers["WWW-Authenticate"]
        assert "token" in said["detail"]


@pytest.mark.parametrize(
    "sent", ["Bearer sdc_wrong", "Bearer ", "Bearer", "Basic b2xnYTp4", "sdc_x"]
)
def test_a_wrong_credential_is_401(db: None, sent: str) -> None:
    problem_of(Client(headers={"authorization": sent}).get(ME), 401)


def test_a_wrong_token_is_refused_even_beside_a_session(olga: User) -> None:
    client = signed_in(olga)
    problem_of(client.get(ME, headers={"authorization": "Bearer sdc_wrong"}), 401)


def test_an_expired_token_is_401(olga: User) -> None:
    client = bearing(olga)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    problem_of(client.get(ME), 401)


def test_a_session_must_bring_the_csrf_token_to_change_something(olga: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    body = {"name": "x"}
    problem_of(client.post("/api/v1/tokens", body, content_type="application/json"), 403)
    client.get("/settings/")
    sent = {"x-csrftoken": client.cookies["csrftoken"].value}
    answer = client.post("/api/v1/tokens", body, content_type="application/json", headers=sent)
    assert answer.status_code == 201


def test_a_token_needs_no_csrf(olga: User) -> None:
    _, secret = token_create(user=olga, name="x")
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {secret}"})
    answer = client.post("/api/v1/tokens", {"name": "y"}, content_type="application/json")
    assert answer.status_code == 201


def test_scopes_narrow_what_a_token_may(root: User) -> None:
    narrow = bearing(root, "console.view")
    assert narrow.get(ME).json()["capabilities"] == ["console.view"]
    said = problem_of(narrow.get("/api/v1/people"), 403)
    assert said["capability"] == "account.manage"
    assert "administrator" in said["detail"]


def test_a_person_without_the_right_is_told_what_is_missing(vic: User) -> None:
    said = problem_of(bearing(vic).get("/api/v1/audit/events"), 403)
    assert said["capability"] == "audit.read"


def test_too_many_requests_are_told_when_to_come_back(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_auth, "RATE_PER_MINUTE", 3)
    client = bearing(olga)
    codes = [client.get(ME).status_code for _ in range(8)]
    # The minute may turn once in between, and the count starts anew.
    assert set(codes) == {200, 429}
    answer = client.get(ME)
    while answer.status_code == 200:
        answer = client.get(ME)
    problem_of(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


# ---- how it says no


def test_an_unknown_member_is_a_mistake(olga: User) -> None:
    body = {"name": "x", "scpoes": ["console.view"]}
    answer = bearing(olga).post("/api/v1/tokens", body, content_type="application/json")
    assert list(problem_of(answer, 422)["errors"]) == ["scpoes"]


def test_a_wrong_type_names_the_member(olga: User) -> None:
    body = {"name": "x", "days": "soon"}
    answer = bearing(olga).post("/api/v1/tokens", body, content_type="application/json")
    assert list(problem_of(answer, 422)["errors"]) == ["days"]


def test_what_is_no_json_is_400(olga: User) -> None:
    answer = bearing(olga).post("/api/v1/tokens", "{", content_type="application/json")
    problem_of(answer, 400)


def test_a_rule_is_422_with_its_sentence_and_field(olga: User) -> None:
    body = {"name": "x", "scopes": ["account.manage"]}
    answer = bearing(olga).post("/api/v1/tokens", body, content_type="application/json")
    said = problem_of(answer, 422)
    assert said["errors"] == {"scopes": [said["detail"]]}


def test_a_constraint_of_the_database_is_422(olga: User) -> None:
    body = {"name": "test"}
    answer = bearing(olga).post("/api/v1/tokens", body, content_type="application/json")
    assert "already have a token" in problem_of(answer, 422)["detail"]


def test_what_is_not_there_is_404_also_outside_the_operations(olga: User) -> None:
    client = bearing(olga)
    problem_of(client.delete("/api/v1/tokens/999999"), 404)
    for path in ("/api/v1/", "/api/v1/nothing", "/api/v2/me"):
        problem_of(client.get(path), 404)


def test_a_crash_is_a_problem_without_its_insides(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object) -> None:
        raise RuntimeError("a secret inside")

    client = bearing(olga)
    monkeypatch.setattr("apps.accounts.api.capabilities_of", crash)
    answer = client.get(ME)
    assert "secret" not in answer.content.decode()
    assert problem_of(answer, 500)["request_id"] in answer.json()["detail"]


def test_problems_speak_the_readers_language(olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(language="zh-hans")
    said = problem_of(bearing(olga).get("/api/v1/people"), 403)
    assert "权限" in said["detail"]


# ---- request ids


def test_a_request_id_is_given_or_taken_over(olga: User) -> None:
    client = bearing(olga)
    given = client.get(ME).headers["X-Request-ID"]
    assert len(given) == 32
    brought = client.get(ME, headers={"x-request-id": "trace-1234.abc"})
    assert brought.headers["X-Request-ID"] == "trace-1234.abc"
    forged = client.get(ME, headers={"x-request-id": "<script>alert(1)</script>"})
    assert len(forged.headers["X-Request-ID"]) == 32


def test_the_request_id_reaches_the_record(olga: User) -> None:
    client = bearing(olga)
    body = {"name": "second"}
    client.post(
        "/api/v1/tokens",
        body,
        content_type="application/json",
        headers={"x-request-id": "trace-1234"},
    )
    event = Event.objects.latest("pk")
    assert (event.verb, event.request_id, event.ip) == ("token.create", "trace-1234", "127.0.0.1")


# ---- operations of accounts and audit


def test_the_life_of_a_token(olga: User) -> None:
    client = bearing(olga)
    body = {"name": "second", "scopes": ["console.view"], "days": 7}
    made = client.post("/api/v1/tokens", body, content_type="application/json").json()
    second = Client(headers={"authorization": f"Bearer {made['secret']}"})
    assert second.get(ME).json()["capabilities"] == ["console.view"]
    listed = client.get("/api/v1/tokens").json()["items"]
    assert [token["name"] for token in listed] == ["second", "test"]
    assert "secret" not in listed[0]
    assert client.delete(f"/api/v1/tokens/{made['token']['id']}").status_code == 204
    problem_of(second.get(ME), 401)


def test_another_persons_token_is_not_there(olga: User, vic: User) -> None:
    other, _ = token_create(user=vic, name="x")
    problem_of(bearing(olga).delete(f"/api/v1/tokens/{other.pk}"), 404)


def test_people_through_the_api(root: User, vic: User) -> None:
    client = bearing(root)
    body = {"username": "nina", "roles": ["viewer"]}
    made = client.post("/api/v1/people", body, content_type="application/json").json()
    assert Client().login(username="nina", password=made["password"])
    listed = client.get("/api/v1/people").json()["items"]
    assert [person["username"] for person in listed] == ["nina", "root", "vic"]
    change = {"roles": ["operator"], "reason": "new job"}
    url = f"/api/v1/people/{vic.pk}"
    answer = client.patch(url, change, content_type="application/json")
    assert answer.json()["roles"] == ["operator"]
    last = client.patch(
        f"/api/v1/people/{root.pk}", {"active": False}, content_type="application/json"
    )
    problem_of(last, 422)


def test_events_come_in_pages_that_neither_repeat_nor_skip(olga: User) -> None:
    for number in range(7):
        record(olga, "thing.do", "thing", number, f"event {number}")
    client = bearing(olga)  # one more event: the token
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(
            "/api/v1/audit/events", {"cursor": cursor, "limit": 3, "verb": "thing.do"}
        )
        seen += [event["label"] for event in answer.json()["items"]]
        cursor = answer.json()["next"]
        record(olga, "thing.do", "thing", 99, "arrived meanwhile")
    assert seen == [f"event {number}" for number in reversed(range(7))]


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "W10", "WyItaWQiLCJ4IiwxXQ"])
def test_a_made_up_cursor_is_422(olga: User, cursor: str) -> None:
    answer = bearing(olga).get("/api/v1/audit/events", {"cursor": cursor})
    assert list(problem_of(answer, 422)["errors"]) == ["cursor"]


def test_events_can_be_narrowed(olga: User, root: User) -> None:
    record(root, "plan.apply", "plan", 12, "P-12")
    client = bearing(olga)

    def found(**query: str) -> list[str]:
        answer = client.get("/api/v1/audit/events", query)
        return [event["label"] for event in answer.json()["items"]]

    assert found(actor="root") == ["P-12"]
    assert found(kind="plan", subject="12") == ["P-12"]
    assert found(until="2020-01-01T00:00:00Z") == []
    problem_of(client.get("/api/v1/audit/events", {"since": "yesterday"}), 422)


# ---- the description


def test_the_description_is_complete_and_for_members_only(olga: User, ned: User) -> None:
    problem_of(Client().get("/api/v1/openapi.json"), 401)
    problem_of(signed_in(ned).get("/api/v1/openapi.json"), 403)
    described = bearing(olga).get("/api/v1/openapi.json").json()
    assert described["info"]["title"] == "SD Console"
    assert "/api/v1/audit/events" in described["paths"]
    (parameter,) = [
        p
        for p in described["paths"]["/api/v1/tokens/{token_id}"]["delete"]["parameters"]
        if p["name"] == "token_id"
    ]
    assert parameter["schema"]["type"] == "integer"
