"""One machine over plain HTTP: `make run` and commands by hand."""

import json
import os
from pathlib import Path

_home = Path(os.environ.get("SDCONSOLE_HOME", Path(__file__).parents[2] / ".sdconsole"))
_run = _home / "environment.json"
if "DATABASE_URL" not in os.environ and _run.exists():
    # A command typed while `make run` is up talks to the same servers.
    for _name, _value in json.loads(_run.read_text()).items():
        os.environ.setdefault(_name, _value)
os.environ.setdefault("LOG_FORMAT", "plain")

from sdconsole.settings.base import *  # noqa: E402

SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0
SECURE_PROXY_SSL_HEADER = None  # type: ignore[assignment]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
