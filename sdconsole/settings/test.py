"""Tests: real PostgreSQL and Valkey, cheap passwords, no manifest needed for static files."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests")
# Nobody listens there: a check needs no servers, and a test run names its own (plugin_servers.py).
# A real installation's are never picked up by accident.
os.environ.setdefault("DATABASE_URL", "postgresql:///none?host=/nowhere")
os.environ.setdefault("REDIS_URL", "unix:///nowhere/valkey.sock")
# A fixed key: what one test encrypts another process of the same test must read.
os.environ.setdefault("SDCONSOLE_ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")

from sdconsole.settings.dev import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Lets test runs empty the audit record between tests (apps/audit/migrations/0002); nothing else.
DATABASES["default"]["OPTIONS"] |= {"options": "-c sdc.test=on"}  # type: ignore[operator]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
# Never what `make run` gathered some time ago: browsers in tests run the sources of now.
STATIC_ROOT = str(BASE_DIR / "build/nothing-gathered")
LANGUAGE_CODE = "en"
# The smallest reconciled kind, to try the loop on.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.core.things"]
