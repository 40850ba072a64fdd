"""CI's calls.  They come in on the COS port, by CI's own host or below the bucket's path."""

import asyncio
import re
from typing import Any

from sandbox import demo
from sandbox.accounts import REGION
from sandbox.ci import reply
from sandbox.ci.errors import CiError
from sandbox.ci.jobs import Jobs
from sandbox.ci.strategies import Strategies
from sandbox.cos.call import Call, Reply, xml_reply
from sandbox.cos.errors import CosError
from sandbox.cos.markup import many
from sandbox.cos.times import iso
from sandbox.world import World

MAX_BATCH = 100
RECOGNITION = "sensitive-content-recognition"
# Paths of CI, whatever the host; a COS object of such a name is hidden behind them.
_PATHS = re.compile(
    r"^/(?:image/auditing(?:/si[0-9a-f]{32})?|audit/strategy(?:/[^/]+)?|report/badcase|picbucket)$"
)
_GET_NAMES = {
    "porn": "Porn", "terrorist": "Terrorism", "terrorism": "Terrorism", "politics": "Politics",
    "ads": "Ads", "teenager": "Teenager",
}  # fmt: skip


class Ci:
    world: World
    jobs: Jobs
    strategies: Strategies

    async def start(self, world: World) -> None:
        self.world = world
        self.strategies = Strategies(world)
        self.jobs = Jobs(world, self.strategies)
        self._badcases = world.store.collection("ci.badcases")
        self.jobs.start()

    async def stop(self) -> None:
        await self.jobs.stop()

    def seed(self, world: World) -> None:
        """Someone bound the bucket of the pictures to CI in the console."""
        self._bind(demo.BUCKET, bound=True)

    def _bind(self, bucket: str, *, bound: bool) -> None:
        self.world.cos.objects.bucket(bucket)["ci"] = bound
        self.world.cos.objects.save_bucket(bucket)

    def takes(self, call: Call) -> bool:
        """True if this is a call to CI."""
        if call.address.ci or call.parameters.get("ci-process") == RECOGNITION:
            return True
        return bool(call.bucket and _PATHS.match(call.address.path))

    async def answer(self, call: Call) -> Reply:
        """Serve one call of CI.  Raises CosError or CiError."""
        if call.caller is None:
            raise CiError("AccessDenied")
        path = call.address.path
        if path == "/picbucket":
            return await self._guarded(call, "BindBucket", "CreatePicBucket", self._bucket)
        owner = self.world.cos.objects.bucket(call.bucket)["owner"]
        if call.uin != owner:
            raise CiError("AccessDenied")
        if not self.world.cos.objects.bucket(call.bucket).get("ci"):
            raise CiError("AccessDenied", "The bucket is not bound to CI.")
        if call.parameters.get("ci-process") == RECOGNITION and call.method == "GET":
            return await self._guarded(
                call, "Recognition", "CreateAuditingPictureJob", self._recognize
            )
        if path == "/image/auditing" and call.method == "POST":
            return await self._guarded(call, "SubmitJob", "CreateAuditingPictureJob", self._submit)
        if path.startswith("/image/auditing/") and call.method == "GET":
            return await self._guarded(call, "QueryJob", "DescribeAuditingPictureJob", self._query)
        if path.startswith("/audit/strategy"):
            return await self._guarded(call, "Strategy", "AuditStrategy", self._strategy)
        if path == "/report/badcase" and call.method == "POST":
            return await self._guarded(call, "ReportBadcase", "ReportBadcase", self._badcase)
        raise CiError("MethodNotAllowed")

    async def _guarded(self, call: Call, fault: str, action: str, serve: Any) -> Reply:
        """Serve with the fault rules around it; `action` is the name in access policies."""
        await self.world.faults.before("ci", fault, writes=call.method != "GET")
        if call.caller and not call.caller.may("ci", action):
            raise CiError("AccessDenied")
        made: Reply = await serve(call)
        made.headers["x-ci-request-id"] = call.request_id
        await self.world.faults.after("ci", fault)
        return made

    # Jobs.

    async def _submit(self, call: Call) -> Reply:
        if not await call.body():
            raise CiError("MissingContent")
        wish = await call.xml("Request")
        inputs = many(wish.get("Input"))
        if not inputs or len(inputs) > MAX_BATCH:
            raise CiError("InvalidArgument", f"Input must hold 1 to {MAX_BATCH} images.")
        given = wish.get("Conf") or {}
        conf = self.jobs.conf(given)
        made = [self.jobs.add(call.bucket, source, conf) for source in inputs]
        if str(given.get("Async") or "0") == "1":
            for job in made:
                self.jobs.audit_later(job)
        else:
            await asyncio.gather(*(self.jobs.audit_now(job) for job in made))
        details = [reply.job_detail(job) for job in made]
        return xml_reply("Response", {"JobsDetail": details, "RequestId": call.request_id})

    async def _query(self, call: Call) -> Reply:
        job = self.jobs.get(call.bucket, call.address.path.rsplit("/", 1)[1])
        detail = reply.job_detail(job)
        return xml_reply("Response", {"JobsDetail": detail, "RequestId": call.request_id})

    async def _recognize(self, call: Call) -> Reply:
        """The GET form: one object (or detect-url), parameters in the query."""
        asked = call.parameters
        names = [name for name in asked.get("detect-type", "").split(",") if name]
        known = [_GET_NAMES[name] for name in names if name in _GET_NAMES]
        conf = self.jobs.conf(
            {
                "BizType": asked.get("biz-type"),
                "DetectType": ",".join(known),
                "Callback": asked.get("callback"),
            }
        )
        source = {
            "LargeImageDetect": asked.get("large-image-detect"),
            "DataId": asked.get("dataid"),
        }
        if asked.get("detect-url"):
            source["Url"] = asked["detect-url"]
        else:
            self.world.cos.objects.get(call.bucket, call.key)  # a 404 like any other read
            source["Object"] = call.key
        job = self.jobs.add(call.bucket, source, conf)
        if asked.get("async") == "1":
            self.jobs.audit_later(job)
        else:
            await self.jobs.audit_now(job)
        if job["state"] == "Failed":
            raise CiError(job["code"], job["message"])
        return xml_reply("RecognitionResult", reply.recognition(job))

    # Everything else.

    async def _strategy(self, call: Call) -> Reply:
        biz_type = call.address.path.removeprefix("/audit/strategy").strip("/")
        return await self.strategies.answer(call, biz_type)

    async def _badcase(self, call: Call) -> Reply:
        """Someone says that a verdict was wrong; it is kept, verdicts do not learn from it."""
        wish = await call.xml("Request")
        if wish.get("ContentType") not in ("1", "2") or not wish.get("SuggestedLabel"):
            raise CiError("InvalidArgument", "ContentType and SuggestedLabel are needed.")
        missing = "Text" if wish["ContentType"] == "1" else "Url"
        if not wish.get(missing) and not wish.get("JobId"):
            raise CiError("InvalidArgument", f"{missing} is needed.")
        self._badcases[call.request_id] = {"bucket": call.bucket, **wish}
        return xml_reply("Response", {"RequestId": call.request_id})

    def badcases(self) -> list[dict[str, Any]]:
        return list(self._badcases.values())

    async def _bucket(self, call: Call) -> Reply:
        """Which buckets CI may read."""
        objects = self.world.cos.objects
        if call.method == "GET":
            return self._buckets(call)
        if call.method not in ("POST", "DELETE"):
            raise CiError("MethodNotAllowed")
        if objects.bucket(call.bucket)["owner"] != call.uin:
            raise CosError("AccessDenied")
        self._bind(call.bucket, bound=call.method == "POST")
        bucket = {"Name": call.bucket, "Region": REGION, "CreateTime": iso(self.world.clock.now())}
        content = {"RequestId": call.request_id}
        if call.method == "POST":
            content["PicBucket"] = {"BucketId": call.bucket, **bucket}  # type: ignore[assignment]
        return xml_reply("Response", content)

    def _buckets(self, call: Call) -> Reply:
        asked = call.parameters
        names = [name for name in asked.get("bucketNames", "").split(",") if name]
        bound = [
            (name, bucket)
            for name, bucket in self.world.cos.objects.buckets()
            if bucket.get("ci")
            and bucket["owner"] == call.uin
            and (not names or name in names)
            and name.startswith(asked.get("bucketName", ""))
        ]
        page, size = call.number("pageNumber", 1, 1, 10**6), call.number("pageSize", 10, 1, 100)
        shown = [
            {
                "BucketId": name,
                "Name": name.rsplit("-", 1)[0],
                "Region": bucket["region"],
                "CreateTime": iso(bucket["created"]),
            }
            for name, bucket in bound[(page - 1) * size : page * size]
        ]
        content = {
            "RequestId": call.request_id,
            "TotalCount": len(bound),
            "PageNumber": page,
            "PageSize": size,
            "PicBucketList": shown,
        }
        return xml_reply("Response", content)
