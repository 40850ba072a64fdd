"""CFS permission groups and their rules: which client addresses may mount, and as whom."""

from ipaddress import ip_network

from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing, new_id
from sandbox.world import World

BASIC_GROUP = "pgroupbasic"
USER_PERMISSIONS = ("all_squash", "no_all_squash", "root_squash", "no_root_squash")


class AccessGroups:
    def __init__(self, world: World) -> None:
        self._world = world
        self.rows = world.store.collection("cfs.groups")
        self.file_systems = world.store.collection("cfs.filesystems")
        if BASIC_GROUP not in self.rows:
            self.rows[BASIC_GROUP] = {
                "id": BASIC_GROUP,
                "name": "默认权限组",
                "description": "",
                "created_at": world.clock.now(),
                "rules": [rule_document("*", "RW", "no_root_squash", 1)],
            }

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCfsPGroup": self.create,
            "DescribeCfsPGroups": self.describe,
            "UpdateCfsPGroup": self.update,
            "DeleteCfsPGroup": self.delete,
            "CreateCfsRule": self.rule_create,
            "DescribeCfsRules": self.describe_rules,
            "UpdateCfsRule": self.rule_update,
            "DeleteCfsRule": self.rule_delete,
            "OverrideCfsRules": self.rules_override,
        }

    def find(self, group_id: str) -> Document:
        if group_id not in self.rows:
            raise ApiError("ResourceNotFound.PgroupNotFound", f"{group_id} does not exist")
        return self.rows[group_id]

    def name(self, group_id: str) -> str:
        return str(self.rows[group_id]["name"]) if group_id in self.rows else ""

    def _bound(self, group_id: str) -> int:
        return sum(row["group"] == group_id for row in self.file_systems.values())

    def _check_name(self, name: str, own_id: str = "") -> None:
        if any(row["name"] == name and row["id"] != own_id for row in self.rows.values()):
            raise ApiError("InvalidParameterValue.DuplicatedPgroupName", f"{name} exists")

    def create(self, ask: Ask) -> Answer:
        self._check_name(ask["Name"])
        row = {
            "id": new_id("pgroup"),
            "name": ask["Name"],
            "description": ask.get("DescInfo", ""),
            "created_at": self._world.clock.now(),
            "rules": [],
        }
        self.rows[row["id"]] = row
        return self._shown(row)

    def _shown(self, row: Document) -> Answer:
        return {
            "PGroupId": row["id"],
            "Name": row["name"],
            "DescInfo": row["description"],
            "BindCfsNum": self._bound(row["id"]),
            "CDate": beijing(row["created_at"]),
        }

    def describe(self, ask: Ask) -> Answer:
        return {"PGroupList": [self._shown(row) for row in self.rows.values()]}

    def update(self, ask: Ask) -> Answer:
        row = self.find(ask["PGroupId"])
        self._check_name(ask.get("Name", row["name"]), row["id"])
        row["name"] = ask.get("Name", row["name"])
        row["description"] = ask.get("DescInfo", row["description"])
        self.rows.save(row["id"])
        return {"PGroupId": row["id"], "Name": row["name"], "DescInfo": row["description"]}

    def delete(self, ask: Ask) -> Answer:
        row = self.find(ask["PGroupId"])
        if self._bound(row["id"]) or row["id"] == BASIC_GROUP:
            raise ApiError("FailedOperation.PgroupInUse", "the permission group is bound")
        del self.rows[row["id"]]
        return {"PGroupId": row["id"], "AppId": 0}

    # -- rules

    def _rule(self, ask: Ask, group: Document) -> Document:
        for rule in group["rules"]:
            if rule["RuleId"] == ask["RuleId"]:
                found: Document = rule
                return found
        raise ApiError("ResourceNotFound.RuleNotFound", f"{ask['RuleId']} does not exist")

    def _read_rule(self, ask: Ask, group: Document, old: Document) -> Document:
        address = ask.get("AuthClientIp", old.get("AuthClientIp", ""))
        check_address(address)
        if any(
            rule["AuthClientIp"] == address and rule["RuleId"] != old.get("RuleId")
            for rule in group["rules"]
        ):
            raise ApiError("InvalidParameterValue.DuplicatedRuleAuthClientIp", f"{address} exists")
        return rule_document(
            address,
            ask.choice("RWPermission", ("RO", "RW"), old.get("RWPermission", "RO")),
            ask.choice(
                "UserPermission", USER_PERMISSIONS, old.get("UserPermission", "root_squash")
            ),
            ask.number("Priority", 1, 100, old.get("Priority")),
        )

    def rule_create(self, ask: Ask) -> Answer:
        group = self.find(ask["PGroupId"])
        rule = self._read_rule(ask, group, {})
        group["rules"].append(rule)
        self.rows.save(group["id"])
        return {**rule, "PGroupId": group["id"]}

    def describe_rules(self, ask: Ask) -> Answer:
        return {"RuleList": self.find(ask["PGroupId"])["rules"]}

    def rule_update(self, ask: Ask) -> Answer:
        group = self.find(ask["PGroupId"])
        rule = self._rule(ask, group)
        rule.update({**self._read_rule(ask, group, rule), "RuleId": rule["RuleId"]})
        self.rows.save(group["id"])
        return {**rule, "PGroupId": group["id"]}

    def rule_delete(self, ask: Ask) -> Answer:
        group = self.find(ask["PGroupId"])
        group["rules"].remove(self._rule(ask, group))
        self.rows.save(group["id"])
        return {"RuleId": ask["RuleId"], "PGroupId": group["id"]}

    def rules_override(self, ask: Ask) -> Answer:
        group = self.find(ask["PermissionGroupId"])
        rules = []
        for entry in ask["RuleList"]:
            check_address(entry["AuthClientIp"])
            rules.append(
                rule_document(
                    entry["AuthClientIp"], entry["RWPermission"], entry["UserPermission"],
                    entry["Priority"],
                )
            )  # fmt: skip
        group["rules"] = rules
        self.rows.save(group["id"])
        return {"RuleList": rules}


def rule_document(address: str, rights: str, user: str, priority: int) -> Document:
    return {
        "RuleId": new_id("rule"),
        "AuthClientIp": address,
        "RWPermission": rights,
        "UserPermission": user,
        "Priority": priority,
    }


def check_address(address: str) -> None:
    """An address, a network or `*`.  Raises InvalidParameterValue otherwise."""
    if address == "*":
        return
    try:
        ip_network(address, strict=False)
    except ValueError as exc:
        raise ApiError("InvalidParameterValue.InvalidAuthClientIp", str(exc)) from exc
