"""The wishes of an environment as YAML, and back: one small table says what can be written down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from django.db.models import QuerySet
from pydantic import ValidationError

from apps.console.yaml_reading import Document, Problem, unknown
from apps.core.as_code import Target
from apps.core.models import Reconcilable
from apps.deployments import as_code as deployments
from apps.deployments.models import Deployment
from apps.environments import as_code as environments
from apps.environments.models import Environment
from apps.environments.selectors import SECRETS
from apps.gateway import as_code as gateway
from apps.gateway.models import GatewayService, Route

ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Written:
    """A kind that can be written down.

    to_yaml(row) -> spec as plain values, without secrets and without ids of our database
    from_yaml(environment, name, text, public_confirmed) -> targets, what others stand on first;
      raises RuleViolation whose `field` is a member of the spec
    """

    kind: str
    text: Any  # pydantic model of the spec
    rows: Callable[[Environment], QuerySet[Any]]
    to_yaml: Callable[[Any], dict[str, Any]]
    from_yaml: Callable[[Environment, str, Any, bool], list[Target]]


def _accepted(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(revision__gt=0, delete_requested_at__isnull=True).order_by("name")


# In the order in which they stand on each other.
TABLE = (
    Written(
        "deployment",
        deployments.DeploymentText,
        lambda place: _accepted(Deployment.objects.filter(environment=place)),
        deployments.to_yaml,
        lambda place, name, text, public: deployments.from_yaml(
            place, name, text, public_confirmed=public
        ),
    ),
    Written(
        "gateway-service",
        gateway.ServiceText,
        lambda place: _accepted(
            GatewayService.objects.select_related("deployment").filter(
                environment=place, gateway_id=place.gateway_id, deployment__isnull=False
            )
        ),
        gateway.service_to_yaml,
        lambda place, name, text, public: gateway.service_from_yaml(place, name, text),
    ),
    Written(
        "gateway-route",
        gateway.RouteText,
        lambda place: _accepted(
            Route.objects.select_related("service").filter(
                environment=place, gateway_id=place.gateway_id
            )
        ),
        gateway.route_to_yaml,
        lambda place, name, text, public: gateway.route_from_yaml(place, name, text),
    ),
)
BY_KIND = {one.kind: one for one in TABLE}
KINDS = (ENVIRONMENT, *BY_KIND)


# ---- out ----------------------------------------------------------------------------------------


def export(names: Iterable[str] = ()) -> str:
    """Every accepted wish, of the environments named or of all, in an order that never varies."""
    places = Environment.objects.defer(*SECRETS).order_by("name")
    names = list(names)
    if names:
        places = places.filter(name__in=names)
    documents: list[dict[str, Any]] = []
    for place in places:
        documents.append(
            {"kind": ENVIRONMENT, "name": place.name, "spec": environments.to_yaml(place)}
        )
        for one in TABLE:
            documents += [document(one, place, row) for row in one.rows(place)]
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def document(one: Written, place: Environment, row: Reconcilable) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "environment": place.name,
        "name": str(row),
        "spec": one.to_yaml(row),
    }


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: a person edits what comes out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# ---- in -----------------------------------------------------------------------------------------


def shaped(documents: list[Document]) -> tuple[list[tuple[Document, Any]], list[Problem]]:
    """Each document with its spec as the model of its kind, in the order of TABLE; and whatever is
    wrong with their shape."""
    found: list[tuple[Document, Any]] = []
    problems: list[Problem] = []
    places = set(Environment.objects.values_list("name", flat=True))
    for one in documents:
        if one.kind not in KINDS:
            problems.append(one.problem(("kind",), f"not one of {', '.join(KINDS)}"))
            continue
        place = one.name if one.kind == ENVIRONMENT else one.environment
        where = "name" if one.kind == ENVIRONMENT else "environment"
        if place not in places:
            problems.append(one.problem((where,), f"there is no environment {place!r}"))
        model = environments.EnvironmentText if one.kind == ENVIRONMENT else BY_KIND[one.kind].text
        try:
            found.append((one, model.model_validate(one.spec)))
        except ValidationError as wrong:
            problems += [_pointed(one, model, error) for error in wrong.errors()]
    found.sort(key=lambda pair: KINDS.index(pair[0].kind))
    return found, problems


def _pointed(one: Document, model: Any, error: Any) -> Problem:
    path = ("spec", *error["loc"])
    if error["type"] == "extra_forbidden":
        return one.problem(path, unknown(str(path[-1]), _members(model, error["loc"][:-1])))
    said = str(error["msg"])
    return one.problem(path, said[:1].lower() + said[1:])


def _members(model: Any, path: tuple[Any, ...]) -> Iterable[str]:
    """The fields that are known where an unknown one stands."""
    for part in path:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else None
    return getattr(model, "model_fields", {}) or ()
