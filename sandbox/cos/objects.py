"""Buckets and objects: what is stored where, under which ACL.  blobs.py has the bytes.

Other parts of the sandbox use this in process: `get`, `read`, `put`, `acl`, `set_acl`.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.accounts import OWNER_UIN, REGION
from sandbox.cos import access
from sandbox.cos.blobs import Blob, Blobs
from sandbox.cos.errors import CosError
from sandbox.store import Document
from sandbox.world import World

MAX_KEY_BYTES = 850
_BUCKET_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]{5,12}$")


class Objects:
    """A bucket's document: owner, acl, created, region, and cors, lifecycle, tags when set.

    An object's document: segments [[blob, bytes]], size, etag (no quotes), crc64, modified (epoch
    seconds), headers (content-type, x-cos-meta-* and so on), acl, tags, owner.
    """

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._buckets = world.store.collection("cos.buckets")
        self._objects = world.store.collection("cos.objects")
        self.blobs = Blobs(world.home / "cos")
        self._keys: dict[str, list[str]] = {name: [] for name in self._buckets}
        for path in self._objects:
            bucket, _, key = path.partition("/")
            self._keys[bucket].append(key)
        for keys in self._keys.values():
            keys.sort()

    # Buckets.

    def buckets(self) -> list[tuple[str, Document]]:
        return list(self._buckets.items())

    def bucket(self, name: str) -> Document:
        """Raises CosError NoSuchBucket."""
        if name not in self._buckets:
            raise CosError("NoSuchBucket")
        return self._buckets[name]

    def save_bucket(self, name: str) -> None:
        self._buckets.save(name)

    def create_bucket(
        self, name: str, *, owner: str = OWNER_UIN, acl: Document | None = None
    ) -> None:
        """Raises CosError for a bad name and for one that is taken."""
        if not _BUCKET_NAME.match(name):
            raise CosError("InvalidBucketName")
        if name in self._buckets:
            own = self._buckets[name]["owner"] == owner
            raise CosError("BucketAlreadyOwnedByYou" if own else "BucketAlreadyExists")
        self._buckets[name] = {
            "owner": owner,
            "acl": acl or access.canned("private", owner, access.BUCKET_CANNED),
            "created": self._clock.now(),
            "region": REGION,
        }
        self._keys[name] = []

    def delete_bucket(self, name: str) -> None:
        self.bucket(name)
        if self._keys[name]:
            raise CosError("BucketNotEmpty")
        del self._buckets[name]
        del self._keys[name]

    # Objects.

    def exists(self, bucket: str, key: str) -> bool:
        return f"{bucket}/{key}" in self._objects

    def get(self, bucket: str, key: str) -> Document:
        """Raises CosError NoSuchBucket or NoSuchKey."""
        self.bucket(bucket)
        if not self.exists(bucket, key):
            raise CosError("NoSuchKey")
        return self._objects[f"{bucket}/{key}"]

    def read(self, bucket: str, key: str) -> bytes:
        """The whole object, for what fits in memory."""
        return self.blobs.read(self.get(bucket, key)["segments"])

    def put(
        self, bucket: str, key: str, data: bytes, *, content_type: str = "", acl: str = "default"
    ) -> Document:
        """Store `data` in process, as the owner of the bucket would."""
        owner = self.bucket(bucket)["owner"]
        blob = self.blobs.write(data)
        headers = {"content-type": content_type or "application/octet-stream"}
        made = access.canned(acl, owner, access.OBJECT_CANNED)
        return self.store(
            bucket, key, [blob], etag=blob.md5, crc=blob.crc, headers=headers, acl=made
        )

    def store(
        self,
        bucket: str,
        key: str,
        blobs: Sequence[Blob],
        *,
        etag: str,
        crc: int,
        headers: Mapping[str, str],
        acl: Document,
        tags: Mapping[str, str] | None = None,
    ) -> Document:
        """Make the object of these blobs the current one; what it replaces is gone."""
        old = self._objects.get(f"{bucket}/{key}")
        document: dict[str, Any] = {
            "segments": [[blob.name, blob.size] for blob in blobs],
            "size": sum(blob.size for blob in blobs),
            "etag": etag,
            "crc64": str(crc),
            "modified": self._clock.now(),
            "headers": dict(headers),
            "acl": acl,
            "tags": dict(tags or {}),
            "owner": self.bucket(bucket)["owner"],
        }
        self._objects[f"{bucket}/{key}"] = document
        if old is None:
            insort(self._keys[bucket], key)
        else:
            self.blobs.remove([name for name, _ in old["segments"]])
        return document

    def save(self, bucket: str, key: str) -> None:
        """Write the object's document as it is now in memory."""
        self._objects.save(f"{bucket}/{key}")

    def delete(self, bucket: str, key: str) -> bool:
        """True if there was such an object."""
        self.bucket(bucket)
        document = self._objects.pop(f"{bucket}/{key}", None)
        if document is None:
            return False
        keys = self._keys[bucket]
        del keys[bisect_left(keys, key)]
        self.blobs.remove([name for name, _ in document["segments"]])
        return True

    def keys(self, bucket: str, *, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys in byte order that begin with `prefix` and come after `after`."""
        keys = self._keys[bucket]
        at = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
        while at < len(keys) and keys[at].startswith(prefix):
            yield keys[at]
            at += 1

    # Access.

    def acl(self, bucket: str, key: str) -> Document:
        """The object's own ACL; {"default": True, ...} means that the bucket's holds."""
        return self.get(bucket, key)["acl"]  # type: ignore[no-any-return]

    def set_acl(self, bucket: str, key: str, acl: Document | str) -> None:
        """`acl` is an ACL document or a canned name."""
        document = self.get(bucket, key)
        if isinstance(acl, str):
            acl = access.canned(acl, document["owner"], access.OBJECT_CANNED)
        document["acl"] = acl
        self.save(bucket, key)

    def allows(self, bucket: str, key: str, permission: str, uin: str | None) -> bool:
        """True if `uin` (None: anyone) has `permission` on this key, be there an object or not."""
        holder = self.bucket(bucket)
        if uin == holder["owner"]:
            return True
        acl = holder["acl"]
        if permission != "WRITE" and key and self.exists(bucket, key):
            own = self.acl(bucket, key)
            acl = acl if own["default"] else own
        return access.allows(acl, permission, uin)
