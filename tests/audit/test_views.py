"""The record as pages and files."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.services import record
from tests.cast import signed_in


@pytest.fixture
def deeds(olga: User, root: User) -> None:
    record(olga, "plan.apply", "plan", 12, "P-12", reason="evening tide")
    record(root, "person.change", "person", 3, "vic", before={"roles": []}, after={"roles": ["x"]})
    old = record(None, "drift.found", "deployment", 7, "anime-v5")
    # As if it had happened long ago: the trigger refuses an update, so the row is written anew.
    Event.objects.create(
        **{
            **{f.name: getattr(old, f.name) for f in Event._meta.fields if f.name != "id"},
            "at": timezone.now() - timedelta(days=90),
            "label": "anime-v4",
        }
    )


def labels(client: Any, query: str) -> list[str]:
    return [e.label for e in client.get(reverse("event-list") + query).context["listing"].rows]


def test_newest_first_filtered_and_searched(deeds: None, olga: User) -> None:
    client = signed_in(olga)
    assert labels(client, "") == ["anime-v4", "anime-v5", "vic", "P-12"]
    assert labels(client, "?verb=plan.apply") == ["P-12"]
    assert labels(client, "?kind=deployment") == ["anime-v4", "anime-v5"]
    assert labels(client, f"?actor={olga.pk}") == ["P-12"]
    assert labels(client, "?since=24") == ["anime-v5", "vic", "P-12"]
    assert labels(client, "?q=tide") == ["P-12"]
    assert labels(client, "?q=nothing+like+it") == []
    assert labels(client, "?since=999&verb=made.up&sort=evil") == labels(client, "")


def test_a_fragment_is_only_the_rows(deeds: None, olga: User) -> None:
    asked = {"hx-request": "true", "hx-target": "rows"}
    page = signed_in(olga).get(reverse("event-list"), headers=asked).content.decode()
    assert 'id="rows"' in page
    assert "<html" not in page


def test_an_empty_record_says_so(olga: User) -> None:
    assert "Nothing has happened yet" in signed_in(olga).get(reverse("event-list")).content.decode()


def test_detail_shows_before_after_reason_and_the_seal(deeds: None, root: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
    event = Event.objects.get(verb="person.change")
    page = signed_in(root).get(reverse("event-detail", args=[event.pk])).content.decode()
    assert "roles" in page
    assert event.hash in page
    assert "without a reason" in page
    tide = Event.objects.get(verb="plan.apply")
    assert "evening tide" in signed_in(root).get(f"/audit/{tide.pk}/").content.decode()


def test_hostile_text_is_shown_not_run(olga: User) -> None:
    evil = "<script>alert(1)</script>"
    event = record(olga, "thing.do", "thing", evil, evil, after={evil: evil}, reason=evil)
    client = signed_in(olga)
    for url in (reverse("event-list"), reverse("event-detail", args=[event.pk])):
        assert evil not in client.get(url).content.decode()


def test_csv_holds_what_the_list_shows(deeds: None, olga: User) -> None:
    answer = signed_in(olga).get(reverse("event-csv") + "?kind=deployment")
    assert answer.streaming
    assert "attachment" in answer.headers["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["label"] for row in rows] == ["anime-v5", "anime-v4"]


def test_csv_never_hands_a_spreadsheet_a_formula(olga: User) -> None:
    record(olga, "thing.do", "thing", 1, "=HYPERLINK(1)", reason="@sum", after={"a": 1})
    answer = signed_in(olga).get(reverse("event-csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
    (row,) = csv.DictReader(text.splitlines())
    assert (row["label"], row["reason"], row["after"]) == ("'=HYPERLINK(1)", "'@sum", '{"a": 1}')


def test_json_lines_hold_whole_events(deeds: None, root: User) -> None:
    answer = signed_in(root).get(reverse("event-jsonl"))
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[arg-type]
    events = [json.loads(line) for line in lines]
    assert [event["label"] for event in events] == ["P-12", "vic", "anime-v5", "anime-v4"]
    assert events[1]["after"] == {"roles": ["x"]}


@pytest.mark.parametrize("name", ["event-list", "event-csv", "event-jsonl"])
def test_reading_needs_the_right(name: str, vic: User) -> None:
    assert signed_in(vic).get(reverse(name)).status_code == 403
