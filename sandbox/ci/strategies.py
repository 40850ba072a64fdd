"""Audit strategies: named sets of scenes, chosen by their BizType."""

import secrets
from typing import Any

from sandbox.ci.errors import CiError
from sandbox.ci.verdicts import SCENES
from sandbox.cos.call import Call, Reply, xml_reply
from sandbox.store import Document
from sandbox.world import World

SERVICES = ("Image", "Video", "Audio", "Text", "Document", "Html")
_DEFAULT_SCENES = ("Porn", "Terrorism", "Politics", "Ads")


class Strategies:
    """A strategy's document: name, service, biz_type, default, created, labels, text_libs."""

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._found = world.store.collection("ci.strategies")
        if not self._found:
            labels: dict[str, Any] = {"Image": {scene: {} for scene in _DEFAULT_SCENES}}
            self._add("default", "Image", labels, None, default=True)

    def _add(
        self, name: str, service: str, labels: Any, text_libs: Any, *, default: bool = False
    ) -> str:
        biz_type = secrets.token_hex(16)
        self._found[biz_type] = {
            "name": name,
            "service": service,
            "biz_type": biz_type,
            "default": default,
            "created": self._clock.utc().strftime("%Y-%m-%d %H:%M:%S"),
            "labels": labels,
            "text_libs": text_libs,
        }
        return biz_type

    def get(self, biz_type: str, service: str = "Image") -> Document:
        """Raises CiError InvalidArgument."""
        found = self._found.get(biz_type)
        if found is None or found["service"] != service:
            raise CiError("InvalidArgument", f"BizType {biz_type} does not exist.")
        return found

    def scenes(self, biz_type: str) -> list[str]:
        """The scenes a picture is judged by under `biz_type`; "" is the default strategy."""
        if biz_type:
            strategy = self.get(biz_type)
        else:
            strategy = next(found for found in self._found.values() if found["default"])
        chosen = strategy["labels"].get("Image") or {}
        return [scene for scene in SCENES if scene in chosen]

    async def answer(self, call: Call, biz_type: str) -> Reply:
        """The calls below `/audit/strategy`."""
        service = call.parameters.get("service", "")
        if service not in SERVICES:
            raise CiError("InvalidArgument", f"service {service} is not valid.")
        if call.method == "POST" and not biz_type:
            return await self._create(call, service)
        if call.method == "PUT" and biz_type:
            return await self._update(call, self.get(biz_type, service))
        if call.method == "GET" and biz_type:
            return self._reply(call, {"Strategy": _shown(self.get(biz_type, service), full=True)})
        if call.method == "GET":
            return self._list(call, service)
        raise CiError("MethodNotAllowed")

    def _reply(self, call: Call, content: dict[str, Any]) -> Reply:
        return xml_reply("Response", {"RequestId": call.request_id, **content})

    async def _create(self, call: Call, service: str) -> Reply:
        wish = await call.xml("Request")
        name = wish.get("Name") or ""
        taken = any(
            found["name"] == name and found["service"] == service for found in self._found.values()
        )
        if not name or len(name) > 30 or name == "default" or taken:
            raise CiError("InvalidArgument", f"Name {name} is not valid or is taken.")
        labels = _labels(wish, service)
        biz_type = self._add(name, service, labels, wish.get("TextLibs") or None)
        return self._reply(call, {"BizType": biz_type})

    async def _update(self, call: Call, strategy: Document) -> Reply:
        wish = await call.xml("Request")
        strategy["labels"] = _labels(wish, strategy["service"])
        strategy["text_libs"] = wish.get("TextLibs") or None
        self._found[strategy["biz_type"]] = strategy
        return self._reply(call, {"BizType": strategy["biz_type"]})

    def _list(self, call: Call, service: str) -> Reply:
        found = [item for item in self._found.values() if item["service"] == service]
        offset = call.number("offset", 0, 0, len(found))
        limit = call.number("limit", 20, 1, 100)
        shown = [_shown(item) for item in found[offset : offset + limit]]
        return self._reply(call, {"TotalCount": len(found), "Strategies": shown})


def _labels(wish: dict[str, Any], service: str) -> dict[str, Any]:
    labels = wish.get("Labels")
    scenes = labels.get(service) if isinstance(labels, dict) else None
    if not isinstance(scenes, dict) or not scenes:
        raise CiError("InvalidArgument", "Labels must name one scene at least.")
    unknown = [name for name in scenes if name not in SCENES]
    if unknown:
        raise CiError("InvalidArgument", f"Scene {unknown[0]} is not valid.")
    return {service: scenes}


def _shown(strategy: Document, *, full: bool = False) -> dict[str, Any]:
    shown = {
        "Name": strategy["name"],
        "Service": strategy["service"],
        "BizType": strategy["biz_type"],
        "IsDefault": str(int(strategy["default"])),
        "CreateTime": strategy["created"],
    }
    if full:
        shown |= {"Labels": strategy["labels"], "TextLibs": strategy["text_libs"]}
    return shown
