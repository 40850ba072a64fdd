"""Moderation jobs: submitted, audited after a while, kept for a month."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.ci import callbacks, pictures, reply, verdicts
from sandbox.ci.errors import BadPicture, CiError
from sandbox.ci.strategies import Strategies
from sandbox.cos import access
from sandbox.cos.errors import CosError
from sandbox.store import Document
from sandbox.world import World

KEPT_S = 30 * 86_400
MAX_DATA_ID_BYTES = 512
_BEIJING = timezone(timedelta(hours=8))


class Jobs:
    """A job's document: id, bucket, object | url | blob, scenes, freeze {scene: score}, state,
    submitted (epoch s), created (text), and once audited result, forbid_state or code, message.
    """

    def __init__(self, world: World, strategies: Strategies) -> None:
        self._world = world
        self._strategies = strategies
        self._found = world.store.collection("ci.jobs")
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with what a stop interrupted."""
        for job in list(self._found.values()):
            if job["state"] in ("Submitted", "Auditing"):
                self._run(job)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def conf(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a request asks for, of its Conf element.  Raises CiError InvalidArgument.

        A BizType decides the scenes alone; only without one does DetectType count.
        """
        biz_type = str(given.get("BizType") or "")
        wanted = [name for name in str(given.get("DetectType") or "").split(",") if name]
        unknown = [name for name in wanted if name not in verdicts.SCENES]
        if unknown:
            raise CiError("InvalidArgument", f"DetectType {unknown[0]} is not valid.")
        if biz_type or not wanted:
            wanted = self._strategies.scenes(biz_type)
        callback = str(given.get("Callback") or "")
        if callback and not callback.startswith(("http://", "https://")):
            raise CiError("InvalidArgument", "Callback must begin with http:// or https://.")
        return {
            "scenes": [scene for scene in verdicts.SCENES if scene in wanted],
            "freeze": _freeze(given.get("Freeze") or {}),
            "callback": callback,
        }

    def add(self, bucket: str, source: Mapping[str, Any], conf: Mapping[str, Any]) -> Document:
        """A job for one Input; what is wrong with its picture shows when it is audited."""
        now = self._world.clock.now()
        self._forget_old(now)
        data_id = str(source.get("DataId") or "")
        if len(data_id.encode()) > MAX_DATA_ID_BYTES:
            raise CiError("InvalidArgument", "DataId is longer than 512 bytes.")
        job: Document = {
            "id": f"si{secrets.token_hex(16)}",
            "bucket": bucket,
            "data_id": data_id,
            "user_info": source.get("UserInfo") or None,
            "large": str(source.get("LargeImageDetect") or "0") == "1",
            "state": "Submitted",
            "submitted": now,
            "created": datetime.fromtimestamp(now, UTC)
            .astimezone(_BEIJING)
            .isoformat("T", "seconds"),
            **conf,
        }
        if source.get("Content"):
            try:
                data = pictures.content(str(source["Content"]))
            except BadPicture as bad:
                job |= {"state": "Failed", "code": bad.code, "message": bad.message}
            else:
                job["blob"] = self._world.cos.objects.blobs.write(data).name
        elif source.get("Object"):
            job["object"] = str(source["Object"])
        elif source.get("Url"):
            job["url"] = str(source["Url"])
        else:
            raise CiError("InvalidArgument", "Input needs Object, Url or Content.")
        self._found[job["id"]] = job
        return job

    def get(self, bucket: str, job_id: str) -> Document:
        """Raises CiError ResourceNotFound, also for a job of another bucket or one too old."""
        job = self._found.get(job_id)
        now = self._world.clock.now()
        if job is None or job["bucket"] != bucket or now - job["submitted"] > KEPT_S:
            raise CiError("ResourceNotFound")
        return job

    async def audit_now(self, job: Document) -> None:
        """The synchronous way: no states to see, no callback."""
        await asyncio.sleep(self._world.pace.seconds("ci.audit") / 3)
        await self._audit(job)

    def audit_later(self, job: Document) -> None:
        if job["state"] == "Submitted":
            self._run(job)

    def _run(self, job: Document) -> None:
        task = asyncio.create_task(self._go(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _go(self, job: Document) -> None:
        patience = self._world.pace.seconds("ci.audit")
        await asyncio.sleep(patience / 3)
        self._move(job, {"state": "Auditing"})
        await asyncio.sleep(patience * 2 / 3)
        await self._audit(job)
        if job["callback"]:
            await callbacks.deliver(self._world, job["callback"], reply.callback(job))

    async def _audit(self, job: Document) -> None:
        if job["state"] == "Failed":
            return
        try:
            data = await pictures.fetch(self._world, job)
            scenes, compressed = await asyncio.to_thread(_look, data, job)
        except BadPicture as bad:
            self._move(job, {"state": "Failed", "code": bad.code, "message": bad.message})
        else:
            self._move(
                job,
                {
                    "state": "Success",
                    "result": reply.result(scenes),
                    "compressed": int(compressed),
                    "forbid_state": int(self._freeze(job, scenes)),
                    "cos_headers": self._cos_headers(job),
                },
            )
        if blob := job.pop("blob", None):
            self._world.cos.objects.blobs.remove([blob])
            self._found[job["id"]] = job

    def _move(self, job: Document, change: Document) -> None:
        job |= change
        self._found[job["id"]] = job

    def _freeze(self, job: Document, scenes: list[verdicts.Scene]) -> bool:
        """Take the object from the public if a scene reaches its threshold; True if it did."""
        limits = job["freeze"]
        hit = any(scene.name in limits and scene.score >= limits[scene.name] for scene in scenes)
        if not hit or not job.get("object"):
            return False
        objects = self._world.cos.objects
        try:
            owner = objects.get(job["bucket"], job["object"])["owner"]
        except CosError:
            return False  # deleted while it was audited
        private = access.canned("private", owner, access.OBJECT_CANNED)
        objects.set_acl(job["bucket"], job["object"], private)
        return True

    def _cos_headers(self, job: Document) -> dict[str, str]:
        if not job.get("object"):
            return {}
        if not self._world.cos.objects.exists(job["bucket"], job["object"]):
            return {}
        headers = self._world.cos.objects.get(job["bucket"], job["object"])["headers"]
        return {name: value for name, value in headers.items() if name.startswith("x-cos-meta-")}

    def _forget_old(self, now: float) -> None:
        for job_id, job in list(self._found.items()):
            if now - job["submitted"] <= KEPT_S:
                break  # jobs are kept in the order they came
            del self._found[job_id]


def _look(data: bytes, job: Document) -> tuple[list[verdicts.Scene], bool]:
    image, compressed = pictures.open_picture(data, large=job["large"])
    return verdicts.judge(image, job["scenes"]), compressed


def _freeze(given: Mapping[str, Any]) -> dict[str, int]:
    """Thresholds by scene, of the Freeze element."""
    limits = {}
    for name, text in given.items():
        scene = name.removesuffix("Score")
        if not name.endswith("Score") or scene not in verdicts.SCENES or not str(text).strip():
            continue
        if not str(text).isdigit() or not 0 <= int(text) <= 100:
            raise CiError("InvalidArgument", f"{name} must be a number from 0 to 100.")
        limits[scene] = int(text)
    return limits
