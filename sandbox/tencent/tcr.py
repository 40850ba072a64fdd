"""TCR instances with their namespaces and repositories.

Paging has two ways here: instances skip rows, namespaces, repositories and images count pages.
"""

import re
from typing import Any

from sandbox.accounts import REGION
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing_iso, new_id
from sandbox.tencent.outcome import failure
from sandbox.world import World

NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{3,48})[a-z0-9]$")
NAMESPACE = re.compile(r"^[a-z0-9](?:[a-z0-9._-]{0,28})[a-z0-9]$")
RESERVED = ("tcr", "tencent", "qcloud", "admin")


class Registries:
    def __init__(self, world: World) -> None:
        self._world = world
        self.rows = world.store.collection("tcr.registries")
        # Keys: <registry>/<namespace> and <registry>/<namespace>/<repository>.
        self.namespaces = world.store.collection("tcr.namespaces")
        self.repositories = world.store.collection("tcr.repositories")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateInstance": self.create,
            "CheckInstanceName": self.check_name,
            "DescribeInstances": self.describe,
            "DescribeInstanceStatus": self.describe_status,
            "ModifyInstance": self.modify,
            "DeleteInstance": self.delete,
            "CreateNamespace": self.namespace_create,
            "DescribeNamespaces": self.describe_namespaces,
            "ModifyNamespace": self.namespace_modify,
            "DeleteNamespace": self.namespace_delete,
            "CreateRepository": self.repository_create,
            "DescribeRepositories": self.describe_repositories,
            "ModifyRepository": self.repository_modify,
            "DeleteRepository": self.repository_delete,
        }

    def find(self, registry_id: str) -> Document:
        if registry_id not in self.rows:
            raise ApiError(
                "ResourceNotFound.TcrResourceNotFound", f"registry {registry_id} not found"
            )
        return self.rows[registry_id]

    def running(self, registry_id: str) -> Document:
        row = self.find(registry_id)
        if row["state"] != "Running":
            raise ApiError(
                "ResourceInsufficient.ErrorInstanceNotRunning",
                f"registry {registry_id} is {row['state']}",
            )
        return row

    def namespace(self, ask: Ask, name: str) -> Document:
        self.running(ask["RegistryId"])
        row = self.namespaces.get(f"{ask['RegistryId']}/{name}")
        if row is None:
            raise ApiError("ResourceNotFound.ErrNoNamespace", f"namespace {name} not found")
        return row

    def repository(self, ask: Ask, namespace: str, name: str) -> Document:
        self.namespace(ask, namespace)
        row = self.repositories.get(f"{ask['RegistryId']}/{namespace}/{name}")
        if row is None:
            raise ApiError("ResourceNotFound.ErrNoRepo", f"repository {name} not found")
        return row

    # -- instances

    def create(self, ask: Ask) -> Answer:
        kind = ask.choice("RegistryType", ("basic", "standard", "premium"))
        code = self._name_code(ask["RegistryName"])
        if code:
            errors = {1: "ErrorNameIllegal", 2: "ErrorNameReserved", 3: "ErrorNameExists"}
            raise ApiError(
                f"InvalidParameter.{errors[code]}", f"the name {ask['RegistryName']} is not usable"
            )
        now = self._world.clock.now()
        row = registry_document(
            new_id("tcr"), ask["RegistryName"], now, kind=kind, state="Pending",
            until=now + self._world.pace.seconds("tcr.instance"),
            charge=ask.get("RegistryChargeType", 0),
            tags=ask.get("TagSpecification"),
            deletion_protection=ask.get("DeletionProtection", False),
        )  # fmt: skip
        self.rows[row["id"]] = row
        return {"RegistryId": row["id"]}

    def _name_code(self, name: str) -> int:
        """0 free, 1 illegal, 2 reserved, 3 taken: Tencent's DetailCode."""
        if not NAME.match(name):
            return 1
        if name in RESERVED:
            return 2
        return 3 if any(row["name"] == name for row in self.rows.values()) else 0

    def check_name(self, ask: Ask) -> Answer:
        code = self._name_code(ask["RegistryName"])
        return {"IsValidated": not code, "DetailCode": code}

    def advance(self, now: float) -> None:
        half = self._world.pace.seconds("tcr.instance") / 2
        for key, row in list(self.rows.items()):
            if row["state"] == "Pending" and row["until"] - half <= now:
                row["state"] = "Deploying"
                self.rows.save(key)
            if row["state"] == "Deploying" and row["until"] <= now:
                bad = failure(self._world, "tcr", "CreateInstance")
                row["state"] = "FailedCreated" if bad else "Running"
                self.rows.save(key)
            elif row["state"] == "Deleting" and row["until"] <= now:
                for collection in (self.namespaces, self.repositories):
                    for name in [name for name in collection if name.startswith(f"{key}/")]:
                        del collection[name]
                del self.rows[key]
                continue
            if row["external"] == "Opening" and row["external_until"] <= now:
                row["external"] = "Opened"
                self.rows.save(key)

    def describe(self, ask: Ask) -> Answer:
        wanted = ask.get("Registryids", [])  # sic
        filters = ask.filters(("RegistryName", "RegistryType", "Status"))
        rows = [
            row
            for row in self.rows.values()
            if (not wanted or row["id"] in wanted)
            and row["name"] in filters.get("RegistryName", [row["name"]])
            and row["kind"] in filters.get("RegistryType", [row["kind"]])
            and row["state"] in filters.get("Status", [row["state"]])
        ]
        return {
            "TotalCount": len(rows),
            "Registries": [
                {
                    "RegistryId": row["id"],
                    "RegistryName": row["name"],
                    "RegistryType": row["kind"],
                    "Status": row["state"],
                    "PublicDomain": row["domain"],
                    "InternalEndpoint": f"{row['name']}-vpc.tencentcloudcr.com",
                    "CreatedAt": beijing_iso(row["created_at"]),
                    "RegionName": REGION,
                    "RegionId": 1,
                    "EnableAnonymous": True,
                    "TokenValidTime": 1,
                    "TagSpecification": row["tags"],
                    "ExpiredAt": "",
                    "PayMod": row["charge"],
                    "RenewFlag": 0,
                    "DeletionProtection": row["deletion_protection"],
                }
                for row in ask.page(rows)
            ],
        }

    def describe_status(self, ask: Ask) -> Answer:
        rows = [self.find(registry_id) for registry_id in ask["RegistryIds"]]
        return {
            "RegistryStatusSet": [
                {"RegistryId": row["id"], "Status": row["state"], "Conditions": None}
                for row in rows
            ]
        }

    def modify(self, ask: Ask) -> Answer:
        row = self.running(ask["RegistryId"])
        row["kind"] = ask.choice("RegistryType", ("basic", "standard", "premium"), row["kind"])
        row["deletion_protection"] = ask.get("DeletionProtection", row["deletion_protection"])
        self.rows.save(row["id"])
        return {}

    def delete(self, ask: Ask) -> Answer:
        row = self.find(ask["RegistryId"])
        if row["deletion_protection"]:
            raise ApiError("FailedOperation.PreconditionFailed", "deletion protection is on")
        if not ask.get("DryRun", False):
            row["state"] = "Deleting"
            row["until"] = self._world.clock.now() + self._world.pace.seconds("tcr.instance") / 2
            self.rows.save(row["id"])
        return {}

    # -- namespaces

    def namespace_create(self, ask: Ask) -> Answer:
        self.running(ask["RegistryId"])
        name = ask["NamespaceName"]
        if not NAMESPACE.match(name):
            raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", "illegal namespace name")
        key = f"{ask['RegistryId']}/{name}"
        if key in self.namespaces:
            raise ApiError("InvalidParameter.ErrNamespaceExist", f"namespace {name} exists")
        self.namespaces[key] = namespace_document(
            ask["RegistryId"], name, len(self.namespaces) + 1, self._world.clock.now(),
            public=ask["IsPublic"],
            auto_scan=ask.get("IsAutoScan", False),
            prevent=ask.get("IsPreventVUL", False),
            severity=ask.get("Severity", ""),
            tags=ask.get("TagSpecification"),
        )  # fmt: skip
        return {}

    def describe_namespaces(self, ask: Ask) -> Answer:
        self.running(ask["RegistryId"])
        rows = [
            row
            for row in self.namespaces.values()
            if row["registry"] == ask["RegistryId"] and ask.get("NamespaceName", "") in row["name"]
        ]
        shown = rows if ask.get("All", False) else ask.numbered_page(rows)
        return {
            "TotalCount": len(rows),
            "NamespaceList": [
                {
                    "Name": row["name"],
                    "NamespaceId": row["number"],
                    "Public": row["public"],
                    "CreationTime": beijing_iso(row["created_at"]),
                    "Metadata": [{"Key": "public", "Value": str(row["public"]).lower()}],
                    "AutoScan": row["auto_scan"],
                    "PreventVUL": row["prevent"],
                    "Severity": row["severity"],
                    "CVEWhitelistItems": None,
                    "TagSpecification": row["tags"],
                }
                for row in shown
            ],
        }

    def namespace_modify(self, ask: Ask) -> Answer:
        row = self.namespace(ask, ask["NamespaceName"])
        row["public"] = ask.get("IsPublic", row["public"])
        row["auto_scan"] = ask.get("IsAutoScan", row["auto_scan"])
        row["prevent"] = ask.get("IsPreventVUL", row["prevent"])
        row["severity"] = ask.get("Severity", row["severity"])
        self.namespaces.save(f"{row['registry']}/{row['name']}")
        return {}

    def namespace_delete(self, ask: Ask) -> Answer:
        row = self.namespace(ask, ask["NamespaceName"])
        key = f"{row['registry']}/{row['name']}"
        if any(name.startswith(f"{key}/") for name in self.repositories):
            raise ApiError("FailedOperation.PreconditionFailed", "the namespace is not empty")
        del self.namespaces[key]
        return {}

    # -- repositories

    def repository_create(self, ask: Ask) -> Answer:
        self.namespace(ask, ask["NamespaceName"])
        key = f"{ask['RegistryId']}/{ask['NamespaceName']}/{ask['RepositoryName']}"
        if key in self.repositories:
            raise ApiError("InvalidParameter.ErrRepoExist", "the repository exists")
        self.repositories[key] = repository_document(
            ask["RegistryId"], ask["NamespaceName"], ask["RepositoryName"],
            self._world.clock.now(),
            brief=ask.get("BriefDescription", ""),
            description=ask.get("Description", ""),
        )  # fmt: skip
        return {}

    def describe_repositories(self, ask: Ask) -> Answer:
        self.running(ask["RegistryId"])
        rows = [
            row
            for row in self.repositories.values()
            if row["registry"] == ask["RegistryId"]
            and ask.get("NamespaceName", row["namespace"]) == row["namespace"]
            and ask.get("RepositoryName", "") in row["name"]
        ]
        order = ask.get("SortBy", "-creation_time")
        member = {"creation_time": "created_at", "update_time": "updated_at", "name": "name"}
        if order.lstrip("-") not in member:
            raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", f"SortBy {order}")
        rows.sort(key=lambda row: row[member[order.lstrip("-")]], reverse=order.startswith("-"))
        return {
            "TotalCount": len(rows),
            "RepositoryList": [self._repository_shown(row) for row in ask.numbered_page(rows)],
        }

    def _repository_shown(self, row: Document) -> dict[str, Any]:
        return {
            "Name": f"{row['namespace']}/{row['name']}",
            "Namespace": row["namespace"],
            "Public": self.namespaces[f"{row['registry']}/{row['namespace']}"]["public"],
            "BriefDescription": row["brief"],
            "Description": row["description"],
            "CreationTime": beijing_iso(row["created_at"]),
            "UpdateTime": beijing_iso(row["updated_at"]),
        }

    def repository_modify(self, ask: Ask) -> Answer:
        row = self.repository(ask, ask["NamespaceName"], ask["RepositoryName"])
        row["brief"], row["description"] = ask["BriefDescription"], ask["Description"]
        self.save_repository(row)
        return {}

    def repository_delete(self, ask: Ask) -> Answer:
        row = self.repository(ask, ask["NamespaceName"], ask["RepositoryName"])
        if row["tags"] and not ask.get("ForceDelete", True):
            raise ApiError("FailedOperation.PreconditionFailed", "the repository has tags")
        del self.repositories[f"{row['registry']}/{row['namespace']}/{row['name']}"]
        return {}

    def save_repository(self, row: Document, updated_at: float | None = None) -> None:
        row["updated_at"] = updated_at or self._world.clock.now()
        self.repositories.save(f"{row['registry']}/{row['namespace']}/{row['name']}")


def registry_document(registry_id: str, name: str, created_at: float, **given: Any) -> Document:
    return {
        "id": registry_id,
        "name": name,
        "kind": given.get("kind", "standard"),
        "state": given.get("state", "Running"),
        "domain": f"{name}.tencentcloudcr.com",
        "charge": given.get("charge", 0),
        "tags": given.get("tags"),
        "deletion_protection": given.get("deletion_protection", False),
        "created_at": created_at,
        "until": given.get("until", created_at),
        "external": given.get("external", "Closed"),
        "external_until": created_at,
        "policies": [],
        "internal": [],
        "acceleration": None,
    }


def namespace_document(
    registry_id: str, name: str, number: int, created_at: float, **given: Any
) -> Document:
    return {
        "registry": registry_id,
        "name": name,
        "number": number,
        "created_at": created_at,
        "public": given.get("public", False),
        "auto_scan": given.get("auto_scan", False),
        "prevent": given.get("prevent", False),
        "severity": given.get("severity", ""),
        "tags": given.get("tags"),
    }


def repository_document(
    registry_id: str, namespace: str, name: str, created_at: float, **given: Any
) -> Document:
    return {
        "registry": registry_id,
        "namespace": namespace,
        "name": name,
        "created_at": created_at,
        "updated_at": created_at,
        "brief": given.get("brief", ""),
        "description": given.get("description", ""),
        "tags": {},  # tag -> {digest, size, updated_at, kind, manifest, config}
    }
