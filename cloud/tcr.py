"""TCR: registries, namespaces, repositories, images, logins and network access.

Below the instance, lists count pages instead of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloud.access import Access
from cloud.errors import AlreadyExists, NotFound
from cloud.reading import Data, flag, parts, text, when, whole
from cloud.tencent import Answer, Paging, call, rows
from cloud.types import (
    Created,
    Done,
    ExternalEndpoint,
    ImageManifest,
    ImageNamespace,
    ImageRepository,
    ImageTag,
    InternalEndpoint,
    Registry,
    RegistryLogin,
    RegistryToken,
)

VERSION = "2019-09-24"


def registries(access: Access) -> tuple[Registry, ...]:
    found = _rows(access, "DescribeInstances", {}, "Registries", "skip")
    return tuple(_registry(one) for one in found)


def registry(access: Access, registry_id: str) -> Registry | None:
    body = {"Registryids": [registry_id]}  # spelled so by the API
    try:
        found = list(_rows(access, "DescribeInstances", body, "Registries", "skip"))
    except NotFound:
        return None
    return _registry(found[0]) if found else None


def registry_create(
    access: Access, name: str, kind: str = "basic", *, deletion_protection: bool = False
) -> Created:
    """Pay as you go.  Not safe to repeat: names are unique, so look for `name` first."""
    body = {
        "RegistryName": name,
        "RegistryType": kind,
        "RegistryChargeType": 0,
        "DeletionProtection": deletion_protection,
    }
    answer = _call(access, "CreateInstance", body)
    return Created(answer.need("RegistryId"), answer.request_id)


def registry_delete(access: Access, registry_id: str, *, delete_bucket: bool = False) -> Done:
    body = {"RegistryId": registry_id, "DeleteBucket": delete_bucket}
    return _gone(access, "DeleteInstance", body)


def namespaces(access: Access, registry_id: str) -> tuple[ImageNamespace, ...]:
    found = _rows(access, "DescribeNamespaces", {"RegistryId": registry_id}, "NamespaceList")
    return tuple(
        ImageNamespace(text(one, "Name"), flag(one, "Public"), when(one.get("CreationTime")))
        for one in found
    )


def namespace_create(access: Access, registry_id: str, name: str, *, public: bool = False) -> Done:
    """One that exists already counts as made."""
    body = {"RegistryId": registry_id, "NamespaceName": name, "IsPublic": public}
    return _once(access, "CreateNamespace", body)


def namespace_delete(access: Access, registry_id: str, name: str) -> Done:
    return _gone(access, "DeleteNamespace", {"RegistryId": registry_id, "NamespaceName": name})


def repositories(
    access: Access, registry_id: str, namespace: str = ""
) -> tuple[ImageRepository, ...]:
    body = {"RegistryId": registry_id}
    if namespace:
        body["NamespaceName"] = namespace
    return tuple(
        ImageRepository(
            namespace=text(one, "Namespace"),
            name=text(one, "Name").removeprefix(f"{text(one, 'Namespace')}/"),
            public=flag(one, "Public"),
            description=text(one, "BriefDescription"),
            updated_at=when(one.get("UpdateTime")),
        )
        for one in _rows(access, "DescribeRepositories", body, "RepositoryList")
    )


def repository_create(
    access: Access, registry_id: str, namespace: str, name: str, description: str = ""
) -> Done:
    """One that exists already counts as made."""
    body = {
        "RegistryId": registry_id,
        "NamespaceName": namespace,
        "RepositoryName": name,
        "BriefDescription": description or None,
    }
    return _once(access, "CreateRepository", body)


def images(
    access: Access, registry_id: str, namespace: str, repository: str
) -> tuple[ImageTag, ...]:
    body = {"RegistryId": registry_id, "NamespaceName": namespace, "RepositoryName": repository}
    try:
        found = list(_rows(access, "DescribeImages", body, "ImageInfoList"))
    except NotFound:
        return ()
    return tuple(
        ImageTag(
            tag=text(one, "ImageVersion"),
            digest=text(one, "Digest"),
            size_bytes=whole(one, "Size"),
            kind=text(one, "Kind"),
            updated_at=when(one.get("UpdateTime")),
        )
        for one in found
    )


def image_manifest(
    access: Access, registry_id: str, namespace: str, repository: str, tag: str
) -> ImageManifest | None:
    body = {
        "RegistryId": registry_id,
        "NamespaceName": namespace,
        "RepositoryName": repository,
        "ImageVersion": tag,
    }
    try:
        answer = _call(access, "DescribeImageManifests", body)
    except NotFound:
        return None
    return ImageManifest(
        text(answer.data, "Manifest"), text(answer.data, "Config"), whole(answer.data, "Size")
    )


def image_delete(
    access: Access, registry_id: str, namespace: str, repository: str, tag: str
) -> Done:
    body = {
        "RegistryId": registry_id,
        "NamespaceName": namespace,
        "RepositoryName": repository,
        "ImageVersion": tag,
    }
    return _gone(access, "DeleteImage", body)


def token_create(
    access: Access, registry_id: str, *, long_term: bool = False, description: str = ""
) -> RegistryLogin:
    """A docker login: for one hour, or until it is deleted."""
    body = {
        "RegistryId": registry_id,
        "TokenType": "longterm" if long_term else "temp",
        "Desc": description or None,
    }
    answer = _call(access, "CreateInstanceToken", body)
    return RegistryLogin(
        username=answer.need("Username"),
        password=answer.need("Token"),
        token_id=text(answer.data, "TokenId"),
        expires_at=when(answer.data.get("ExpTime") or None),
        request_id=answer.request_id,
    )


def tokens(access: Access, registry_id: str) -> tuple[RegistryToken, ...]:
    """The long-term tokens."""
    found = _rows(access, "DescribeInstanceToken", {"RegistryId": registry_id}, "Tokens", "skip")
    return tuple(
        RegistryToken(
            id=text(one, "Id"),
            description=text(one, "Desc"),
            enabled=flag(one, "Enabled"),
            created_at=when(one.get("CreatedAt")),
            expires_at=when(one.get("ExpiredAt") or None),
        )
        for one in found
    )


def token_enable(access: Access, registry_id: str, token_id: str, enabled: bool) -> Done:
    body = {"RegistryId": registry_id, "TokenId": token_id, "Enable": enabled, "ModifyFlag": 2}
    return Done(_call(access, "ModifyInstanceToken", body).request_id)


def token_delete(access: Access, registry_id: str, token_id: str) -> Done:
    return _gone(access, "DeleteInstanceToken", {"RegistryId": registry_id, "TokenId": token_id})


def service_account_create(
    access: Access,
    registry_id: str,
    name: str,
    permissions: Mapping[str, Sequence[str]],
    *,
    days: int = 365,
) -> RegistryLogin:
    """A robot login.  `permissions`: namespace -> actions such as "tcr:PullRepository"."""
    body = {
        "RegistryId": registry_id,
        "Name": name,
        "Permissions": [
            {"Resource": namespace, "Actions": list(actions)}
            for namespace, actions in permissions.items()
        ],
        "Duration": days,
    }
    answer = _call(access, "CreateServiceAccount", body)
    return RegistryLogin(
        username=answer.need("Name"),
        password=answer.need("Password"),
        expires_at=when(answer.data.get("ExpiresAt") or None),
        request_id=answer.request_id,
    )


def external_endpoint(access: Access, registry_id: str) -> ExternalEndpoint:
    answer = _call(access, "DescribeExternalEndpointStatus", {"RegistryId": registry_id})
    return ExternalEndpoint(answer.need("Status"), text(answer.data, "Reason"))


def external_endpoint_set(access: Access, registry_id: str, *, open_it: bool) -> Done:
    body = {"RegistryId": registry_id, "Operation": "Create" if open_it else "Delete"}
    return Done(_call(access, "ManageExternalEndpoint", body).request_id)


def internal_endpoints(access: Access, registry_id: str) -> tuple[InternalEndpoint, ...]:
    answer = _call(access, "DescribeInternalEndpoints", {"RegistryId": registry_id})
    return tuple(
        InternalEndpoint(
            text(one, "VpcId"), text(one, "SubnetId"), text(one, "Status"), text(one, "AccessIp")
        )
        for one in parts(answer.data, "AccessVpcSet")
    )


def internal_endpoint_set(
    access: Access, registry_id: str, vpc_id: str, subnet_id: str, *, open_it: bool
) -> Done:
    body = {
        "RegistryId": registry_id,
        "Operation": "Create" if open_it else "Delete",
        "VpcId": vpc_id,
        "SubnetId": subnet_id,
    }
    return Done(_call(access, "ManageInternalEndpoint", body).request_id)


def _call(access: Access, action: str, body: dict[str, Any]) -> Answer:
    return call(access, "tcr", VERSION, action, body)


def _rows(
    access: Access, action: str, body: Mapping[str, Any], member: str, paging: Paging = "page"
) -> Iterator[Data]:
    return rows(access, "tcr", VERSION, action, body, member=member, paging=paging)


def _gone(access: Access, action: str, body: dict[str, Any]) -> Done:
    try:
        return Done(_call(access, action, body).request_id)
    except NotFound as gone:
        return Done(gone.request_id)


def _once(access: Access, action: str, body: dict[str, Any]) -> Done:
    try:
        return Done(_call(access, action, body).request_id)
    except AlreadyExists as made:
        return Done(made.request_id)


def _registry(one: Data) -> Registry:
    return Registry(
        id=text(one, "RegistryId"),
        name=text(one, "RegistryName"),
        kind=text(one, "RegistryType"),
        status=text(one, "Status"),
        domain=text(one, "PublicDomain"),
        internal_endpoint=text(one, "InternalEndpoint"),
        region=text(one, "RegionName"),
        deletion_protection=flag(one, "DeletionProtection"),
        created_at=when(one.get("CreatedAt")),
    )
