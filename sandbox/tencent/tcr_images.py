"""Images in a TCR repository: tags, manifests, digests, copies."""

import hashlib
import json
from typing import Any

from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing_iso, go_utc
from sandbox.tencent.tcr import Registries
from sandbox.world import World

MIB = 1024 * 1024


class Images:
    def __init__(self, world: World, registries: Registries) -> None:
        self._world = world
        self._registries = registries

    def handlers(self) -> dict[str, Handler]:
        return {
            "DescribeImages": self.describe,
            "DescribeImageManifests": self.describe_manifest,
            "DeleteImage": self.delete,
            "DeleteRepositoryTags": self.delete_tags,
            "DuplicateImage": self.duplicate,
        }

    # -- used by the kubelet

    def has_image(self, domain: str, repository: str, reference: str) -> bool:
        """True if `domain/repository` holds the tag or digest `reference` and can be pulled."""
        for registry in self._registries.rows.values():
            if registry["domain"] != domain or registry["state"] != "Running":
                continue
            row = self._registries.repositories.get(f"{registry['id']}/{repository}")
            if row is None:
                return False
            digests = {image["digest"] for image in row["tags"].values()}
            return reference in row["tags"] or reference in digests
        return False

    def push(self, row: Document, tag: str, created_at: float, *, size_mib: int = 4300) -> None:
        """Put the image `tag` into the repository `row`, as a docker push would."""
        row["tags"][tag] = image_document(f"{row['namespace']}/{row['name']}", tag, created_at,
                                          size_mib)  # fmt: skip
        self._registries.save_repository(row, created_at)

    # -- actions

    def _tag(self, row: Document, tag: str) -> Document:
        if tag not in row["tags"]:
            raise ApiError("ResourceNotFound.ErrNoTag", f"tag {tag} not found")
        found: Document = row["tags"][tag]
        return found

    def _repository(self, ask: Ask) -> Document:
        return self._registries.repository(ask, ask["NamespaceName"], ask["RepositoryName"])

    def describe(self, ask: Ask) -> Answer:
        row = self._repository(ask)
        version, exact = ask.get("ImageVersion", ""), ask.get("ExactMatch", False)
        found = [
            (tag, image)
            for tag, image in row["tags"].items()
            if (tag == version if exact and version else version in tag)
            and ask.get("Digest", image["digest"]) == image["digest"]
        ]
        found.sort(key=lambda pair: -pair[1]["updated_at"])
        return {
            "TotalCount": len(found),
            "ImageInfoList": [
                {
                    "ImageVersion": tag,
                    "Digest": image["digest"],
                    "Size": image["size"],
                    "UpdateTime": beijing_iso(image["updated_at"]),
                    "Kind": "docker",
                    "KmsSignature": "",
                }
                for tag, image in ask.numbered_page(found)
            ],
        }

    def describe_manifest(self, ask: Ask) -> Answer:
        image = self._tag(self._repository(ask), ask["ImageVersion"])
        labels = json.loads(image["config"])["config"]["Labels"]
        return {
            "Manifest": image["manifest"],
            "Config": image["config"],
            "Labels": [{"Key": key, "Value": value} for key, value in labels.items()],
            "Size": image["size"],
        }

    def delete(self, ask: Ask) -> Answer:
        row = self._repository(ask)
        self._tag(row, ask["ImageVersion"])
        del row["tags"][ask["ImageVersion"]]
        self._registries.save_repository(row)
        return {}

    def delete_tags(self, ask: Ask) -> Answer:
        row = self._repository(ask)
        if len(ask["Tags"]) > 20:
            raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", "at most 20 tags")
        for tag in ask["Tags"]:
            self._tag(row, tag)
        for tag in ask["Tags"]:
            row["tags"].pop(tag, None)
        self._registries.save_repository(row)
        return {}

    def duplicate(self, ask: Ask) -> Answer:
        source = self._registries.repository(ask, ask["SourceNamespace"], ask["SourceRepo"])
        by_digest = {image["digest"]: image for image in source["tags"].values()}
        reference = ask["SourceReference"]
        image = by_digest.get(reference) or self._tag(source, reference)
        target = self._registries.repository(
            ask,
            ask.get("DestinationNamespace", ask["SourceNamespace"]),
            ask.get("DestinationRepo", ask["SourceRepo"]),
        )
        tag = ask["DestinationTag"]
        if tag in target["tags"] and not ask.get("Override", False):
            raise ApiError("FailedOperation.ErrorTcrResourceConflict", f"tag {tag} exists")
        target["tags"][tag] = {**image, "updated_at": self._world.clock.now()}
        self._registries.save_repository(target)
        return {}


def image_document(repository: str, tag: str, created_at: float, size_mib: int) -> Document:
    """An image whose digest is really that of its manifest."""
    config: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "created": go_utc(created_at),
        "config": {
            "Cmd": ["python", "launch.py"],
            "ExposedPorts": {"7860/tcp": {}},
            "Labels": {
                "org.opencontainers.image.title": repository.rsplit("/", 1)[-1],
                "org.opencontainers.image.version": tag,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    config_text = json.dumps(config)
    sizes = [size_mib * MIB * share // 100 for share in (3, 62, 35)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config_text),
            "digest": _digest(config_text),
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": size,
                "digest": _digest(f"{repository}:{tag}:{index}"),
            }
            for index, size in enumerate(sizes)
        ],
    }
    manifest_text = json.dumps(manifest, indent=3)
    return {
        "digest": _digest(manifest_text),
        "size": sum(sizes) + len(config_text),
        "updated_at": created_at,
        "manifest": manifest_text,
        "config": config_text,
    }


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
