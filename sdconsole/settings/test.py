"""Tests: real PostgreSQL and Valkey, cheap passwords, no manifest needed for static files."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests")
# A fixed key: what one test encrypts another process of the same test must read.
os.environ.setdefault(
    "SDCONSOLE_ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="
)

from sdconsole.settings.dev import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
WHITENOISE_AUTOREFRESH = True
LANGUAGE_CODE = "en"
