"""What people do with model files: upload, publish, delete.  The bytes never pass through here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.audit.services import record
from apps.core import runs
from apps.core.errors import RuleViolation
from apps.core.measures import size as in_words
from apps.core.models import Plan, Run, Trigger
from apps.core.phases import Phase
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.core.workqueue import ring, wake
from apps.environments.clients import cos_for
from apps.environments.models import Environment
from apps.registry import rules, selectors
from apps.registry.models import Model, ModelType, Upload, UploadState, Verdict, Version
from apps.registry.refusals import Refusal
from cloud.cos import CosClient

if TYPE_CHECKING:
    from apps.accounts.models import User

SHA256 = re.compile(r"[0-9a-f]{64}")
CRC64 = re.compile(r"[0-9]{1,20}")


# ---- uploads ------------------------------------------------------------------------------------


@transaction.atomic
def upload_open(
    *,
    person: "User",
    environment: Environment,
    model_name: str,
    type: str,
    file_name: str,
    size_bytes: int,
    sha256: str = "",
    fingerprint: str = "",
    header: dict[str, Any] | None = None,
) -> Upload:
    """Reserve room for a file and a place in COS.  Raises RuleViolation; nothing is kept then."""
    refused(rules.check_name, file_name)
    refused(rules.check_size, size_bytes)
    check_ready(environment)
    check_model(model_name, type)
    check_sum(sha256, SHA256, "sha256")
    check_sum(fingerprint, SHA256, "fingerprint")
    Environment.objects.select_for_update(of=("self",)).only("pk").get(pk=environment.pk)
    mine = Upload.objects.filter(person=person, state=UploadState.OPEN)
    if mine.count() >= rules.OPEN_MOST:
        text = _("You have %(most)s uploads under way; finish or give up one of them first.")
        raise RuleViolation(text % {"most": rules.OPEN_MOST})
    check_room(environment, size_bytes)
    upload = Upload(
        environment=environment,
        model_name=model_name,
        type=type,
        file_name=file_name,
        size_bytes=size_bytes,
        part_size=rules.part_size(size_bytes),
        claimed_sha256=sha256,
        fingerprint=fingerprint,
        header=told(header),
        person=person,
    )
    upload.full_clean()
    upload.save(force_insert=True)
    after = {"model": model_name, "type": type, "size_bytes": size_bytes}
    record(person, "upload.open", "upload", upload.pk, file_name, after=after)
    return upload


def refused(check: Any, value: Any) -> None:
    """Run a pure check; its refusal becomes the form's sentence."""
    try:
        check(value)
    except Refusal as refusal:
        raise RuleViolation(str(refusal.say), field=refusal.field) from refusal


def check_ready(environment: Environment) -> None:
    for held, sentence in (
        (environment.bucket, _("%(name)s has no COS bucket yet; adopt one first.")),
        (environment.cfs_id, _("%(name)s has no CFS file system yet; adopt one first.")),
        (
            environment.cfs_mount_path,
            _("%(name)s does not say where workers have its CFS mounted; set it first."),
        ),
    ):
        if not held:
            raise RuleViolation(sentence % {"name": environment.name}, field="environment")


def check_model(name: str, type: str) -> None:
    """A model keeps one type: its versions lie in one folder and replace each other."""
    if type not in ModelType.values:
        raise RuleViolation(_("There is no such type of model."), field="type")
    try:
        Model(name=name, type=type).full_clean(validate_unique=False)
    except ValidationError as wrong:
        text = _("A model's name holds letters, digits, dashes and underscores, at most 80.")
        raise RuleViolation(text, field="model") from wrong
    known = Model.objects.filter(name__iexact=name).first()
    if known is None:
        return
    if known.name != name:
        text = _("There is a model %(name)s already; write it the same way.")
        raise RuleViolation(text % {"name": known.name}, field="model")
    if known.type != type:
        text = _("%(name)s is of type %(type)s and keeps it; choose another model name.")
        raise RuleViolation(text % {"name": name, "type": known.get_type_display()}, field="type")


def check_sum(value: str, shape: re.Pattern[str], field: str) -> None:
    if value and not shape.fullmatch(value):
        raise RuleViolation(_("This is not a checksum."), field=field)


def check_room(environment: Environment, size_bytes: int) -> None:
    disk = selectors.disk(environment)
    free = disk.free_bytes if disk else None
    if free is not None and free < size_bytes:
        text = _("CFS has %(free)s left after what is reserved; this file needs %(need)s.")
        told = {"free": in_words(free), "need": in_words(size_bytes)}
        raise RuleViolation(text % told, field="size_bytes")


def told(header: dict[str, Any] | None) -> dict[str, Any]:
    """What the browser read of the header: shown on the lane, never believed."""
    names = ("family", "variant", "precision") if header else ()
    return {name: str((header or {}).get(name, ""))[:120] for name in names}


@transaction.atomic
def upload_started(*, upload: Upload, upload_id: str) -> None:
    """COS gave the upload its id.  Told twice it stays; another id replaces none."""
    upload = locked(upload)
    if upload.cos_upload_id and upload.cos_upload_id != upload_id:
        raise RuleViolation(_("This upload was started already."), field="upload_id")
    if not upload.cos_upload_id:
        Upload.objects.filter(pk=upload.pk).update(
            cos_upload_id=upload_id, touched_at=timezone.now()
        )


def locked(upload: Upload) -> Upload:
    """The row, ours until the commit.  Raises RuleViolation once nothing more can be sent."""
    found = Upload.objects.select_for_update().get(pk=upload.pk)
    if found.state == UploadState.ABORTED:
        raise RuleViolation(_("This upload was given up; start it again."))
    if found.state != UploadState.OPEN:
        raise RuleViolation(_("This upload is complete; nothing more can be sent."))
    return found


@transaction.atomic
def upload_progress(*, upload: Upload, parts_done: int) -> None:
    """As the client counts; for people who look on."""
    upload = locked(upload)
    done = max(0, min(parts_done, upload.parts_total))
    Upload.objects.filter(pk=upload.pk).update(parts_done=done, touched_at=timezone.now())


@dataclass(frozen=True)
class Doors:
    """Signed URLs of one upload, each a secret for `expires_s` seconds.

    `start`: POST, answers the upload's id ("" once it has one).  `listing`: GET, what is there.
    """

    start: str
    listing: str
    abort: str
    expires_s: int = rules.URL_LIFE_S


def upload_doors(upload: Upload) -> Doors:
    """Signed here, without asking COS."""
    cos = cos_for(upload.environment)
    known = upload.cos_upload_id
    if not known:
        return Doors(sign(cos, "POST", upload, {"uploads": ""}), "", "")
    listing = {"uploadId": known, "max-parts": str(rules.PARTS_MOST)}
    return Doors(
        "", sign(cos, "GET", upload, listing), sign(cos, "DELETE", upload, {"uploadId": known})
    )


def upload_part_urls(*, upload: Upload, numbers: Sequence[int]) -> dict[int, str]:
    """A URL to PUT each of these parts to.  Raises RuleViolation."""
    if upload.state != UploadState.OPEN:
        raise RuleViolation(_("This upload is complete; nothing more can be sent."))
    if not upload.cos_upload_id:
        raise RuleViolation(_("COS has not given this upload an id yet."))
    if not numbers or len(numbers) > rules.URLS_MOST:
        text = _("Ask for 1 to %(most)s parts at a time.")
        raise RuleViolation(text % {"most": rules.URLS_MOST}, field="numbers")
    if not all(1 <= number <= upload.parts_total for number in numbers):
        text = _("The parts of this upload are numbered 1 to %(total)s.")
        raise RuleViolation(text % {"total": upload.parts_total}, field="numbers")
    Upload.objects.filter(pk=upload.pk).update(touched_at=timezone.now())
    cos = cos_for(upload.environment)
    return {
        number: sign(
            cos, "PUT", upload, {"partNumber": str(number), "uploadId": upload.cos_upload_id}
        )
        for number in numbers
    }


def sign(cos: CosClient, method: str, upload: Upload, params: dict[str, str]) -> str:
    return cos.presign(method, upload.key, rules.URL_LIFE_S, params=params)


@transaction.atomic
def upload_seal(
    *,
    person: "User",
    upload: Upload,
    sha256: str = "",
    crc64: str = "",
    trigger: Trigger = Trigger.UPLOAD,
) -> Version:
    """Every part is there: the next version, and a run that publishes it.  Repeated, the same one.

    `sha256` and `crc64` (decimal) are what the client counted; what arrives must have them.
    """
    row = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if row.version_id and row.state != UploadState.ABORTED:
        made: Version = Version.objects.select_related("model").get(pk=row.version_id)
        return made
    row = locked(row)
    if not row.cos_upload_id:
        raise RuleViolation(_("COS has not given this upload an id yet."))
    check_sum(sha256, SHA256, "sha256")
    check_sum(crc64, CRC64, "crc64")
    if sha256 and row.claimed_sha256 and sha256 != row.claimed_sha256:
        text = _("This sha256 is not the one announced when the upload was opened.")
        raise RuleViolation(text, field="sha256")
    check_model(row.model_name, row.type)
    version = version_draft(row, person, sha256 or row.claimed_sha256, crc64)
    Upload.objects.filter(pk=row.pk).update(
        state=UploadState.SEALED,
        version=version,
        parts_done=row.parts_total,
        claimed_sha256=version.claimed_sha256,
        touched_at=timezone.now(),
    )
    title = Say.of(gettext_noop("Publish %(name)s"), name=str(version))
    runs.run_open(
        title=title, scope=row.environment.name, rows=[version], trigger=trigger, person=person
    )
    after = {"file": version.path, "size_bytes": version.size_bytes, "sha256": sha256}
    record(person, "version.publish", "version", version.pk, str(version), after=after)
    ring("publication", version.pk)
    return version


def version_draft(upload: Upload, person: "User", sha256: str, crc64: str) -> Version:
    """The next version of the model, with an accepted wish from the start: an upload is one."""
    Model.objects.get_or_create(name=upload.model_name, defaults={"type": upload.type})
    model = Model.objects.select_for_update().get(name=upload.model_name)
    model.last_number += 1
    model.save(update_fields=["last_number"])
    version = Version(
        model=model,
        environment=upload.environment,
        number=model.last_number,
        file_name=upload.file_name,
        size_bytes=upload.size_bytes,
        claimed_sha256=sha256,
        claimed_crc64=crc64,
        uploaded_by=person,
        generation=1,
        revision=1,
        phase=Phase.PENDING,
        due_at=timezone.now(),
    )
    version.spec = {
        "file": version.path,
        "size_bytes": upload.size_bytes,
        "part_bytes": upload.part_size,
        "key": upload.key,
        "upload_id": upload.cos_upload_id,
        "sha256": sha256,
        "crc64": crc64,
    }
    version.save(force_insert=True)
    return version


@transaction.atomic
def upload_abort(*, person: "User | None", upload: Upload, reason: str = "") -> None:
    """Give an upload up; a worker frees what COS holds of it.  Repeated, nothing more happens."""
    row = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if row.state == UploadState.ABORTED:
        return
    if row.state != UploadState.OPEN:
        raise RuleViolation(_("This upload is complete; delete its version instead."))
    Upload.objects.filter(pk=row.pk).update(state=UploadState.ABORTED, touched_at=timezone.now())
    record(person, "upload.abort", "upload", row.pk, row.file_name, reason=reason)
    wake("bulk", "apps.registry.tasks.upload_drop", row.pk, job_id=f"upload-drop-{row.pk}")


def upload_drop(pk: int) -> None:
    """In a worker: free what COS holds of an upload given up, then forget it."""
    row = Upload.objects.filter(pk=pk, state=UploadState.ABORTED).first()
    if row is None:
        return
    cos = cos_for(row.environment)
    for one in cos.multipart_open(row.key):
        # By the key, too: a browser may have started it and never told us the id.
        if one.key == row.key:
            cos.multipart_abort(one.key, one.upload_id)
    cos.delete(row.key)
    row.delete()


def uploads_sweep() -> None:
    """Periodic: give up what nobody touched for a day, and free what was given up before."""
    limit = timezone.now() - timedelta(hours=rules.IDLE_HOURS)
    for row in Upload.objects.filter(state=UploadState.OPEN, touched_at__lt=limit):
        upload_abort(person=None, upload=row, reason="idle")
    for pk in Upload.objects.filter(state=UploadState.ABORTED).values_list("pk", flat=True):
        upload_drop(pk)


# ---- versions -----------------------------------------------------------------------------------


@transaction.atomic
def version_delete(*, person: "User", version: Version, reason: str = "") -> Plan | Run:
    """Plan the removal of a published file; what never reached the disk is removed at once.

    Raises RuleViolation naming who uses it.
    """
    version = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if version.deleting:
        raise RuleViolation(_("This version is being deleted."))
    users = [str(user) for user in version.deployments.all()]
    if users:
        text = _("%(name)s is used by %(users)s; give them another checkpoint first.")
        said = {"name": str(version), "users": ", ".join(users)}
        raise RuleViolation(text % said)
    record(person, "version.delete", "version", version.pk, str(version), reason=reason)
    title = Say.of(gettext_noop("Delete %(name)s"), name=str(version))
    if version.published_at:
        return plan_open(
            title=title,
            scope=version.environment.name,
            policy=version.environment.policy,
            author=person,
            drafts=[Draft(version, None)],
            reason=reason,
        )
    now = timezone.now()
    Version.objects.filter(pk=version.pk).update(
        delete_requested_at=now,
        generation=F("generation") + 1,
        phase=Phase.DELETING,
        due_at=now,
        updated_at=now,
        failures=0,
    )
    version.refresh_from_db()
    run = runs.run_open(
        title=title,
        scope=version.environment.name,
        rows=[version],
        trigger=Trigger.PERSON,
        person=person,
    )
    ring("publication", version.pk)
    return run


@transaction.atomic
def version_look_again(*, person: "User", version: Version) -> None:
    """Look at the disk now: after somebody made room, mounted CFS, or put a file back."""
    if version.verdict == Verdict.REFUSED:
        raise RuleViolation(_("The file was refused and stays so; upload another one."))
    Version.objects.filter(pk=version.pk).update(due_at=timezone.now(), failures=0)
    record(person, "version.look_again", "version", version.pk, str(version))
    ring("publication", version.pk)
