"""The five functions of a generation job.

Drawing changes nothing outside the pod, so it may be repeated; what must happen once is the object
in the bucket.  Its key is known before it is drawn, so a killed worker or a lost answer is resolved
by looking there.
"""

import time
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from fastcrc import crc64

from apps.core.kinds import Applied, Blocked, Kind, Verdict, Waiting
from apps.core.lease import LeaseLost
from apps.core.phases import Phase
from apps.core.words import Say
from apps.deployments.models import Deployment
from apps.environments.clients import cos_for
from apps.gateway.selectors import entrance
from apps.generation import check, png, words
from apps.generation.check import Facts, NotAsAsked
from apps.generation.models import Image, Job
from apps.generation.plan import Action, Have, Picture, Record, Want, plan
from apps.generation.rules import key_of, seed_of
from apps.generation.spec import JobSpec
from cloud.errors import CloudError, Terminal, Transient
from cloud.types import Pictures
from cloud.webui import WebUi

DRAW_S = 600.0  # the longest a card may take for one picture
# After this time a visit begins no further picture: the queue's limit is 900 s, and others wait.
VISIT_S = 240.0


def desired(row: Job, spec: dict[str, Any] | None) -> Want | None:
    """Every picture with its seed and its place; nothing more is drawn once a person cancelled."""
    if spec is None:
        return None
    job = JobSpec.model_validate(spec)
    numbers = range(1, job.count + 1)
    uuid = str(row.uuid)
    return Want(
        tuple(Picture(n, seed_of(job.seed, n), key_of(job.folder, uuid, n)) for n in numbers),
        drawing=not row.cancelled,
    )


def observe(row: Job, want: Want | None) -> Have | None:
    """What is written down; and of the rest, what the bucket has all the same."""
    row.visit_began = row.visit_began or time.monotonic()
    recorded = frozenset(Image.objects.filter(job=row).values_list("number", flat=True))
    missing = [one for one in want.pictures if one.number not in recorded] if want else []
    stored: frozenset[int] = frozenset()
    if missing:
        cos = cos_for(row.environment)
        stored = frozenset(one.number for one in missing if cos.head(one.key) is not None)
    return Have(recorded, stored) if recorded or stored else None


def apply(row: Job, action: Action) -> Applied:
    if isinstance(action, Record):
        return record(row, action.picture)
    return draw(row, action.picture)


def draw(row: Job, picture: Picture) -> Applied:
    """Ask the web UI through the gateway, look at what came, put it into the bucket, private."""
    stop_if_asked(row)
    spec = JobSpec.model_validate(row.spec)
    made = drawn(row, spec, picture)
    image = made.images[0] if made.images else b""
    try:
        told = check.checked(image, picture, spec, made.info)
    except png.NotWhole as broken:
        problem = Transient(f"A broken picture: {broken}.", service="Web UI")
        raise with_words(problem, Say.of(words.BROKEN, problem=str(broken))) from None
    except NotAsAsked as other:
        raise blocked(row, other) from None
    mine_still(row)
    stored = cos_for(row.environment).put(
        picture.key,
        image,
        content_type="image/png",
        acl="private",
        metadata={
            "job": str(row.uuid),
            "number": str(picture.number),
            "seed": str(picture.seed),
        },
    )
    if stored.crc64 and stored.crc64 != str(crc64.xz(image)):
        cos_for(row.environment).delete(picture.key)
        differs = Transient("COS stored other bytes than were sent.", service="COS")
        raise with_words(differs, Say(words.OTHER_BYTES))
    write_down(row, picture, told, len(image), stored.etag, str(crc64.xz(image)))
    return Applied(stored.request_id)


def drawn(row: Job, spec: JobSpec, picture: Picture) -> Pictures:
    """One picture, asked of the deployment's entrance.  Raises CloudError with words that help."""
    deployment = place_of(row)
    door = entrance(deployment)
    if door is None:
        # Not a failure of ours: it may be put behind the gateway again at any time.
        raise Waiting(Say.of(words.BEHIND_THE_GATEWAY, name=deployment.name))
    webui = WebUi(door.base_url, door.host, draw_s=DRAW_S)
    try:
        return webui.txt2img(request_of(spec, picture))
    except CloudError as error:
        say = words.why(error, name=deployment.name, wish=spec.wish)
        if say is None:
            raise
        raise with_words(error, say) from None


def place_of(row: Job) -> Deployment:
    deployment = row.deployment
    if deployment is None or deployment.deleting:
        raise Blocked(Say.of(words.GONE, name=row.deployment_name))
    return deployment


def request_of(spec: JobSpec, picture: Picture) -> dict[str, Any]:
    """The body of txt2img.  The checkpoint is named, so that a pod on which somebody switched the
    model by hand draws with the right one all the same."""
    return {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "steps": spec.steps,
        "cfg_scale": spec.cfg_scale,
        "width": spec.width,
        "height": spec.height,
        "sampler_name": spec.sampler,
        "seed": picture.seed,
        "batch_size": 1,
        "n_iter": 1,
        "override_settings": {"sd_model_checkpoint": spec.checkpoint.name},
    }


def with_words(error: CloudError, say: Say) -> CloudError:
    """The same error with a sentence of ours; what no retry can help waits for a person."""
    if isinstance(error, Terminal):
        mine = Blocked(say)
        mine.code, mine.request_id, mine.service = error.code, error.request_id, error.service
        return mine
    error.say = say  # type: ignore[attr-defined]
    return error


def blocked(row: Job, other: NotAsAsked) -> Blocked:
    if other.what == "model":
        text = words.OTHER_MODEL
        return Blocked(
            Say.of(text, got=str(other.got), wanted=str(other.wanted), name=row.deployment_name)
        )
    say = Say.of(words.OTHER_PICTURE, what=other.what, got=str(other.got), wanted=str(other.wanted))
    return Blocked(say)


def stop_if_asked(row: Job) -> None:
    """Between two pictures: a person cancelled, or this visit has lasted long enough."""
    if Job.objects.filter(pk=row.pk, cancelled_at__isnull=False).exists():
        raise Waiting(Say(gettext_noop("Being cancelled.")))
    if row.visit_began and time.monotonic() - row.visit_began > VISIT_S:
        done = Image.objects.filter(job=row).count()
        say = gettext_noop("%(done)s of %(total)s pictures are there; the rest follow.")
        raise Waiting(Say.of(say, done=done, total=row.count))


def mine_still(row: Job) -> None:
    """A drawing takes long enough for the lease to be lost.  Raises LeaseLost."""
    if not Job.objects.filter(pk=row.pk, fence=row.fence).exists():
        raise LeaseLost


def record(row: Job, picture: Picture) -> Applied:
    """Write down what the bucket has; what is not the picture asked for is removed and redrawn."""
    cos = cos_for(row.environment)
    body = cos.get(picture.key)
    if body is None:
        return Applied()
    head, image = body.head, body.read()
    try:
        told = check.checked(image, picture, JobSpec.model_validate(row.spec))
    except (png.NotWhole, NotAsAsked):
        say = gettext_noop("It was not the picture asked for; removed, to be drawn again.")
        return Applied(cos.delete(picture.key).request_id, Say(say))
    write_down(row, picture, told, len(image), head.etag, str(crc64.xz(image)))
    return Applied(head.request_id, Say(gettext_noop("It was in the bucket already.")))


@transaction.atomic
def write_down(
    row: Job, picture: Picture, told: Facts, size_bytes: int, etag: str, crc: str
) -> None:
    """The row of one stored picture; hidden, until moderation lets it be seen."""
    Image.objects.get_or_create(
        job=row,
        number=picture.number,
        defaults={
            "key": picture.key,
            "etag": etag,
            "crc64": crc,
            "seed": picture.seed,
            "infotext": told.infotext,
            "width": told.width,
            "height": told.height,
            "size_bytes": size_bytes,
            "model_name": told.model_name,
            "model_hash": told.model_hash,
        },
    )
    # The page's bar moves with every picture, not only when the visit ends.
    done = Image.objects.filter(job=row).count()
    say = Say.of(words.DRAWING, done=done, total=row.count)
    Job.objects.filter(pk=row.pk, fence=row.fence).update(
        done=done, total=row.count, phase=Phase.WORKING, message=say.to_json()
    )


def judge(want: Want | None, have: Have | None) -> Verdict:
    total = len(want.pictures) if want else 0
    done = len(have.recorded) if have else 0
    if want and not want.drawing and done < total:
        say = Say.of(words.CANCELLED, done=done, total=total)
        return Verdict(Phase.READY, say, None, done, total)
    if done < total:
        # Only where rows were removed afterwards by hand: nobody asked to draw them anew.
        say = Say.of(words.DRAWING, done=done, total=total)
        return Verdict(Phase.DEGRADED, say, None, done, total)
    return Verdict(Phase.READY, Say.of(words.DRAWN, total=total), None, done, total)


KIND = Kind(
    name="generation",
    model=Job,
    queue="generate",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    label=_("Picture request"),
    resync_s=0,
    page="generation-detail",
    page_arg=lambda row: row.uuid,
)
