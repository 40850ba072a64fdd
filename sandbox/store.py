"""Collections of JSON documents, kept in memory and written through to one SQLite file.

State survives a kill: every change is one committed statement.  Documents handed out are the
live ones; after changing one in place call `save(key)`.
"""

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A process kill loses nothing; only a power cut could, and a stand-in may forget then.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (collection TEXT, key TEXT, body TEXT, PRIMARY KEY (collection, key))"
        )
        self._collections: dict[str, Collection] = {}

    def collection(self, name: str) -> "Collection":
        if name not in self._collections:
            self._collections[name] = Collection(self._db, name)
        return self._collections[name]

    def close(self) -> None:
        self._db.close()


class Collection(MutableMapping[str, Document]):
    """One named set of documents by key, in the order they were made."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._name = name
        rows = db.execute(
            "SELECT key, body FROM documents WHERE collection = ? ORDER BY rowid", (name,)
        )
        self._documents: dict[str, Document] = {key: json.loads(body) for key, body in rows}

    def __getitem__(self, key: str) -> Document:
        return self._documents[key]

    def __setitem__(self, key: str, document: Document) -> None:
        self._documents[key] = document
        self.save(key)

    def __delitem__(self, key: str) -> None:
        del self._documents[key]
        self._db.execute(
            "DELETE FROM documents WHERE collection = ? AND key = ?", (self._name, key)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._documents))

    def __len__(self) -> int:
        return len(self._documents)

    def save(self, key: str) -> None:
        """Write the document of `key` as it is now in memory."""
        self._db.execute(
            "INSERT INTO documents (collection, key, body) VALUES (?, ?, ?)"
            " ON CONFLICT (collection, key) DO UPDATE SET body = excluded.body",
            (self._name, key, json.dumps(self._documents[key], separators=(",", ":"))),
        )
