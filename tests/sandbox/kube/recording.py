"""Exchanges recorded from a real Kubernetes 1.36 API server, and how an answer compares to one.

Values that differ from run to run are masked in the recording (`<uid>`, `<rv>`, `<time>`, ...).
"""

import gzip
import json
import re
from pathlib import Path
from typing import Any

Document = dict[str, Any]
FOLDER = Path(__file__).parent / "golden"
MASK = re.compile(r"<(?:uid|rv|time|ip|sfx|age|continue|pem|hash)>")
# What the recorded cluster's controllers had written by then, and what only that cluster does.
CONTROLLER = "kube-controller-manager"
REVISION = "deployment.kubernetes.io/revision"
# Go's diff of two structs, an object echoed whole, names made by chance, versions.
NOISE = (
    (re.compile(r"\n@@ .*", re.S), ""),
    (re.compile(r'Invalid value: "\{.*\}": strict', re.S), "Invalid value: {}: strict"),
    (re.compile(r"(kube-api-access|gen)-[a-z0-9]{5}$"), r"\1-"),
    (re.compile(r":3\d{4}/TCP"), ":30000/TCP"),
    (re.compile(r"(in record \(|, current: )\d+"), r"\1"),
)


def cases(name: str) -> list[Document]:
    """The exchanges of one recorded file, in order."""
    found: list[Document] = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    return found


def differences(recorded: Any, answer: Any, path: str = "") -> list[str]:
    """Where the answer is not what was recorded, as readable lines."""
    if isinstance(recorded, dict) and isinstance(answer, dict):
        found = []
        for name in sorted({*recorded, *answer}):
            if name not in answer:
                found.append(f"{path}.{name}: missing, recorded {recorded[name]!r}")
            elif name not in recorded:
                found.append(f"{path}.{name}: not recorded, is {answer[name]!r}")
            else:
                found += differences(recorded[name], answer[name], f"{path}.{name}")
        return found
    if isinstance(recorded, list) and isinstance(answer, list):
        if len(recorded) != len(answer):
            return [f"{path}: {len(recorded)} recorded, {len(answer)} here: {answer!r}"]
        found = []
        for index, (one, other) in enumerate(zip(recorded, answer, strict=True)):
            found += differences(one, other, f"{path}[{index}]")
        return found
    if isinstance(recorded, str) and MASK.search(recorded):
        pattern = ".*?".join(re.escape(part) for part in MASK.split(recorded))
        return [] if re.fullmatch(pattern, str(answer), re.S) else [f"{path}: {answer!r}"]
    return [] if recorded == answer else [f"{path}: {recorded!r} recorded, {answer!r} here"]


def _quiet(text: str) -> str:
    for pattern, instead in NOISE:
        text = pattern.sub(instead, text)
    return text


def keep_common_rows(recorded: Document, answer: Document) -> None:
    """Leave only rows of objects that both clusters held, and at least one of those."""
    names = {row["cells"][0] for row in recorded["rows"]}
    here = {
        str(row["cells"][0]).replace("abcde", "<sfx>").replace("abcdf", "<sfx>")
        for row in answer["rows"]
    }
    common = names & here
    for body in (recorded, answer):
        body["metadata"] = {}
        body["rows"] = [
            row
            for row in body["rows"]
            if str(row["cells"][0]).replace("abcde", "<sfx>").replace("abcdf", "<sfx>") in common
        ]
        for row in body["rows"]:
            if row.get("object"):
                row["object"]["metadata"] = {}
        for column in body["columnDefinitions"]:
            column.pop("description", None)
    if not common and recorded["columnDefinitions"][0]["name"] == "Name":
        recorded["rows"] = ["no object in common"]


def normal(body: Any, *, status: bool = True) -> Any:
    """Without what depends on controllers' timing, and with unordered lists sorted."""
    if isinstance(body, list):
        return [normal(item, status=status) for item in body]
    if not isinstance(body, dict):
        return _quiet(body) if isinstance(body, str) else body
    found = {name: normal(value, status=status) for name, value in body.items()}
    if "metadata" in found and isinstance(found["metadata"], dict):
        metadata = found["metadata"]
        entries = [e for e in metadata.get("managedFields", []) if e["manager"] != CONTROLLER]
        # The server sorts them by second, and the recorded seconds are not ours.
        entries.sort(key=lambda e: (e["operation"], e["manager"], e.get("subresource", "")))
        metadata.pop("managedFields", None)
        if entries:
            metadata["managedFields"] = entries
        annotations = metadata.get("annotations", {})
        annotations.pop(REVISION, None)
        if not annotations:
            metadata.pop("annotations", None)
        if not status and found.get("kind") != "Status":
            found.pop("status", None)
            metadata.pop("generation", None)
    if isinstance(found.get("causes"), list):
        found["causes"].sort(key=lambda cause: (cause.get("field", ""), cause["message"]))
    if isinstance(found.get("sources"), list):  # an OpenShift bundle of the recorded cluster
        found["sources"] = [s for s in found["sources"] if "openshift" not in json.dumps(s)]
    causes = (found.get("details") or {}).get("causes", []) if "details" in found else []
    if found.get("kind") == "Status" and len(causes) > 1:  # they stand in any order
        found["message"] = " ".join(sorted(re.split(r"[ ,\[\]]+", found["message"])))
    return found
