"""Collecting what is wrong with a body, field by field, in the server's words."""

import json
import re
from typing import Any

Document = dict[str, Any]

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

SAY_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
SAY_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SAY_SERVICE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
SAY_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
SAY_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class Causes(list[Document]):
    """The causes of one 422."""

    def _add(self, reason: str, field: str, message: str) -> None:
        self.append({"reason": reason, "message": message, "field": field})

    def required(self, field: str, why: str = "") -> None:
        said = f"Required value: {why}" if why else "Required value"
        self._add("FieldValueRequired", field, said)

    def invalid(self, field: str, value: Any, why: str) -> None:
        self._add("FieldValueInvalid", field, f"Invalid value: {shown(value)}: {why}")

    def unsupported(self, field: str, value: Any, supported: list[str]) -> None:
        listed = ", ".join(f'"{item}"' for item in supported)
        said = f"Unsupported value: {shown(value)}: supported values: {listed}"
        self._add("FieldValueNotSupported", field, said)

    def duplicate(self, field: str, value: Any) -> None:
        self._add("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")

    def missing(self, field: str, value: Any) -> None:
        self._add("FieldValueNotFound", field, f"Not found: {shown(value)}")

    def forbidden(self, field: str, why: str) -> None:
        self._add("FieldValueForbidden", field, f"Forbidden: {why}")


def shown(value: Any) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def check_labels(labels: Document, field: str, causes: Causes) -> None:
    for key, value in labels.items():
        prefix, _, name = key.rpartition("/")
        if not QUALIFIED.fullmatch(name) or len(name) > 63:
            causes.invalid(field, key, SAY_KEY)
        elif "/" in key and not NAME.fullmatch(prefix):
            causes.invalid(field, key, f"prefix part {SAY_SUBDOMAIN}")
        if len(value) > 63:
            causes.invalid(field, value, "must be no more than 63 bytes")
        elif not LABEL_VALUE.fullmatch(value):
            causes.invalid(field, value, SAY_VALUE)


def check_metadata(plural: str, metadata: Document, causes: Causes) -> None:
    name = metadata.get("name", "")
    if not name:
        causes.required("metadata.name", "name or generateName is required")
    elif plural in ("services", "namespaces"):
        pattern, say = (SERVICE_NAME, SAY_SERVICE) if plural == "services" else (LABEL, SAY_LABEL)
        if not pattern.fullmatch(name):
            causes.invalid("metadata.name", name, say)
        elif len(name) > 63:
            causes.invalid("metadata.name", name, "must be no more than 63 bytes")
    elif plural not in ("roles", "rolebindings"):
        if len(name) > 253:
            causes.invalid("metadata.name", name, "must be no more than 253 bytes")
        elif not NAME.fullmatch(name):
            causes.invalid("metadata.name", name, SAY_SUBDOMAIN)
    check_labels(metadata.get("labels", {}), "metadata.labels", causes)
    for key in metadata.get("annotations", {}):
        if not QUALIFIED.fullmatch(key.rpartition("/")[2]):
            causes.invalid("metadata.annotations", key, SAY_KEY)
