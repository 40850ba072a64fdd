"""From parts in COS to a checked file on the disk, over a real sandbox process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from fastcrc import crc64

from apps.core.models import RunStatus
from apps.core.phases import Phase
from apps.environments.clients import cos_for
from apps.registry.models import Upload, Verdict, Version
from tests.registry.files import model_bytes
from tests.stack import settle

pytestmark = pytest.mark.django_db


def disk_of(version: Version) -> Path:
    return Path(version.environment.cfs_mount_path)


def incoming(version: Version) -> list[Path]:
    return list((disk_of(version) / ".incoming").glob("*"))


def test_a_sealed_upload_ends_on_the_disk_checked(uploaded: Any) -> None:
    content = model_bytes()
    version = uploaded(content, seal={"sha256": hashlib.sha256(content).hexdigest()})
    settle(version)
    assert (version.phase, version.verdict) == (Phase.READY, Verdict.CLEAN)
    assert (disk_of(version) / version.path).read_bytes() == content
    assert version.path == f"models/Stable-diffusion/anything-v{version.number}.safetensors"
    assert version.sha256 == hashlib.sha256(content).hexdigest()
    assert version.crc64 == str(crc64.xz(content))
    assert (version.family, version.precision) == ("SD 1.5", "F16")
    assert version.run.status == RunStatus.SUCCEEDED
    assert incoming(version) == []
    upload = Upload.objects.get(version=version)
    assert upload.state == "done"
    assert cos_for(version.environment).head(upload.key) is None
