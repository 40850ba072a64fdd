"""The record: what goes in, that nothing comes out again, and that a broken chain shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.selectors import (
    ALTERED,
    FORKED,
    GAP,
    UNSEALED,
    chain_verify,
    differences,
    kind_list,
    verb_list,
)
from apps.audit.services import record
from apps.core import marks


def note(label: str = "x", **more: Any) -> Event:
    return record(None, "thing.do", "thing", 1, label, **more)


def seal() -> None:
    """What a commit does: the test's own transaction never gets there."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set constraints all deferred")


@pytest.fixture
def tampering(db: None) -> Iterator[Callable[[str], None]]:
    """Runs SQL as someone who owns the database could: with the triggers off."""

    def run(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")
            cursor.execute("alter table audit_event disable trigger user")
            cursor.execute(sql)
            cursor.execute("alter table audit_event enable trigger user")

    yield run


# ---- what goes in


def test_an_event_tells_who_what_and_from_where(olga: User) -> None:
    marks.mark(marks.Marks("req-12345678", "192.0.2.7"))
    try:
        event = record(
            olga,
            "plan.apply",
            "plan",
            12,
            "P-12",
            before={"replicas": 2},
            after={"replicas": 4},
            reason="evening tide",
        )
    finally:
        marks.mark(marks.NOBODY)
    event.refresh_from_db()
    assert (event.actor, event.actor_name) == (olga, "Olga")
    assert (event.subject_kind, event.subject_id, event.label) == ("plan", "12", "P-12")
    assert (event.before, event.after) == ({"replicas": 2}, {"replicas": 4})
    assert (event.request_id, event.ip, event.reason) == (
        "req-12345678",
        "192.0.2.7",
        "evening tide",
    )


def test_the_console_itself_is_called_system(db: None) -> None:
    event = note()
    assert (event.actor, event.actor_name) == (None, "system")


def test_secrets_are_masked_yet_a_change_of_secret_shows(db: None) -> None:
    event = note(
        before={"secret_key": "old-secret", "region": "ap-guangzhou", "inner": [{"token": "t1"}]},
        after={"secret_key": "new-secret", "region": "ap-guangzhou", "inner": [{"token": "t1"}]},
    )
    event.refresh_from_db()
    stored = str((event.before, event.after))
    assert not any(secret in stored for secret in ("old-secret", "new-secret", "t1"))
    assert event.before["secret_key"] != event.after["secret_key"]
    assert event.before["inner"] == event.after["inner"]
    assert event.after["region"] == "ap-guangzhou"


def test_an_event_falls_with_its_transaction(db: None) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        note()
        _ = 1 / 0
    assert not Event.objects.exists()


# ---- nothing comes out


@pytest.mark.parametrize(
    "sql",
    [
        "update audit_event set label = 'y'",
        "update audit_event set position = 7, hash = 'f', previous_hash = 'f'",
        "delete from audit_event",
    ],
)
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "fresh"])
def test_the_database_refuses_to_change_an_event(db: None, sql: str, sealed: bool) -> None:
    note()
    if sealed:
        seal()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert Event.objects.get().label == "x"


def test_the_database_refuses_to_empty_the_record(db: None) -> None:
    note()
    seal()
    with connection.cursor() as cursor:
        cursor.execute("set local sdc.test = 'off'")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("truncate audit_event")
    assert Event.objects.count() == 1


def test_a_person_in_the_record_cannot_be_deleted(olga: User) -> None:
    record(olga, "thing.do", "thing", 1, "x")
    with pytest.raises(DatabaseError), transaction.atomic():
        User.objects.filter(pk=olga.pk)._raw_delete(using="default")
        seal()


def test_an_event_cannot_bring_its_own_seal(db: None) -> None:
    note()
    seal()
    event = note()
    Event.objects.create(
        at=event.at, actor_name="forger", verb="v", subject_kind="k", position=9, hash="f" * 64
    )
    seal()
    assert list(Event.objects.order_by("pk").values_list("position", flat=True)) == [1, 2, 3]
    assert chain_verify().faults == []


# ---- the chain


def test_the_chain_is_whole_and_each_hash_covers_the_one_before(db: None) -> None:
    for number in range(5):
        note(f"event {number}", after={"雪": [1, 2.5, None, {"a": "“”"}]})
    seal()
    found = chain_verify()
    assert (found.checked, found.faults) == (5, [])
    rows = list(Event.objects.order_by("position"))
    assert [row.previous_hash for row in rows] == ["", *(row.hash for row in rows[:-1])]
    assert found.head == rows[-1].hash
    assert len({row.hash for row in rows}) == 5


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("update audit_event set label = 'y' where position = 2", ALTERED),
        ("update audit_event set after = '{}' where position = 2", ALTERED),
        ("update audit_event set actor_name = 'olga' where position = 2", ALTERED),
        ("update audit_event set at = at + interval '1 us' where position = 2", ALTERED),
        ("delete from audit_event where position = 2", GAP),
        ("delete from audit_event where position = 1", GAP),
        ("update audit_event set previous_hash = repeat('0', 64) where position = 3", FORKED),
        (
            "insert into audit_event (at, actor_name, verb, subject_kind, subject_id, label,"
            " reason, request_id, previous_hash, hash)"
            " values (now(), 'f', 'v', 'k', '', '', '', '', '', '')",
            UNSEALED,
        ),
    ],
)
def test_tampering_shows(tampering: Callable[[str], None], sql: str, said: object) -> None:
    for number in range(4):
        note(f"event {number}")
    tampering(sql)
    assert said in [fault.said for fault in chain_verify().faults]


def test_the_hash_does_not_depend_on_the_session(db: None) -> None:
    note()
    seal()
    with connection.cursor() as cursor:
        cursor.execute("set local timezone = 'Asia/Shanghai'")
        cursor.execute("set local datestyle = 'German, DMY'")
    assert chain_verify().faults == []


@pytest.mark.django_db(transaction=True)
def test_events_of_many_writers_form_one_chain() -> None:
    def write(name: str) -> None:
        try:
            for number in range(10):
                with transaction.atomic():
                    note(f"{name} {number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    found = chain_verify()
    assert (found.checked, found.faults) == (40, [])


@pytest.mark.django_db(transaction=True)
def test_recording_early_makes_nobody_wait() -> None:
    """Two open transactions may both have recorded: the order is settled only as each commits."""
    elsewhere: list[str] = []

    def other() -> None:
        try:
            with transaction.atomic():
                note("second to begin, first to commit")
            elsewhere.append("committed")
        finally:
            connection.close()

    with transaction.atomic():
        note("first to begin")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
        assert elsewhere == ["committed"]
    order = list(Event.objects.order_by("position").values_list("label", flat=True))
    assert order == ["second to begin, first to commit", "first to begin"]
    assert chain_verify().faults == []


def test_the_command_says_whole_or_broken(tampering: Callable[[str], None]) -> None:
    note()
    note()
    seal()
    out, err = StringIO(), StringIO()
    call_command("audit_verify", stdout=out)
    assert "2 events, unbroken" in out.getvalue()
    tampering("update audit_event set label = 'y' where position = 1")
    with pytest.raises(CommandError):
        call_command("audit_verify", stderr=err)
    assert "position 1" in err.getvalue()


# ---- reading


def test_verbs_and_kinds_are_listed_once_each(db: None) -> None:
    assert verb_list() == kind_list() == []
    for verb, kind in (("b.do", "k2"), ("a.do", "k1"), ("b.do", "k1")):
        record(None, verb, kind, 1, "x")
    assert verb_list() == ["a.do", "b.do"]
    assert kind_list() == ["k1", "k2"]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (None, None, []),
        (None, {"a": 1}, [("a", "create", None, 1)]),
        ({"a": 1}, None, [("a", "delete", 1, None)]),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b", "change", 2, 3), ("a", "none", 1, 1)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "change", 1, 2)]),
        ({"a": [1, 2]}, {"a": [2]}, [("a", "change", [1, 2], [2])]),
        ({"a": None}, {"a": 1}, [("a", "create", None, 1)]),
        ("on", "off", [("", "change", "on", "off")]),
    ],
)
def test_differences(before: object, after: object, lines: list[tuple[object, ...]]) -> None:
    found = [(line.path, line.op, line.old, line.new) for line in differences(before, after)]
    assert found == lines
