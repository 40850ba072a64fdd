"""A job as CI tells it: one shape for XML replies, for the GET form, and for callbacks."""

from typing import Any

from sandbox.accounts import REGION
from sandbox.ci.verdicts import VIOLATING, Scene
from sandbox.store import Document


def scene_info(scene: Scene, label: str) -> dict[str, Any]:
    """The block of one scene, PornInfo and so on."""
    info: dict[str, Any] = {
        "Code": 0,
        "Msg": "OK",
        "HitFlag": scene.hit,
        "Score": scene.score,
        "Label": label if scene.hit else "",
        "Category": scene.category,
        "SubLabel": scene.sub_label,
    }
    if scene.box:
        place = {
            "X": scene.box.x,
            "Y": scene.box.y,
            "Width": scene.box.width,
            "Height": scene.box.height,
            "Rotate": 0.0,
        }
        info["ObjectResults"] = [{"Name": scene.sub_label, "Location": place}]
    return info


def result(scenes: list[Scene]) -> dict[str, Any]:
    """The verdict over all scenes: a violation beats a suspicion, then the higher score wins."""
    worst = max(scenes, key=lambda scene: (scene.hit == VIOLATING, scene.hit != 0, scene.score))
    hit = worst.hit
    return {
        "Result": hit,
        "Label": worst.name if hit else "Normal",
        "Category": worst.category if hit else "",
        "SubLabel": worst.sub_label if hit else "",
        "Score": worst.score,
        "Text": "",
        **{f"{scene.name}Info": scene_info(scene, scene.name) for scene in scenes},
    }


def job_detail(job: Document) -> dict[str, Any]:
    """The JobsDetail element of a job as it stands."""
    detail: dict[str, Any] = {}
    if job["state"] == "Failed":
        detail |= {"Code": job["code"], "Message": job["message"]}
    detail |= {"JobId": job["id"], "State": job["state"], "CreationTime": job["created"]}
    named = (("DataId", "data_id"), ("Object", "object"), ("Url", "url"), ("UserInfo", "user_info"))
    for name, member in named:
        if job.get(member):
            detail[name] = job[member]
    if job["state"] == "Success":
        detail["CompressionResult"] = job["compressed"]
        detail |= job["result"]
        detail["ForbidState"] = job["forbid_state"]
    return detail


def recognition(job: Document) -> dict[str, Any]:
    """The same for the GET form, where the violence block has another name."""
    detail = job_detail(job)
    if "TerrorismInfo" in detail:
        detail["TerroristInfo"] = detail.pop("TerrorismInfo")
    return detail


def callback(job: Document) -> dict[str, Any]:
    """The Detail body.  Overall values go out as text and those of a scene as numbers."""
    detail = job_detail(job)
    for name in ("Result", "Score", "ForbidState", "CompressionResult"):
        if name in detail:
            detail[name] = str(detail[name])
    detail |= {"BucketId": job["bucket"], "Region": REGION}
    if job.get("cos_headers"):
        detail["CosHeaders"] = job["cos_headers"]
    return {"EventName": "ReviewImage", "JobsDetail": detail}
