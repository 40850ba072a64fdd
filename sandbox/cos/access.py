"""Who may do what with a bucket or an object: canned ACLs and grants.

An ACL document is {"default": bool, "grants": [{"grantee": ..., "permission": ...}]}; a grantee is
a group's URI or an account's id.  `default` on an object means: as the bucket says.
"""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.cos.errors import CosError
from sandbox.cos.markup import GRANTEE_TYPE, many
from sandbox.store import Document

EVERYONE = "http://cam.qcloud.com/groups/global/AllUsers"
SIGNED_IN = "http://cam.qcloud.com/groups/global/AuthenticatedUsers"
PERMISSIONS = ("READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL")
OBJECT_CANNED = (
    "default",
    "private",
    "public-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
BUCKET_CANNED = ("private", "public-read", "public-read-write", "authenticated-read")
_GROUP_GRANTS = {
    "public-read": [(EVERYONE, "READ")],
    "public-read-write": [(EVERYONE, "READ"), (EVERYONE, "WRITE")],
    "authenticated-read": [(SIGNED_IN, "READ")],
}
_GRANT_HEADERS = {
    "x-cos-grant-read": "READ",
    "x-cos-grant-write": "WRITE",
    "x-cos-grant-read-acp": "READ_ACP",
    "x-cos-grant-write-acp": "WRITE_ACP",
    "x-cos-grant-full-control": "FULL_CONTROL",
}


def account_id(uin: str) -> str:
    """The id COS shows for the main account `uin`."""
    return f"qcs::cam::uin/{uin}:uin/{uin}"


def canned(name: str, owner: str, allowed: tuple[str, ...]) -> Document:
    """The ACL a canned name stands for.  Raises CosError InvalidArgument if it is unknown here."""
    if name not in allowed:
        raise CosError("InvalidArgument", f"x-cos-acl {name} is not valid.")
    if name == "default":
        return {"default": True, "grants": []}
    grants = [{"grantee": who, "permission": what} for who, what in _GROUP_GRANTS.get(name, [])]
    own = {"grantee": account_id(owner), "permission": "FULL_CONTROL"}
    return {"default": False, "grants": [own, *grants]}


def from_headers(
    headers: Mapping[str, str], owner: str, allowed: tuple[str, ...]
) -> Document | None:
    """The ACL asked for by `x-cos-acl` or `x-cos-grant-*`; None if the request names none."""
    grants = [
        {"grantee": _header_grantee(kind, name), "permission": permission}
        for header, permission in _GRANT_HEADERS.items()
        for kind, name in re.findall(r'(id|uri)="([^"]+)"', headers.get(header, ""))
    ]
    if "x-cos-acl" in headers:
        acl = canned(headers["x-cos-acl"], owner, allowed)
        acl["grants"] += grants
        return acl
    if grants:
        own = {"grantee": account_id(owner), "permission": "FULL_CONTROL"}
        return {"default": False, "grants": [own, *grants]}
    return None


def _header_grantee(kind: str, name: str) -> str:
    return name if kind == "uri" or name.startswith("qcs::") else account_id(name)


def from_markup(policy: dict[str, Any]) -> Document:
    """The ACL of an AccessControlPolicy element."""
    listed = policy.get("AccessControlList")
    grants = []
    for grant in many(listed.get("Grant") if isinstance(listed, dict) else None):
        grantee, permission = grant.get("Grantee") or {}, grant.get("Permission")
        who = grantee.get("URI") or grantee.get("ID")
        if not who or permission not in PERMISSIONS:
            raise CosError("MalformedXML")
        grants.append({"grantee": who, "permission": permission})
    return {"default": False, "grants": grants}


def to_markup(acl: Document, owner: str) -> dict[str, Any]:
    """The AccessControlPolicy element of `acl`."""
    owner_id = account_id(owner)
    grants = [
        {"Grantee": _grantee(grant["grantee"]), "Permission": grant["permission"]}
        for grant in acl["grants"]
    ]
    return {
        "Owner": {"ID": owner_id, "DisplayName": owner_id},
        "AccessControlList": {"Grant": grants} if grants else None,
    }


def _grantee(who: str) -> dict[str, str]:
    if who.startswith("http"):
        return {GRANTEE_TYPE: "Group", "URI": who}
    return {GRANTEE_TYPE: "CanonicalUser", "ID": who, "DisplayName": who}


def allows(acl: Document, permission: str, uin: str | None) -> bool:
    """True if `acl` grants `permission` to the account `uin`, or to a stranger (None)."""
    groups = {EVERYONE} if uin is None else {EVERYONE, SIGNED_IN, account_id(uin)}
    return any(
        grant["grantee"] in groups and grant["permission"] in (permission, "FULL_CONTROL")
        for grant in acl["grants"]
    )
