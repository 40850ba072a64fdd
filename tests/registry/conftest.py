"""Uploads without a browser: the same calls, by plain HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.utils import translation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.accounts.models import User
    from apps.environments.models import Environment
    from apps.registry.models import Upload, Version


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request of another test may have left its person's language behind."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def opened(environment: Environment, person: User, content: bytes, **wish: Any) -> Upload:
    from apps.registry import services

    return services.upload_open(
        person=person,
        environment=environment,
        **{
            "model_name": "anything",
            "type": "checkpoint",
            "file_name": "anything.safetensors",
            "size_bytes": len(content),
            **wish,
        },
    )


def started(http: requests.Session, upload: Upload) -> Upload:
    """As the browser does: POST ?uploads by itself, and tell the console the id."""
    from apps.registry import services

    answer = http.post(services.upload_doors(upload).start)
    assert answer.status_code == 200, answer.text
    found = re.search("<UploadId>([^<]+)</UploadId>", answer.text)
    assert found
    services.upload_started(upload=upload, upload_id=found[1])
    upload.refresh_from_db()
    return upload


def put_parts(http: requests.Session, upload: Upload, content: bytes, numbers: Any = None) -> None:
    from apps.registry import services

    for number in numbers or range(1, upload.parts_total + 1):
        url = services.upload_part_urls(upload=upload, numbers=[number])[number]
        piece = content[(number - 1) * upload.part_size : number * upload.part_size]
        answer = http.put(url, data=piece)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def uploaded(environment: Environment, mo: User, http: requests.Session) -> Any:
    """uploaded(content, seal={…}, **wish) -> the sealed Version, not published yet."""
    from apps.registry import services

    def upload(content: bytes, *, seal: dict[str, str] | None = None, **wish: Any) -> Version:
        row = started(http, opened(environment, mo, content, **wish))
        put_parts(http, row, content)
        return services.upload_seal(person=mo, upload=row, **(seal or {}))

    return upload
