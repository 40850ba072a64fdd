"""Secrets at rest: Fernet with rotatable keys from the environment.

The first key encrypts, all keys decrypt.  A value that no key opens raises: better no answer than
the ciphertext as a password.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@cache
def box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SDCONSOLE_ENCRYPTION_KEYS])


def encrypt(text: str) -> str:
    return box().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """The text; cryptography.fernet.InvalidToken if no key fits."""
    return box().decrypt(stored.encode()).decode()


def rotated(stored: str) -> str:
    """The same secret under the first key."""
    return box().rotate(stored.encode()).decode()


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """Text that is ciphertext in the database and plain on the instance.  Cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value
