"""managedFields of one object: who owns which fields, and how writes move ownership."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.kube.fieldset import Fields, decode, encode, show

Document = dict[str, Any]


@dataclass(frozen=True, order=True)
class Manager:
    """`operation` first, because the entries are sorted by it."""

    operation: str  # "Apply" or "Update"
    name: str
    api_version: str
    subresource: str = ""

    def shown(self) -> str:
        """As conflicts name it."""
        said = f'"{self.name}"'
        if self.subresource:
            said += f' with subresource "{self.subresource}"'
        if self.operation == "Update":
            said += f" using {self.api_version}"
        return said


@dataclass
class Owners:
    fields: dict[Manager, Fields] = field(default_factory=dict)
    times: dict[Manager, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Document) -> "Owners":
        owners = cls()
        for entry in body["metadata"].get("managedFields") or []:
            manager = Manager(
                entry["operation"],
                entry["manager"],
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
            )
            owners.fields[manager] = decode(entry.get("fieldsV1") or {})
            if "time" in entry:
                owners.times[manager] = entry["time"]
        return owners

    def entries(self) -> list[Document]:
        found = []
        order = sorted(
            self.fields, key=lambda m: (m.operation, self.times.get(m, ""), m.name, m.subresource)
        )
        for manager in order:
            if not self.fields[manager]:
                continue
            entry: Document = {
                "manager": manager.name,
                "operation": manager.operation,
                "apiVersion": manager.api_version,
            }
            if manager in self.times:
                entry["time"] = self.times[manager]
            entry["fieldsType"] = "FieldsV1"
            entry["fieldsV1"] = encode(self.fields[manager])
            if manager.subresource:
                entry["subresource"] = manager.subresource
            found.append(entry)
        return found

    def others(self, manager: Manager) -> Fields:
        """Everything somebody else owns."""
        found: Fields = set()
        for other, fields in self.fields.items():
            if other != manager:
                found |= fields
        return found

    def conflicts(self, manager: Manager, changed: Fields) -> list[tuple[Manager, str]]:
        """Changed fields that others own, as (owner, path), sorted."""
        found = []
        for other, fields in self.fields.items():
            if other != manager:
                found += [(other, show(path)) for path in fields & changed]
        return sorted(found, key=lambda pair: (pair[0].name, pair[1]))

    def take(self, manager: Manager, changed: Fields) -> None:
        """Nobody but `manager` owns the changed fields any more."""
        for other, fields in self.fields.items():
            if other != manager:
                self.fields[other] = fields - changed

    def forget(self, removed: Fields) -> None:
        for manager, fields in self.fields.items():
            self.fields[manager] = fields - removed
