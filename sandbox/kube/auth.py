"""Who is asking, and may they: client certificates, bearer tokens, and the Roles in the cluster."""

from dataclasses import dataclass
from typing import Any

from sandbox.kube.objects import Objects
from sandbox.kube.status import ApiError

Document = dict[str, Any]
MASTERS = "system:masters"
READS = ("get", "list", "watch")


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attributes:
    """What a request wants to do."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def from_certificate(certificate: Document | None) -> User | None:
    """The user of a verified client certificate: CN is the name, O are the groups."""
    if not certificate:
        return None
    parts = [pair for group in certificate.get("subject", ()) for pair in group]
    names = [value for key, value in parts if key == "commonName"]
    groups = tuple(value for key, value in parts if key == "organizationName")
    return User(names[0], groups) if names else None


def allowed(objects: Objects, user: User, want: Attributes) -> bool:
    """Masters may do anything; others what RoleBindings in that namespace give them."""
    if MASTERS in user.groups:
        return True
    for binding in objects.list("rbac.authorization.k8s.io/rolebindings", want.namespace or None):
        if not want.namespace or not any(_is(user, one) for one in binding.get("subjects", [])):
            continue
        ref = binding["roleRef"]
        if ref["kind"] == "ClusterRole":
            # The roles every cluster is born with; own ClusterRoles are not served here.
            if ref["name"] in ("admin", "edit", "cluster-admin"):
                return True
            if ref["name"] == "view" and want.verb in READS and want.resource != "secrets":
                return True
            continue
        role = objects.get("rbac.authorization.k8s.io/roles", want.namespace, ref["name"])
        if role and any(_grants(rule, want) for rule in role.get("rules", [])):
            return True
    return False


def _is(user: User, subject: Document) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user.name)
    return subject["kind"] == "Group" and subject["name"] in user.groups


def _grants(rule: Document, want: Attributes) -> bool:
    resource = f"{want.resource}/{want.subresource}" if want.subresource else want.resource
    names = rule.get("resourceNames", [])
    return (
        bool({want.verb, "*"} & set(rule.get("verbs", [])))
        and bool({want.group, "*"} & set(rule.get("apiGroups", [])))
        and bool({resource, "*"} & set(rule.get("resources", [])))
        and (not names or want.name in names)
    )


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: User, want: Attributes) -> ApiError:
    qualified = f"{want.resource}.{want.group}" if want.group else want.resource
    subject = f'{qualified} "{want.name}"' if want.name else qualified
    asked = f"{want.resource}/{want.subresource}" if want.subresource else want.resource
    where = f' in the namespace "{want.namespace}"' if want.namespace else " at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {want.verb} resource "{asked}" in API '
        f'group "{want.group}"{where}'
    )
    details = {"name": want.name, "group": want.group, "kind": want.resource}
    return ApiError(403, "Forbidden", message, {k: v for k, v in details.items() if v})
