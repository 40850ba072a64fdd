"""From a JSON body to a typed object: unknown fields, wrong types, quantities, empty values.

The real server decodes into Go structs; this walks the schema and says the same things.
"""

import base64
import binascii
import math
from typing import Any

from sandbox.kube.quantity import canonical
from sandbox.kube.schema import Node, Schema, is_int_or_string, is_quantity

GO_TYPES = {"integer": "int", "string": "string", "boolean": "bool", "number": "float64"}
# Plain Go fields with omitempty: their zero value is not written back (pointers are).
ZERO_OMITTED = {
    "readOnly": False, "hostNetwork": False, "hostPID": False, "hostIPC": False, "paused": False,
    "publishNotReadyAddresses": False, "unschedulable": False, "tty": False, "stdin": False,
    "stdinOnce": False, "value": "", "subPath": "", "hostname": "", "nodeName": "", "fsType": "",
    "minReadySeconds": 0, "initialDelaySeconds": 0,
}  # fmt: skip


class WrongType(ValueError):
    """The body cannot be decoded; the text is what follows "cannot be handled as a Kind: "."""


class Decoder:
    """Walks one body.  `unknown` collects the paths of fields the schema does not have.

    With `prune` the result is what the server would store: no nulls, no empty maps and lists.
    Server-side apply needs the body before that, because an empty map still owns its field.
    """

    def __init__(self, schema: Schema, *, prune: bool = True) -> None:
        self.schema = schema
        self.prune = prune
        self.unknown: list[str] = []

    def decode(self, type_name: str, body: dict[str, Any]) -> dict[str, Any]:
        value = self._walk(self.schema.node(type_name), body, "", type_name.rsplit(".", 1)[-1])
        return dict(value) if value else {}

    def _walk(self, node: Node, value: Any, path: str, struct: str) -> Any:
        owner = node["$ref"].rsplit(".", 1)[-1] if "$ref" in node else struct
        node = self.schema.resolve(node)
        if value is None:
            return None
        if is_quantity(node):
            return self._quantity(value, path, struct)
        if is_int_or_string(node):
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise _wrong(value, path, struct, "intstr.IntOrString")
            return value
        kind = node.get("type")
        if kind == "object":
            return self._object(node, value, path, owner)
        if kind == "array":
            if not isinstance(value, list):
                raise _wrong(value, path, struct, f"[]{node['items'].get('type', 'object')}")
            items = [
                self._walk(node["items"], item, f"{path}[{i}]", struct)
                for i, item in enumerate(value)
            ]
            return items if items or not self.prune else None
        return self._scalar(node, value, path, struct)

    def _object(self, node: Node, value: Any, path: str, owner: str) -> Any:
        if "properties" not in node and "additionalProperties" not in node:
            return value
        if not isinstance(value, dict):
            raise _wrong(value, path, owner, f"v1.{owner}")
        declared = node.get("properties")
        result = {}
        for name, item in value.items():
            child = f"{path}.{name}" if path else name
            if declared is None:
                child_node, struct = node["additionalProperties"], owner
                child = path  # Go reports the map, not the key
            elif name in declared:
                child_node, struct = declared[name], owner
            else:
                self.unknown.append(child)
                continue
            decoded = self._walk(child_node, item, child, struct)
            if self.prune and (decoded is None or self._omitted(name, decoded, declared)):
                continue
            result[name] = decoded
        return result if result or declared is not None or not self.prune else None

    @staticmethod
    def _omitted(name: str, value: Any, declared: Node | None) -> bool:
        if declared is None or name not in ZERO_OMITTED:
            return False
        zero = ZERO_OMITTED[name]
        return type(value) is type(zero) and value == zero

    def _quantity(self, value: Any, path: str, struct: str) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _wrong(value, path, struct, "resource.Quantity")
        try:
            return canonical(value)
        except ValueError as exc:
            raise WrongType(str(exc)) from exc

    @staticmethod
    def _scalar(node: Node, value: Any, path: str, struct: str) -> Any:
        kind = node.get("type")
        fits = {
            "string": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool),
        }.get(str(kind), True)
        if kind == "integer" and isinstance(value, float) and math.floor(value) == value:
            return int(value)
        if not fits:
            raise _wrong(value, path, struct, node.get("format") or GO_TYPES[str(kind)])
        if node.get("format") == "byte":
            try:
                base64.b64decode(value, validate=True)
            except binascii.Error as exc:
                alphabet = set(base64.b64encode(bytes(range(256))).decode())
                bad = next((i for i, sign in enumerate(value) if sign not in alphabet), len(value))
                raise WrongType(f"illegal base64 data at input byte {bad}") from exc
        return value


def _wrong(value: Any, path: str, struct: str, wanted: str) -> WrongType:
    seen = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    field = ".".join(part.split("[")[0] for part in path.split("."))
    return WrongType(
        f"json: cannot unmarshal {seen.get(type(value), 'object')} into Go struct field "
        f"{struct}.{field} of type {wanted}"
    )
