"""XML as COS and CI speak it, to and from plain dicts.

A list is a repeated element, None an empty one; a member named `@x` is an attribute.  Coming in,
every value is text, and an element seen once is not a list: read those that repeat with `many`.
"""

from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from sandbox.cos.errors import CosError

# The one attribute COS uses, and the declaration that must stand beside it.
GRANTEE_TYPE = "@xsi:type"
_DECLARATION = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
# Characters that XML 1.0 cannot carry at all; keys may hold them, and then they are left out.
_FORBIDDEN = {code: None for code in range(32) if code not in (9, 10, 13)}


def to_xml(root: str, content: Any) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + _element(root, content).encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if value is None or value == {}:
        return f"<{name}/>"
    if not isinstance(value, dict):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"<{name}>{escape(text.translate(_FORBIDDEN))}</{name}>"
    attributes = "".join(
        (_DECLARATION if key == GRANTEE_TYPE else "") + f" {key[1:]}={quoteattr(str(text))}"
        for key, text in value.items()
        if key.startswith("@")
    )
    inner = "".join(_element(key, item) for key, item in value.items() if not key.startswith("@"))
    return f"<{name}{attributes}>{inner}</{name}>"


def from_xml(body: bytes, root: str) -> dict[str, Any]:
    """The content of the element `root`.  Raises CosError MalformedXML if that is not what came."""
    try:
        parsed = ElementTree.fromstring(body)
    except ElementTree.ParseError as exc:
        raise CosError("MalformedXML") from exc
    if _local(parsed.tag) != root:
        raise CosError("MalformedXML")
    content = _content(parsed)
    return content if isinstance(content, dict) else {}


def _content(node: ElementTree.Element) -> Any:
    members: dict[str, Any] = {f"@{_local(key)}": text for key, text in node.attrib.items()}
    for child in node:
        name, value = _local(child.tag), _content(child)
        if name not in members:
            members[name] = value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]
    if members:
        return members
    return (node.text or "").strip("\n\r\t") if len(node) == 0 else {}


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def many(value: Any) -> list[Any]:
    """`value` of an element that may repeat, as a list; nothing or an empty element is []."""
    if value in (None, "", {}):
        return []
    return value if isinstance(value, list) else [value]
