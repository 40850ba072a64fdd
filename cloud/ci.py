"""CI: image moderation jobs, their results however they arrive, policies, and verdict feedback."""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cloud.cos_wire import request_id, to_xml, xml
from cloud.errors import LostAnswer, NotFound, Rejected
from cloud.moderation_reading import job_result
from cloud.moderation_reading import parse_callback as parse_callback
from cloud.reading import Data, flag, part, parts, text, texts, whole
from cloud.types import Created, Done, ImageToJudge, JobBatch, JobResult, Strategy

if TYPE_CHECKING:
    from cloud.cos import CosClient

MAX_BATCH = 100
SERVICE = "CI"
_LISTS = ("JobsDetail", "OcrResults", "ObjectResults", "LibResults", "Keywords", "Strategies")


def submit(
    cos: "CosClient",
    images: Sequence[ImageToJudge],
    *,
    biz_type: str = "",
    scenes: Sequence[str] = (),
    callback: str = "",
    asynchronous: bool = True,
    freeze: Mapping[str, int] | None = None,
) -> JobBatch:
    """One job per image, at most 100.  One bad image does not fail the others: see its `code`.

    biz_type   the policy; or else `scenes` such as ("Porn", "Ads"); neither = CI's default policy
    callback   where CI posts each result, only for asynchronous jobs
    freeze     {"Porn": 90, …}: CI makes the object private from that score on (keys only)
    Sending the same images again makes new jobs, and bills them."""
    if not 0 < len(images) <= MAX_BATCH:
        raise Rejected(f"CI takes 1 to {MAX_BATCH} images at once.", service=SERVICE)
    conf: dict[str, Any] = {"Async": "1" if asynchronous else "0"}
    if biz_type:
        conf["BizType"] = biz_type
    if scenes:
        conf["DetectType"] = ",".join(scenes)
    if callback:
        conf["Callback"] = callback
    if freeze:
        conf["Freeze"] = {f"{name}Score": str(score) for name, score in freeze.items()}
    body = to_xml("Request", {"Input": [_input(one) for one in images], "Conf": conf})
    response = cos.wire.send(
        "POST",
        "image/auditing",
        service=SERVICE,
        headers={"Content-Type": "application/xml"},
        body=body,
        ci=True,
        timeout_s=30.0 if asynchronous else 120.0,
    )
    found = xml(response.content, "Response", lists=_LISTS)
    jobs = tuple(job_result(one) for one in parts(found, "JobsDetail"))
    if len(jobs) != len(images):
        raise LostAnswer(
            f"CI answered for {len(jobs)} of {len(images)} images.",
            request_id=request_id(response),
            service=SERVICE,
        )
    return JobBatch(jobs, text(found, "RequestId") or request_id(response))


def query(cos: "CosClient", job_id: str) -> JobResult | None:
    """The job as CI knows it (results are kept one month); None if CI does not know it."""
    try:
        response = cos.wire.send("GET", f"image/auditing/{job_id}", service=SERVICE, ci=True)
    except NotFound:
        return None
    except Rejected as refusal:
        if refusal.code in ("InvalidJobId", "JobNotFound"):
            return None
        raise
    jobs = parts(xml(response.content, "Response", lists=_LISTS), "JobsDetail")
    return job_result(jobs[0]) if jobs else None


def strategies(cos: "CosClient") -> tuple[Strategy, ...]:
    """All image policies of the bucket, without their labels."""
    found: list[Strategy] = []
    while True:
        params = {"service": "Image", "offset": str(len(found)), "limit": "20"}
        response = cos.wire.send("GET", "audit/strategy", service=SERVICE, params=params, ci=True)
        page = xml(response.content, "Response", lists=_LISTS)
        rows = [_strategy(one) for one in parts(page, "Strategies")]
        found += rows
        if not rows or len(found) >= whole(page, "TotalCount"):
            return tuple(found)


def strategy(cos: "CosClient", biz_type: str) -> Strategy | None:
    """One policy with its labels."""
    try:
        response = cos.wire.send(
            "GET",
            f"audit/strategy/{biz_type}",
            service=SERVICE,
            params={"service": "Image"},
            ci=True,
        )
    except NotFound:
        return None
    except Rejected:
        # How CI refuses an unknown policy is not documented: the list decides.
        if any(one.biz_type == biz_type for one in strategies(cos)):
            raise
        return None
    found = part(xml(response.content, "Response"), "Strategy")
    return _strategy(found) if found else None


def strategy_create(
    cos: "CosClient",
    name: str,
    labels: Mapping[str, Sequence[str]],
    *,
    text_libs: Sequence[str] = (),
) -> Created:
    """A new policy (`name` <= 30 characters, not "default"); the id is its BizType."""
    body = {"Name": name, **_labels(labels, text_libs)}
    response = _send_strategy(cos, "POST", "audit/strategy", body)
    biz_type = text(xml(response.content, "Response"), "BizType")
    if not biz_type:
        raise LostAnswer(
            "CI made a policy without naming it.",
            request_id=request_id(response),
            service=SERVICE,
        )
    return Created(biz_type, request_id(response))


def strategy_update(
    cos: "CosClient",
    biz_type: str,
    labels: Mapping[str, Sequence[str]],
    *,
    text_libs: Sequence[str] = (),
) -> Done:
    """Replaces what the policy looks for.  There is no call that deletes a policy."""
    response = _send_strategy(cos, "PUT", f"audit/strategy/{biz_type}", _labels(labels, text_libs))
    return Done(request_id(response))


def report_badcase(
    cos: "CosClient", *, job_id: str, label: str, suggested_label: str, url: str = ""
) -> Done:
    """Tell CI that it judged an image wrongly.  Labels: "Porn", "Ads", …, "Normal"."""
    body: dict[str, Any] = {
        "ContentType": "2",
        "Label": label,
        "SuggestedLabel": suggested_label,
        "JobId": job_id,
    }
    if url:
        body["Url"] = url
    response = cos.wire.send(
        "POST",
        "report/badcase",
        service=SERVICE,
        headers={"Content-Type": "application/xml"},
        body=to_xml("Request", body),
        ci=True,
    )
    return Done(request_id(response))


def _input(image: ImageToJudge) -> dict[str, str]:
    row: dict[str, str] = {}
    if image.content:
        row["Content"] = base64.b64encode(image.content).decode()
    elif image.key:
        row["Object"] = image.key
    elif image.url:
        row["Url"] = image.url
    else:
        raise Rejected("An image to judge needs a key, a URL or its bytes.", service=SERVICE)
    if image.data_id:
        row["DataId"] = image.data_id
    if image.large:
        row["LargeImageDetect"] = "1"
    return row


def _labels(labels: Mapping[str, Sequence[str]], text_libs: Sequence[str]) -> dict[str, Any]:
    scenes = {scene: list(members) for scene, members in labels.items()}
    return {"Labels": {"Image": scenes}, **({"TextLibs": list(text_libs)} if text_libs else {})}


def _strategy(found: Data) -> Strategy:
    image = part(part(found, "Labels"), "Image")
    return Strategy(
        biz_type=text(found, "BizType"),
        name=text(found, "Name"),
        is_default=flag(found, "IsDefault"),
        labels={scene: texts(image, scene) for scene in image},
        text_libs=texts(found, "TextLibs"),
        created_at=text(found, "CreateTime"),
    )


def _send_strategy(cos: "CosClient", method: str, path: str, body: Mapping[str, Any]) -> Any:
    return cos.wire.send(
        method,
        path,
        service=SERVICE,
        params={"service": "Image"},
        headers={"Content-Type": "application/xml"},
        body=to_xml("Request", body),
        ci=True,
    )
