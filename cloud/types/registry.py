"""TCR: registries, namespaces, repositories, images and access to them."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Registry:
    """`status`: Pending, Deploying, Running, …; `domain` is where docker pulls from."""

    id: str
    name: str
    kind: str
    status: str
    domain: str
    internal_endpoint: str
    region: str
    deletion_protection: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class ImageNamespace:
    name: str
    public: bool
    created_at: datetime | None = None


@dataclass(frozen=True)
class ImageRepository:
    """`name` without its namespace."""

    namespace: str
    name: str
    public: bool
    description: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True)
class ImageTag:
    tag: str
    digest: str
    size_bytes: int
    kind: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True)
class ImageManifest:
    """JSON texts as the registry holds them."""

    manifest: str
    config: str
    size_bytes: int


@dataclass(frozen=True)
class RegistryLogin:
    """A login for docker, shown once.  `token_id` only of long-term ones."""

    username: str
    password: str = field(repr=False)
    token_id: str = ""
    expires_at: datetime | None = None
    request_id: str = ""


@dataclass(frozen=True)
class RegistryToken:
    """A long-term token, without its secret."""

    id: str
    description: str
    enabled: bool
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class ExternalEndpoint:
    """Public access: Closed, Opening, Opened."""

    status: str
    reason: str = ""


@dataclass(frozen=True)
class InternalEndpoint:
    vpc_id: str
    subnet_id: str
    status: str
    ip: str
