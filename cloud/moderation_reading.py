"""Pure: CI's results in all their forms into one JobResult.

Three forms: the JobsDetail of submit and query answers (strings), the Detail callback (the same as
JSON), and the Simple callback of console-configured moderation (snake_case).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from cloud.reading import Data, as_int, part, parts, text, texts, whole
from cloud.types import Box, JobResult, Scene

# The violence block has two names in the wild.
_BLOCKS = {
    "PornInfo": "porn",
    "TerrorismInfo": "terrorism",
    "TerroristInfo": "terrorism",
    "PoliticsInfo": "politics",
    "AdsInfo": "ads",
    "IllegalInfo": "illegal",
    "AbuseInfo": "abuse",
    "TeenagerInfo": "teenager",
    "QualityInfo": "quality",
}
_SIMPLE_BLOCKS = {
    "porn_info": "porn",
    "terrorist_info": "terrorism",
    "terrorism_info": "terrorism",
    "politics_info": "politics",
    "ads_info": "ads",
    "illegal_info": "illegal",
    "abuse_info": "abuse",
    "teenager_info": "teenager",
    "quality_info": "quality",
}


def parse_callback(body: Mapping[str, Any]) -> JobResult | None:
    """The result a callback brings; None if it names no job, as CI's test message.

    A callback is unsigned: query the job before acting on it."""
    detail = body.get("JobsDetail")
    if isinstance(detail, list):
        detail = detail[0] if detail else None
    if isinstance(detail, Mapping):
        found = job_result(detail)
        return found if found.job_id else None
    data = part(body, "data")
    if not text(data, "trace_id"):
        return None
    return _simple(body, data)


def job_result(detail: Data) -> JobResult:
    """One JobsDetail.  A job with a code but no state has failed."""
    code = text(detail, "Code")
    state = text(detail, "State") or ("Failed" if code else "Submitted")
    done = state == "Success" and detail.get("Result") not in (None, "")
    scenes = {
        name: _scene(name, part(detail, block))
        for block, name in _BLOCKS.items()
        if part(detail, block)
    }
    return JobResult(
        job_id=text(detail, "JobId"),
        data_id=text(detail, "DataId"),
        key=text(detail, "Object"),
        state=state,
        result=whole(detail, "Result") if done else None,
        label=text(detail, "Label"),
        sub_label=text(detail, "SubLabel"),
        category=text(detail, "Category"),
        score=whole(detail, "Score"),
        scenes=tuple(scenes.values()),
        forbid_state=whole(detail, "ForbidState"),
        code=code,
        message=text(detail, "Message"),
        url=text(detail, "Url"),
        bucket=text(detail, "BucketId"),
    )


def _simple(body: Data, data: Data) -> JobResult:
    code = text(body, "code")
    failed = code not in ("", "0", "Success")
    scenes = {
        name: Scene(
            name=name,
            hit=whole(part(data, block), "hit_flag"),
            score=whole(part(data, block), "score"),
            label=text(part(data, block), "label"),
        )
        for block, name in _SIMPLE_BLOCKS.items()
        if part(data, block)
    }
    url = text(data, "url")
    worst = max(
        scenes.values(), key=lambda one: (one.hit == 1, one.hit == 2, one.score), default=None
    )
    hit = worst is not None and worst.hit > 0
    return JobResult(
        job_id=text(data, "trace_id"),
        data_id=text(data, "data_id"),
        key=unquote(urlsplit(url).path.lstrip("/")),
        state="Failed" if failed else "Success",
        result=None if failed else whole(data, "result"),
        label=worst.name.capitalize() if worst and hit else "Normal",
        sub_label=worst.label if worst and hit else "",
        score=worst.score if worst else 0,
        scenes=tuple(scenes.values()),
        forbid_state=whole(data, "forbidden_status"),
        code=code if failed else "",
        message=text(body, "message") if failed else "",
        url=url,
    )


def _scene(name: str, found: Data) -> Scene:
    objects = parts(found, "ObjectResults")
    boxes = [_box(text(one, "Name"), part(one, "Location")) for one in objects]
    words: list[str] = []
    for one in parts(found, "OcrResults"):
        words.append(text(one, "Text"))
        if part(one, "Location"):
            keyword = ", ".join(texts(one, "Keywords")) or text(one, "Text")
            boxes.append(_box(keyword, part(one, "Location")))
    return Scene(
        name=name,
        hit=whole(found, "HitFlag"),
        score=whole(found, "Score"),
        label=text(found, "Label"),
        sub_label=text(found, "SubLabel"),
        category=text(found, "Category"),
        boxes=tuple(boxes),
        texts=tuple(word for word in words if word),
    )


def _box(name: str, place: Data) -> Box:
    return Box(
        name=name,
        x=whole(place, "X"),
        y=whole(place, "Y"),
        width=whole(place, "Width"),
        height=whole(place, "Height"),
        rotate=float(as_int(place.get("Rotate"))),
    )
