"""Who gets into a TCR instance: tokens, service accounts, network end points, acceleration."""

import base64
import json
import secrets
from typing import Any

from sandbox.accounts import OWNER_UIN
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing_iso, new_id
from sandbox.tencent.tcr import Registries
from sandbox.world import World

HOUR_S = 3600
DAY_S = 24 * HOUR_S
FOREVER_S = 10 * 365 * DAY_S


class RegistryAccess:
    def __init__(self, world: World, registries: Registries) -> None:
        self._world = world
        self._registries = registries
        self.tokens = world.store.collection("tcr.tokens")
        self.accounts = world.store.collection("tcr.accounts")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateInstanceToken": self.token_create,
            "DescribeInstanceToken": self.describe_tokens,
            "ModifyInstanceToken": self.token_modify,
            "DeleteInstanceToken": self.token_delete,
            "CreateServiceAccount": self.account_create,
            "DescribeServiceAccounts": self.describe_accounts,
            "ModifyServiceAccount": self.account_modify,
            "DeleteServiceAccount": self.account_delete,
            "ManageExternalEndpoint": self.manage_external,
            "DescribeExternalEndpointStatus": self.external_status,
            "CreateSecurityPolicy": self.policy_create,
            "DescribeSecurityPolicies": self.describe_policies,
            "DeleteSecurityPolicy": self.policy_delete,
            "ManageInternalEndpoint": self.manage_internal,
            "DescribeInternalEndpoints": self.describe_internal,
            "CreateImageAccelerationService": self.acceleration_create,
            "DescribeImageAccelerateService": self.describe_acceleration,
        }

    def may_pull(self, domain: str, username: str, password: str) -> bool:
        """True if a docker login with these would be let in."""
        now = self._world.clock.now()
        for row in (*self.tokens.values(), *self.accounts.values()):
            registry = self._registries.rows.get(row["registry"], {})
            if registry.get("domain") == domain and row["username"] == username:
                good = secrets.compare_digest(row["secret"], password)
                if good and row["enabled"] and row["expires_at"] > now:
                    return True
        return False

    # -- tokens

    def token_create(self, ask: Ask) -> Answer:
        registry = self._registries.running(ask["RegistryId"])
        kind = ask.choice("TokenType", ("temp", "longterm"), "temp")
        now = self._world.clock.now()
        row = {
            "id": new_id("token", 20)[6:],
            "registry": registry["id"],
            "kind": kind,
            "username": ask.key.uin,
            "secret": _token(registry["id"], ask.key.uin, now),
            "description": ask.get("Desc", ""),
            "enabled": True,
            "created_at": now,
            "expires_at": now + (HOUR_S if kind == "temp" else FOREVER_S),
        }
        self.tokens[row["id"]] = row
        answer: Answer = {
            "Username": row["username"],
            "Token": row["secret"],
            "ExpTime": int(row["expires_at"] * 1000),
        }
        return {**answer, "TokenId": row["id"]} if kind == "longterm" else answer

    def describe_tokens(self, ask: Ask) -> Answer:
        self._registries.find(ask["RegistryId"])
        rows = [
            row
            for row in self.tokens.values()
            if row["registry"] == ask["RegistryId"] and row["kind"] == "longterm"
        ]
        return {
            "TotalCount": len(rows),
            "Tokens": [
                {
                    "Id": row["id"],
                    "Desc": row["description"],
                    "RegistryId": row["registry"],
                    "Enabled": row["enabled"],
                    "CreatedAt": beijing_iso(row["created_at"]),
                    "ExpiredAt": int(row["expires_at"] * 1000),
                }
                for row in ask.page(rows)
            ],
        }

    def _token_row(self, ask: Ask) -> Document:
        row = self.tokens.get(ask["TokenId"])
        if row is None or row["registry"] != ask["RegistryId"]:
            raise ApiError("ResourceNotFound.TcrResourceNotFound", "no such token")
        return row

    def token_modify(self, ask: Ask) -> Answer:
        row = self._token_row(ask)
        flag = ask.number("ModifyFlag", 1, 2, 2)
        if flag == 1:
            row["description"] = ask.get("Desc", row["description"])
        else:
            row["enabled"] = ask.get("Enable", row["enabled"])
        self.tokens.save(row["id"])
        return {}

    def token_delete(self, ask: Ask) -> Answer:
        del self.tokens[self._token_row(ask)["id"]]
        return {}

    # -- service accounts

    def account_create(self, ask: Ask) -> Answer:
        registry = self._registries.running(ask["RegistryId"])
        name = f"tcr${ask['Name']}"
        key = f"{registry['id']}/{name}"
        if key in self.accounts:
            raise ApiError("FailedOperation.ErrorTcrResourceConflict", f"{name} exists")
        self._check_permissions(ask)
        now = self._world.clock.now()
        row = {
            "registry": registry["id"],
            "username": name,
            "secret": secrets.token_urlsafe(24),
            "description": ask.get("Description", ""),
            "permissions": ask["Permissions"],
            "enabled": not ask.get("Disable", False),
            "created_at": now,
            "changed_at": now,
            "expires_at": self._expiry(ask, now, now + FOREVER_S),
        }
        self.accounts[key] = row
        return {
            "Name": name,
            "Password": row["secret"],
            "ExpiresAt": int(row["expires_at"] * 1000),
            "CreateTime": beijing_iso(now),
        }

    def _expiry(self, ask: Ask, now: float, default: float) -> float:
        if ask.get("ExpiresAt"):
            return float(ask["ExpiresAt"]) / 1000
        if ask.get("Duration"):
            return now + float(ask["Duration"]) * DAY_S
        return default

    def _check_permissions(self, ask: Ask) -> None:
        for entry in ask["Permissions"]:
            wrong = [name for name in entry.get("Actions", []) if not name.startswith("tcr:")]
            if wrong or not entry.get("Resource"):
                raise ApiError(
                    "InvalidParameter.ErrorTcrInvalidParameter", f"the permission {entry}"
                )

    def describe_accounts(self, ask: Ask) -> Answer:
        self._registries.find(ask["RegistryId"])
        rows = [row for row in self.accounts.values() if row["registry"] == ask["RegistryId"]]
        shown = rows if ask.get("All", False) else ask.numbered_page(rows)
        return {
            "TotalCount": len(rows),
            "ServiceAccounts": [
                {
                    "Name": row["username"],
                    "Description": row["description"],
                    "Disable": not row["enabled"],
                    "ExpiresAt": int(row["expires_at"] * 1000),
                    "CreateTime": beijing_iso(row["created_at"]),
                    "UpdateTime": beijing_iso(row["changed_at"]),
                    "Permissions": row["permissions"],
                }
                for row in shown
            ],
        }

    def _account(self, ask: Ask) -> Document:
        row = self.accounts.get(f"{ask['RegistryId']}/{ask['Name']}")
        if row is None:
            raise ApiError("ResourceNotFound.TcrResourceNotFound", "no such service account")
        return row

    def account_modify(self, ask: Ask) -> Answer:
        row = self._account(ask)
        now = self._world.clock.now()
        if ask.get("Permissions"):
            self._check_permissions(ask)
        row["permissions"] = ask.get("Permissions", row["permissions"])
        row["description"] = ask.get("Description", row["description"])
        row["enabled"] = not ask.get("Disable", not row["enabled"])
        row["expires_at"] = self._expiry(ask, now, row["expires_at"])
        row["changed_at"] = now
        self.accounts.save(f"{row['registry']}/{row['username']}")
        return {}

    def account_delete(self, ask: Ask) -> Answer:
        row = self._account(ask)
        del self.accounts[f"{row['registry']}/{row['username']}"]
        return {}

    # -- network

    def manage_external(self, ask: Ask) -> Answer:
        row = self._registries.running(ask["RegistryId"])
        opening = ask.choice("Operation", ("Create", "Delete")) == "Create"
        row["external"] = "Opening" if opening else "Closed"
        row["external_until"] = (
            self._world.clock.now() + self._world.pace.seconds("tcr.instance") / 5
        )
        self._registries.rows.save(row["id"])
        return {"RegistryId": row["id"]}

    def external_status(self, ask: Ask) -> Answer:
        return {"Status": self._registries.find(ask["RegistryId"])["external"], "Reason": ""}

    def policy_create(self, ask: Ask) -> Answer:
        row = self._registries.running(ask["RegistryId"])
        if row["external"] != "Opened":
            raise ApiError("FailedOperation.PreconditionFailed", "public access is not open")
        row["policies"].append({"CidrBlock": ask["CidrBlock"], "Description": ask["Description"]})
        self._registries.rows.save(row["id"])
        return {"RegistryId": row["id"]}

    def describe_policies(self, ask: Ask) -> Answer:
        row = self._registries.find(ask["RegistryId"])
        return {
            "SecurityPolicySet": [
                {**policy, "PolicyIndex": index, "PolicyVersion": str(len(row["policies"]))}
                for index, policy in enumerate(row["policies"])
            ]
        }

    def policy_delete(self, ask: Ask) -> Answer:
        row = self._registries.running(ask["RegistryId"])
        left = [
            policy
            for index, policy in enumerate(row["policies"])
            if index != ask.get("PolicyIndex") and policy["CidrBlock"] != ask.get("CidrBlock")
        ]
        if len(left) == len(row["policies"]):
            raise ApiError("ResourceNotFound.TcrResourceNotFound", "no such policy")
        row["policies"] = left
        self._registries.rows.save(row["id"])
        return {"RegistryId": row["id"]}

    def manage_internal(self, ask: Ask) -> Answer:
        row = self._registries.running(ask["RegistryId"])
        place = {"VpcId": ask["VpcId"], "SubnetId": ask["SubnetId"]}
        same = [e for e in row["internal"] if e["VpcId"] == ask["VpcId"]]
        if ask.choice("Operation", ("Create", "Delete")) == "Create":
            if same:
                raise ApiError("FailedOperation.ErrorTcrResourceConflict", "the VPC has access")
            number = 10 + len(row["internal"])
            row["internal"].append({**place, "Status": "Running", "AccessIp": f"10.0.0.{number}"})
        else:
            if not same:
                raise ApiError("ResourceNotFound.TcrResourceNotFound", "the VPC has no access")
            row["internal"].remove(same[0])
        self._registries.rows.save(row["id"])
        return {"RegistryId": row["id"]}

    def describe_internal(self, ask: Ask) -> Answer:
        row = self._registries.find(ask["RegistryId"])
        return {"AccessVpcSet": row["internal"], "TotalCount": len(row["internal"])}

    def acceleration_create(self, ask: Ask) -> Answer:
        row = self._registries.running(ask["RegistryId"])
        if row["kind"] == "basic":
            raise ApiError("UnsupportedOperation", "basic instances have no acceleration")
        if row["acceleration"]:
            raise ApiError("FailedOperation.ErrorTcrResourceConflict", "acceleration exists")
        ask.choice("StorageType", ("SD", "HP", "cfs"))
        row["acceleration"] = {"vip": "10.0.0.9"}
        self._registries.rows.save(row["id"])
        return {"RegistryId": row["id"]}

    def describe_acceleration(self, ask: Ask) -> Answer:
        service = self._registries.find(ask["RegistryId"])["acceleration"]
        if service is None:
            return {"Status": "", "CFSVIP": "", "IsEnable": False}
        return {"Status": "Running", "CFSVIP": service["vip"], "IsEnable": True}


def _token(registry_id: str, uin: str, now: float) -> str:
    """Looks like the JWT of the real service; here only its being secret counts."""
    parts: list[dict[str, Any]] = [
        {"alg": "RS256", "typ": "JWT"},
        {"ownerUin": OWNER_UIN, "operatorUin": uin, "registryId": registry_id, "iat": int(now)},
    ]
    coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join((*coded, secrets.token_urlsafe(64)))
