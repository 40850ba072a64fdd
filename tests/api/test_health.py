"""Health, and logs that keep secrets."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from apps.core.logs import logging_config
from apps.core.secrecy import masked, scrub


def test_healthz_answers_without_the_database() -> None:
    answer = Client().get("/healthz")  # no `db` fixture: a query would fail the test
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readyz_says_ok_when_both_servers_answer(db: None) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"postgres": "ok", "valkey": "ok"})


def test_readyz_names_the_one_that_fails(db: None, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"postgres": "ok", "valkey": "failing"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer sdc_abcdefghijklmnopqrstuvwxyz", "Authorization: Bearer ***"),
        ("token sdc_abcdefghijklmnopqrstuvwxyz is bad", "token sdc_*** is bad"),
        ("POST /hooks/cos/s3cr3t-token/ 200", "POST /hooks/cos/***/ 200"),
        ("/k?q-sign-time=1&q-signature=abc123&x=1", "/k?q-sign-time=1&q-signature=***&x=1"),
        ("GET /x?token=abc", "GET /x?token=***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_leave_text(text: str, kept: str) -> None:
    assert scrub(text) == kept


@pytest.mark.parametrize(
    "key", ["password", "secret_key", "secretKey", "api_token", "kubeconfig", "Authorization"]
)
def test_values_of_sensitive_keys_are_masked(key: str) -> None:
    assert "s3cr3t" not in str(masked({"a": [{key: "s3cr3t"}]}))
    assert masked({key: ""}) == {key: ""}


def test_a_log_line_is_one_json_object_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    formatter: Any = logging_config("INFO", "json")["formatters"]["lines"]
    from structlog.stdlib import ProcessorFormatter

    made = ProcessorFormatter(
        processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
    )
    try:
        raise ValueError("Bearer sdc_abcdefghijklmnopqrstuvwxyz")
    except ValueError:
        import sys

        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "failed with %s", ("password=hunter22",), sys.exc_info()
        )
    record.api_token = "sdc_abcdefghijklmnopqrstuvwxyz"
    line = made.format(record)
    said = json.loads(line)
    assert said["event"] == "failed with password=***"
    assert "ValueError" in said["exception"]
    assert "abcdefghij" not in line
    assert "hunter22" not in line
