"""What people do to environments: make, adopt, change, ask to read again.

Everything here is written from what the person said and from Findings; the cloud is only ever
reached by workers.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.models import User
from apps.accounts.permissions import can
from apps.audit import services as audit
from apps.core import plans
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan
from apps.core.words import Say
from apps.core.workqueue import wake
from apps.environments import readings, rules
from apps.environments.choices import Choice, chosen
from apps.environments.models import Environment, Preparation, Reading, Stage
from apps.environments.products import Product

SECRETS = ("secret_key", "session_token", "kubeconfig", "callback_token")


@transaction.atomic
def environment_create(
    *,
    person: User | None,
    name: str,
    region: str,
    secret_id: str,
    secret_key: str,
    session_token: str = "",
    stage: str = Stage.DEV,
    policy: str = "",
    namespace: str = "sd",
    api_endpoint: str = "",
    api_scheme: str = "https",
    cos_endpoint: str = "",
    cos_scheme: str = "https",
) -> Environment:
    """A new environment, and the first look at its region is on its way.

    `policy` "" = as the stage suggests; choosing another one needs "environment.policy".
    Raises RuleViolation; ValidationError carries the fields that are not well formed."""
    suggested = rules.policy_for(stage)
    if policy and policy != suggested:
        check_may_choose_policy(person)
    check_shape(
        name=name,
        region=region,
        secret_id=secret_id,
        secret_key=secret_key,
        namespace=namespace,
        api_endpoint=api_endpoint,
        cos_endpoint=cos_endpoint,
        api_scheme=api_scheme,
        cos_scheme=cos_scheme,
    )
    if Environment.objects.filter(name=name).exists():
        raise RuleViolation(_("There is an environment of this name already."), field="name")
    environment = Environment(
        name=name,
        stage=stage,
        policy=policy or suggested,
        region=region,
        secret_id=secret_id,
        secret_key=secret_key,
        session_token=session_token,
        namespace=namespace,
        api_endpoint=api_endpoint,
        api_scheme=api_scheme,
        cos_endpoint=cos_endpoint,
        cos_scheme=cos_scheme,
        callback_token=secrets.token_urlsafe(24),
    )
    environment.full_clean()
    environment.save(force_insert=True)
    audit.record(
        person, "environment.create", "environment", environment.pk, name, after=told(environment)
    )
    readings.open_readings(environment)
    readings.ask_again(environment)
    ring(environment)
    return environment


@transaction.atomic
def environment_adopt(
    *,
    environment: Environment,
    person: User | None,
    choice: Choice,
    policy: str = "",
    cfs_mount_path: str | None = None,
    trigger: str = "person",
) -> Plan | None:
    """Take what was chosen under observation, and plan what the console itself needs in it.

    Only our own record changes here; namespace and CORS rule come with the returned plan (None if
    nothing of them changes).  `policy` overrides the environment's, for a command that is itself
    the confirmation.  Raises RuleViolation when something is absent or does not belong together."""
    environment = locked(environment)
    found = chosen(environment, choice)
    before = told(environment)
    values: dict[str, Any] = {
        "namespace": choice.namespace,
        "cluster_id": choice.cluster_id,
        "vpc_id": found.vpc_id,
        "cfs_id": choice.cfs_id,
        "cfs_mount_ip": found.file_system.mount_ip if found.file_system else "",
        "cfs_fsid": found.file_system.fsid if found.file_system else "",
        "tcr_id": choice.tcr_id,
        "tcr_domain": found.registry.domain if found.registry else "",
        "gateway_id": choice.gateway_id,
        "gateway_address": found.gateway.address if found.gateway else "",
        "bucket": choice.bucket,
    }
    if cfs_mount_path is not None:
        values["cfs_mount_path"] = cfs_mount_path
    if not environment.callback_token:
        values["callback_token"] = secrets.token_urlsafe(24)
    if choice.cluster_id != environment.cluster_id:
        values["kubeconfig"] = ""
        values["kubeconfig_pasted"] = False
    write(environment, values)
    audit.record(
        person,
        "environment.adopt",
        "environment",
        environment.pk,
        environment.name,
        before=before,
        after=told(environment),
    )
    readings.open_readings(environment)
    readings.ask_again(environment)
    ring(environment)
    return prepare(environment, person, policy or environment.policy, trigger)


def prepare(
    environment: Environment, person: User | None, policy: str, trigger: str
) -> Plan | None:
    """Plan the namespace and the bucket's CORS rule; None if that wish stands already."""
    if not (environment.cluster_id or environment.bucket):
        return None
    spec = {
        "namespace": environment.namespace if environment.cluster_id else "",
        "bucket": environment.bucket,
        "origins": list(
            rules.origins(settings.SDCONSOLE_PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS)
        ),
    }
    row, _made = Preparation.objects.get_or_create(environment=environment)
    if row.revision and row.spec == spec:
        return None
    title = Say.of(gettext_noop("Prepare %(environment)s"), environment=environment.name)
    return plans.plan_open(
        title=title,
        scope=environment.name,
        policy=policy,
        author=person,
        drafts=[plans.Draft(row, spec)],
        trigger=trigger,
    )


@transaction.atomic
def environment_update(
    *,
    environment: Environment,
    person: User | None,
    seen: datetime | None = None,
    stage: str | None = None,
    policy: str | None = None,
    cfs_mount_path: str | None = None,
    biz_type: str | None = None,
) -> Environment:
    """Change the console's own settings; None = leave as it is.

    `seen` is the `updated_at` the person saw: raises Conflict if somebody changed it since."""
    environment = locked(environment)
    check_not_moved(environment, seen)
    if policy is not None and policy != environment.policy:
        check_may_choose_policy(person)
    if biz_type and not rules.BIZ_TYPE.fullmatch(biz_type):
        raise RuleViolation(_("A BizType holds letters, digits, - and _."), field="biz_type")
    if cfs_mount_path and not cfs_mount_path.startswith("/"):
        raise RuleViolation(_("The path starts with /."), field="cfs_mount_path")
    asked = {
        "stage": stage,
        "policy": policy,
        "cfs_mount_path": cfs_mount_path,
        "biz_type": biz_type,
    }
    before = told(environment)
    write(environment, {name: value for name, value in asked.items() if value is not None})
    record_change(environment, person, "environment.update", before)
    return environment


@transaction.atomic
def environment_credentials(
    *,
    environment: Environment,
    person: User | None,
    secret_id: str,
    secret_key: str,
    session_token: str = "",
) -> Environment:
    """Replace the key, and with it a kubeconfig fetched with the old one: it is personal."""
    environment = locked(environment)
    check_shape(secret_id=secret_id, secret_key=secret_key)
    before = told(environment)
    values: dict[str, Any] = {
        "secret_id": secret_id,
        "secret_key": secret_key,
        "session_token": session_token,
    }
    if not environment.kubeconfig_pasted:
        values["kubeconfig"] = ""
    write(environment, values)
    record_change(environment, person, "environment.credentials", before)
    readings.ask_again(environment)
    ring(environment)
    return environment


@transaction.atomic
def environment_reach(
    *,
    environment: Environment,
    person: User | None,
    api_endpoint: str,
    cos_endpoint: str,
    api_scheme: str = "https",
    cos_scheme: str = "https",
) -> Environment:
    """Change where the account is reached; "" = the real cloud."""
    environment = locked(environment)
    check_shape(
        api_endpoint=api_endpoint,
        cos_endpoint=cos_endpoint,
        api_scheme=api_scheme,
        cos_scheme=cos_scheme,
    )
    before = told(environment)
    values: dict[str, Any] = {
        "api_endpoint": api_endpoint,
        "api_scheme": api_scheme,
        "cos_endpoint": cos_endpoint,
        "cos_scheme": cos_scheme,
    }
    if not environment.kubeconfig_pasted:
        values["kubeconfig"] = ""
    write(environment, values)
    record_change(environment, person, "environment.reach", before)
    readings.ask_again(environment)
    ring(environment)
    return environment


@transaction.atomic
def environment_kubeconfig(
    *, environment: Environment, person: User | None, kubeconfig: str
) -> Environment:
    """Keep a pasted kubeconfig; "" = fetch one through TKE again."""
    environment = locked(environment)
    if kubeconfig and ("clusters:" not in kubeconfig or len(kubeconfig) > 100_000):
        raise RuleViolation(_("This is not a kubeconfig."), field="kubeconfig")
    before = told(environment)
    write(environment, {"kubeconfig": kubeconfig, "kubeconfig_pasted": bool(kubeconfig)})
    record_change(environment, person, "environment.kubeconfig", before)
    readings.ask_again(environment, [Product.KUBE])
    ring(environment)
    return environment


def refresh_request(
    *, environment: Environment, products: Iterable[Product] = tuple(Product)
) -> int:
    """Ask for a look at the world now; what a permanent error stopped is tried once more.

    Looks that somebody asked for and that have not come back yet are not asked for twice."""
    waiting = {
        reading.product
        for reading in Reading.objects.filter(environment=environment, asked_at__isnull=False)
        if reading.awaited and (reading.running or reading.due_at is not None)
    }
    fresh = [product for product in products if product.value not in waiting]
    with transaction.atomic():
        asked = readings.ask_again(environment, fresh)
        ring(environment)
    return asked


def ring(environment: Environment) -> None:
    wake(
        "bulk",
        "apps.environments.tasks.refresh",
        environment.pk,
        job_id=f"environment-refresh-{environment.pk}",
    )


def locked(environment: Environment) -> Environment:
    return Environment.objects.select_for_update().get(pk=environment.pk)


def write(environment: Environment, values: dict[str, Any]) -> None:
    """Save exactly these columns, checked by the model."""
    for name, value in values.items():
        setattr(environment, name, value)
    environment.full_clean()
    environment.updated_at = timezone.now()
    environment.save(update_fields=[*values, "updated_at"])


def told(environment: Environment) -> dict[str, Any]:
    """What the record may say of it; secrets only as set or not set."""
    names = [
        field.attname
        for field in environment._meta.concrete_fields
        if field.attname not in ("id", "created_at", "updated_at")
    ]
    return {
        name: bool(getattr(environment, name)) if name in SECRETS else getattr(environment, name)
        for name in names
    }


def record_change(
    environment: Environment, person: User | None, verb: str, before: dict[str, Any]
) -> None:
    after = told(environment)
    moved = [name for name in after if before[name] != after[name]]
    audit.record(
        person,
        verb,
        "environment",
        environment.pk,
        environment.name,
        before={name: before[name] for name in moved},
        after={name: after[name] for name in moved},
    )


def check_not_moved(environment: Environment, seen: datetime | None) -> None:
    if seen is not None and environment.updated_at != seen:
        raise Conflict(_("Someone else changed this environment meanwhile; look at it again."))


def check_may_choose_policy(person: User | None) -> None:
    if person is not None and not can(person, "environment.policy"):
        raise RuleViolation(
            _("Only an administrator chooses who approves plans of an environment."), field="policy"
        )


SHAPES: dict[str, tuple[Any, str]] = {
    "name": (rules.NAME, gettext_noop("Small letters, digits and hyphens, at most 40.")),
    "region": (rules.REGION, gettext_noop("A region looks like ap-guangzhou.")),
    "secret_id": (rules.SECRET_ID, gettext_noop("This does not look like a SecretId.")),
    "secret_key": (rules.SECRET, gettext_noop("This does not look like a SecretKey.")),
    "namespace": (rules.NAMESPACE, gettext_noop("Small letters, digits and hyphens, at most 63.")),
    "api_endpoint": (rules.ENDPOINT, gettext_noop("A host, or host:port, without https://.")),
    "cos_endpoint": (rules.ENDPOINT, gettext_noop("A host, or host:port, without https://.")),
}
MAY_BE_EMPTY = ("api_endpoint", "cos_endpoint")


def check_shape(**values: str) -> None:
    """Raises ValidationError naming every field that is not well formed."""
    wrong: dict[str, list[str]] = {}
    for name, value in values.items():
        if name.endswith("_scheme"):
            if value not in rules.SCHEMES:
                wrong[name] = [_("https or http.")]
        elif not (name in MAY_BE_EMPTY and not value):
            pattern, words = SHAPES[name]
            if not pattern.fullmatch(value):
                wrong[name] = [_(words)]
    if values.get("namespace") in rules.RESERVED_NAMESPACES:
        wrong["namespace"] = [_("This namespace belongs to the cluster itself.")]
    if wrong:
        raise ValidationError(wrong)
