"""Multipart uploads: parts wait here until they are completed into an object or aborted."""

import hashlib
import secrets
from collections.abc import Sequence
from itertools import pairwise

from sandbox.cos.blobs import Blob, crc_of_both
from sandbox.cos.errors import CosError
from sandbox.cos.objects import Objects
from sandbox.store import Document
from sandbox.world import World

MAX_PART_NUMBER = 10_000
MIN_PART_BYTES = 1 << 20  # of every part but the last


class Uploads:
    """An upload's document: bucket, key, started (epoch s), headers, acl, tags."""

    def __init__(self, world: World, objects: Objects) -> None:
        self._clock = world.clock
        self._objects = objects
        self._uploads = world.store.collection("cos.uploads")
        self._parts = world.store.collection("cos.parts")
        self._numbers: dict[str, dict[int, Document]] = {name: {} for name in self._uploads}
        for path, part in self._parts.items():
            upload_id, _, number = path.partition("/")
            self._numbers[upload_id][int(number)] = part

    def start(self, bucket: str, key: str, document: Document) -> str:
        upload_id = f"{int(self._clock.now())}{secrets.token_hex(24)}"
        self._numbers[upload_id] = {}
        self._uploads[upload_id] = {
            **document,
            "bucket": bucket,
            "key": key,
            "started": self._clock.now(),
        }
        return upload_id

    def get(self, bucket: str, key: str, upload_id: str) -> Document:
        """Raises CosError NoSuchUpload."""
        document = self._uploads.get(upload_id)
        if document is None or (document["bucket"], document["key"]) != (bucket, key):
            raise CosError("NoSuchUpload")
        return document

    def all(self, bucket: str) -> list[tuple[str, Document]]:
        """The open uploads of a bucket by key, then by age."""
        found = [(name, doc) for name, doc in self._uploads.items() if doc["bucket"] == bucket]
        return sorted(found, key=lambda pair: (pair[1]["key"], pair[1]["started"]))

    def parts(self, upload_id: str) -> list[tuple[int, Document]]:
        return sorted(self._numbers[upload_id].items())

    def add(self, upload_id: str, number: int, blob: Blob) -> None:
        """A part sent again replaces the first.  NoSuchUpload if it was closed meanwhile."""
        if upload_id not in self._uploads:
            self._objects.blobs.remove([blob.name])
            raise CosError("NoSuchUpload")
        old = self._numbers[upload_id].get(number)
        part = {
            "blob": blob.name, "size": blob.size, "md5": blob.md5, "crc": blob.crc,
            "modified": self._clock.now(),
        }  # fmt: skip
        self._numbers[upload_id][number] = part
        self._parts[f"{upload_id}/{number}"] = part
        if old:
            self._objects.blobs.remove([old["blob"]])

    def complete(
        self, bucket: str, key: str, upload_id: str, wanted: Sequence[tuple[int, str]]
    ) -> Document:
        """Make the object of the `wanted` parts (number, ETag without quotes), in that order.

        Raises CosError InvalidPartOrder, InvalidPart or EntityTooSmall; the upload stays open then.
        """
        document = self.get(bucket, key, upload_id)
        have = self._numbers[upload_id]
        if not wanted:
            raise CosError("MalformedXML")
        numbers = [number for number, _ in wanted]
        if any(later <= former for former, later in pairwise(numbers)):
            raise CosError("InvalidPartOrder")
        if any(number not in have or have[number]["md5"] != etag for number, etag in wanted):
            raise CosError("InvalidPart")
        if any(have[number]["size"] < MIN_PART_BYTES for number in numbers[:-1]):
            raise CosError("EntityTooSmall")
        blobs = [
            Blob(part["blob"], part["size"], part["md5"], part["crc"])
            for part in (have[number] for number in numbers)
        ]
        crc = 0
        for blob in blobs:
            crc = crc_of_both(crc, blob.crc, blob.size)
        digests = b"".join(bytes.fromhex(blob.md5) for blob in blobs)
        made = self._objects.store(
            bucket,
            key,
            blobs,
            etag=f"{hashlib.md5(digests).hexdigest()}-{len(blobs)}",
            crc=crc,
            headers=document["headers"],
            acl=document["acl"],
            tags=document["tags"],
        )
        self._forget(upload_id, keep={blob.name for blob in blobs})
        return made

    def abort(self, upload_id: str) -> None:
        self._forget(upload_id, keep=set())

    def _forget(self, upload_id: str, keep: set[str]) -> None:
        parts = self._numbers.pop(upload_id)
        del self._uploads[upload_id]
        for number in parts:
            del self._parts[f"{upload_id}/{number}"]
        unused = {part["blob"] for part in parts.values()} - keep
        self._objects.blobs.remove(sorted(unused))
