"""The wire to one Kubernetes API server: the official client without its typed models.

One ApiClient per kubeconfig is kept, since a TLS context costs more than a request.
"""

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, TypedDict

import urllib3.exceptions
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import load_kube_config_from_dict

from cloud import errors
from cloud.errors import Rejected
from cloud.network import unanswered
from cloud.reading import Data, part, parts, text
from cloud.types import FieldConflict

SERVICE = "Kubernetes"
CONNECT_S = 5.0
MAX_CLIENTS = 32
# By process as well: a connection must not be shared with a forked child.
_clients: OrderedDict[tuple[int, str], ApiClient] = OrderedDict()
_lock = threading.Lock()
# Each of these makes the client run a program or read a file of this machine.
_FORBIDDEN_USER = ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key")


class Facts(TypedDict):
    code: str
    request_id: str
    service: str


class Conflicted(Rejected):
    """Server-side apply without force met fields of other managers."""

    conflicts: tuple[FieldConflict, ...] = ()


class Expired(errors.Transient):
    """The asked resource version is too old (410): list again."""


def client_for(kubeconfig: str) -> ApiClient:
    """The kept client of this kubeconfig.  Raises Rejected if it cannot be used."""
    key = (os.getpid(), hashlib.sha256(kubeconfig.encode()).hexdigest())
    with _lock:
        if key not in _clients:
            _clients[key] = _client(kubeconfig)
            if len(_clients) > MAX_CLIENTS:
                _clients.popitem(last=False)
        _clients.move_to_end(key)
        return _clients[key]


def _client(kubeconfig: str) -> ApiClient:
    try:
        document = yaml.safe_load(kubeconfig)
    except yaml.YAMLError:
        raise Rejected("The kubeconfig is not YAML.", service=SERVICE) from None
    if not isinstance(document, dict):
        raise Rejected("The kubeconfig is empty.", service=SERVICE)
    users = [part(user, "user") for user in parts(document, "users")]
    clusters = [part(cluster, "cluster") for cluster in parts(document, "clusters")]
    if any(name in user for user in users for name in _FORBIDDEN_USER) or any(
        "certificate-authority" in cluster for cluster in clusters
    ):
        raise Rejected(
            "The kubeconfig must carry its certificates or token itself,"
            " not a program or a file to read.",
            service=SERVICE,
        )
    conf = Configuration()
    try:
        load_kube_config_from_dict(  # type: ignore[no-untyped-call]
            document, client_configuration=conf, persist_config=False
        )
    except (ConfigException, ValueError, KeyError, TypeError):
        raise Rejected("The kubeconfig is incomplete.", service=SERVICE) from None
    conf.retries = False  # urllib3 would otherwise repeat PUT and DELETE by itself
    conf.connection_pool_maxsize = 8
    return ApiClient(conf)


class KubeWire:
    def __init__(self, kubeconfig: str, timeout_s: float) -> None:
        self._client = client_for(kubeconfig)
        self.timeout_s = timeout_s

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "",
        timeout_s: float | None = None,
        mutating: bool | None = None,
    ) -> urllib3.HTTPResponse:
        """The open answer of one attempt, status below 300.  Raises CloudError.

        Everything but GET changes something, unless `mutating` says otherwise."""
        changes = method != "GET" if mutating is None else mutating
        what = f"{method} {path}"
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type or "application/json"
        try:
            call = self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=dict(body) if body is not None else None,
                auth_settings=["BearerToken"],
            )
            answer = self._client.call_api(
                *call, _request_timeout=(CONNECT_S, timeout_s or self.timeout_s)
            )
            response: urllib3.HTTPResponse = answer.response
            if response.status >= 300:
                content = response.read()
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as exc:
            raise unanswered(exc, service=SERVICE, what=what, mutating=changes) from None
        if response.status >= 300:
            raise refused(response.status, content, response.headers, mutating=changes)
        return response

    def json(self, method: str, path: str, **options: Any) -> tuple[dict[str, Any], str]:
        """The answer's object and its request id."""
        response = self.send(method, path, **options)
        mutating = bool(options.get("mutating", method != "GET"))
        try:
            content = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise unanswered(
                exc, service=SERVICE, what=f"{method} {path}", mutating=mutating
            ) from None
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise errors.made(
                errors.Unreachable,
                f"The API server's answer is not JSON ({method} {path}).",
                service=SERVICE,
                mutating=mutating,
            )
        return found, audit_id(response)


def audit_id(response: urllib3.HTTPResponse) -> str:
    return str(response.headers.get("Audit-Id", ""))


def refused(
    status: int, content: bytes, headers: Mapping[str, str], *, mutating: bool
) -> errors.CloudError:
    """The error of a Status answer, or of whatever stands there instead."""
    try:
        found: Data = json.loads(content)
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        found = {}
    reason = text(found, "reason")
    message = text(found, "message") or f"The API server answered {status}."
    request_id = str(headers.get("Audit-Id", ""))
    facts: Facts = {"code": reason or str(status), "request_id": request_id, "service": SERVICE}
    details = part(found, "details")
    conflicts = _conflicts(details)
    if conflicts:
        conflicted = Conflicted(message[:500], **facts)
        conflicted.conflicts = conflicts
        return conflicted
    if status == 410:
        return errors.made(Expired, message, **facts)
    kind = errors.KUBE_REASONS.get(reason) or errors.by_status(status)
    if status == 403 and "exceeded quota" in message:
        kind = errors.OverQuota
    if any(text(cause, "reason") == "NamespaceTerminating" for cause in parts(details, "causes")):
        kind = errors.Busy
    wait = str(headers.get("Retry-After", ""))
    retry_s = float(wait) if wait.isdigit() else None
    return errors.made(kind, message, mutating=mutating, retry_s=retry_s, **facts)


def _conflicts(details: Data) -> tuple[FieldConflict, ...]:
    found = []
    for cause in parts(details, "causes"):
        if text(cause, "reason") == "FieldManagerConflict":
            message = text(cause, "message")
            quoted = message.split('"')
            manager = quoted[1] if len(quoted) > 2 else ""
            found.append(FieldConflict(manager, text(cause, "field"), message))
    return tuple(found)
