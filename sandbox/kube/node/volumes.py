"""Volumes of a pod as folders on this machine."""

import base64
import shutil
from pathlib import Path
from typing import Any

from sandbox.kube.context import Context

Document = dict[str, Any]
CFS = "com.tencent.cloud.csi.cfs"
CFS_TURBO = "com.tencent.cloud.csi.cfsturbo"
COSFS = "com.tencent.cloud.csi.cosfs"


class NotMounted(Exception):
    """The volume cannot be had (yet); the text is the FailedMount message."""


class Volumes:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.root = context.world.home / "kube" / context.cluster_id

    def folder(self, uid: str) -> Path:
        return self.root / "pods" / uid

    def forget(self, uid: str) -> None:
        shutil.rmtree(self.folder(uid), ignore_errors=True)

    @property
    def storage_up(self) -> bool:
        """False while this process is still starting: the file systems come after the clusters."""
        return getattr(self.context.world.tencent, "cfs", None) is not None

    def mount(self, pod: Document) -> dict[str, Path]:
        """Folder by volume name.  Raises NotMounted for the first that is not to be had."""
        found = {}
        for volume in pod["spec"].get("volumes", []):
            try:
                found[volume["name"]] = self._one(pod, volume)
            except NotMounted as exc:
                name = volume["name"]
                said = f'MountVolume.SetUp failed for volume "{name}" : {exc}'
                raise NotMounted(said) from exc
        return found

    def _one(self, pod: Document, volume: Document) -> Path:
        metadata = pod["metadata"]
        name: str = volume["name"]
        own = self.folder(metadata["uid"]) / "volumes" / name
        if "persistentVolumeClaim" in volume:
            return self._claim(metadata["namespace"], volume["persistentVolumeClaim"]["claimName"])
        if "secret" in volume:
            source = volume["secret"]
            return self._files(
                own, "secrets", metadata["namespace"], source.get("secretName", ""), source
            )
        if "configMap" in volume:
            source = volume["configMap"]
            return self._files(
                own, "configmaps", metadata["namespace"], source.get("name", ""), source
            )
        if "nfs" in volume:
            return self._nfs(volume["nfs"]["server"], volume["nfs"]["path"])
        if "hostPath" in volume:
            path: str = volume["hostPath"]["path"].lstrip("/")
            machine: str = pod["spec"]["nodeName"]
            own = self.root / "nodes" / machine / path
        elif "projected" in volume:
            self._projected(own, metadata["namespace"], volume["projected"])
        elif "emptyDir" not in volume:
            raise NotMounted(f"no driver for {', '.join(set(volume) - {'name'})} here")
        own.mkdir(parents=True, exist_ok=True)
        return own

    def _files(self, own: Path, plural: str, namespace: str, name: str, source: Document) -> Path:
        item = self.context.get(plural, namespace, name)
        own.mkdir(parents=True, exist_ok=True)
        if item is None:
            if source.get("optional"):
                return own
            raise NotMounted(f'{plural[:-1]} "{name}" not found')
        content = contents(item)
        renamed = {one["key"]: one["path"] for one in source.get("items", [])}
        for key, data in content.items():
            if renamed and key not in renamed:
                continue
            target = own / renamed.get(key, key)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return own

    def _projected(self, own: Path, namespace: str, source: Document) -> None:
        own.mkdir(parents=True, exist_ok=True)
        for part in source.get("sources", []):
            for kind, plural in (("configMap", "configmaps"), ("secret", "secrets")):
                if kind in part:
                    self._files(own, plural, namespace, part[kind]["name"], part[kind])
            for one in part.get("downwardAPI", {}).get("items", []):
                if one.get("fieldRef", {}).get("fieldPath") == "metadata.namespace":
                    (own / one["path"]).write_text(namespace)

    def _claim(self, namespace: str, name: str) -> Path:
        claim = self.context.get("persistentvolumeclaims", namespace, name)
        if claim is None:
            raise NotMounted(f'persistentvolumeclaim "{name}" not found')
        volume = self.context.get("persistentvolumes", "", claim["spec"].get("volumeName", ""))
        if claim["status"].get("phase") != "Bound" or volume is None:
            raise NotMounted(f"PVC {namespace}/{name} is not bound")
        spec = volume["spec"]
        if "nfs" in spec:
            return self._nfs(spec["nfs"]["server"], spec["nfs"]["path"])
        if "hostPath" in spec:
            where: str = spec["hostPath"]["path"].lstrip("/")
            own = self.root / "host" / where
            own.mkdir(parents=True, exist_ok=True)
            return own
        driver = spec.get("csi", {}).get("driver")
        attributes = spec.get("csi", {}).get("volumeAttributes", {})
        attributes = {key.lower(): value for key, value in attributes.items()}
        if driver == CFS:
            return self._cfs(attributes.get("host", ""), attributes.get("path", "/"))
        if driver == CFS_TURBO:
            path = attributes.get("rootdir", "/cfs") + attributes.get("path", "/")
            return self._cfs(attributes.get("host", ""), path)
        if driver == COSFS:
            return self._cosfs(spec["csi"], attributes)
        raise NotMounted(
            f"kubernetes.io/csi: attacher.MountDevice failed: driver name {driver} not found in "
            "the list of registered CSI drivers"
        )

    def _cfs(self, host: str, path: str) -> Path:
        found = self._resolve(host, path)
        if found is None:
            raise NotMounted(
                f"rpc error: code = Internal desc = mount failed: exit status 32 Mounting "
                f"arguments: -t nfs {host}:{path} Output: mount.nfs: mounting {host}:{path} "
                "failed, reason given by server: No such file or directory"
            )
        return found

    def _nfs(self, server: str, path: str) -> Path:
        """A plain NFS volume names the file system first: /<fsid>/sub."""
        _, _, below = path.lstrip("/").partition("/")
        found = self._resolve(server, path) or self._resolve(server, f"/{below}")
        if found is None:
            raise NotMounted(
                f"mount failed: exit status 32 Output: mount.nfs: mounting {server}:{path} failed, "
                "reason given by server: No such file or directory"
            )
        return found

    def _resolve(self, host: str, path: str) -> Path | None:
        if not self.storage_up:
            raise NotMounted(f"CFS: Cannot connect to nfs host {host}")
        found: Path | None = self.context.world.tencent.cfs.resolve(host, path)
        return found

    def _cosfs(self, csi: Document, attributes: dict[str, str]) -> Path:
        reference = csi.get("nodePublishSecretRef", {})
        namespace, name = reference.get("namespace", ""), reference.get("name", "")
        if self.context.get("secrets", namespace, name) is None:
            raise NotMounted(
                f"kubernetes.io/csi: mounter.SetUpAt failed to get NodePublishSecretRef "
                f'{namespace}/{name}: secrets "{name}" not found'
            )
        path = attributes.get("path", "/").strip("/")
        own = self.root / "cosfs" / attributes.get("bucket", "") / path
        own.mkdir(parents=True, exist_ok=True)
        return own


def contents(item: Document) -> dict[str, bytes]:
    """The entries of a Secret or ConfigMap as bytes."""
    if item["kind"] == "Secret":
        return {key: base64.b64decode(value) for key, value in item.get("data", {}).items()}
    found = {key: value.encode() for key, value in item.get("data", {}).items()}
    for key, value in item.get("binaryData", {}).items():
        found[key] = base64.b64decode(value)
    return found


def container_mounts(container: Document, volumes: dict[str, Path]) -> dict[str, Path]:
    """Folder by path inside the container."""
    found = {}
    for mount in container.get("volumeMounts", []):
        folder = volumes[mount["name"]]
        if mount.get("subPath"):
            folder = folder / mount["subPath"].lstrip("/")
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
        found[mount["mountPath"]] = folder
    return found
