"""Who may call the sandbox: key pairs of one Tencent Cloud account, made at the first start."""

import secrets
import string
from dataclasses import dataclass

from sandbox.store import Store

APP_ID = "1250000000"
OWNER_UIN = "100000000001"
REGION = "ap-guangzhou"


@dataclass(frozen=True)
class Key:
    """A CAM key pair.  `denied` holds actions the sub-account lacks, as `service:Action`."""

    secret_id: str
    secret_key: str
    uin: str
    denied: frozenset[str] = frozenset()

    def may(self, service: str, action: str) -> bool:
        return f"{service}:{action}" not in self.denied and f"{service}:*" not in self.denied


class Accounts:
    def __init__(self, store: Store) -> None:
        self._keys = store.collection("accounts.keys")
        if not self._keys:
            self.create()

    def create(self, *, denied: tuple[str, ...] = (), uin: str = OWNER_UIN) -> Key:
        """A new key pair that may do everything but `denied`."""
        alphabet = string.ascii_letters + string.digits
        secret_id = "AKID" + "".join(secrets.choice(alphabet) for _ in range(32))
        self._keys[secret_id] = {
            "secret_key": "".join(secrets.choice(alphabet) for _ in range(32)),
            "uin": uin,
            "denied": list(denied),
        }
        return self.get(secret_id)

    def get(self, secret_id: str) -> Key:
        """The key pair of `secret_id`; KeyError if there is none."""
        entry = self._keys[secret_id]
        return Key(secret_id, entry["secret_key"], entry["uin"], frozenset(entry["denied"]))

    def delete(self, secret_id: str) -> None:
        """From now on nobody gets in with it.  KeyError if there is none."""
        del self._keys[secret_id]

    def first(self) -> Key:
        return self.get(next(iter(self._keys)))
