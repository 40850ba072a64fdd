"""Shape of a deployment as it is typed; what is true of it the services check."""

import shlex
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.deployments.flags import FLAGS, VARIABLE
from apps.deployments.models import Deployment
from apps.deployments.selectors import published_checkpoints
from apps.deployments.spec import DeploymentSpec
from apps.environments.models import Environment
from apps.environments.selectors import images
from apps.gpu.models import SliceProfile
from apps.registry.models import FOLDERS, ModelType

MOUNTABLE = [folder for kind, folder in FOLDERS.items() if kind != ModelType.CHECKPOINT]
SERVICES = [
    ("ClusterIP", _("inside the cluster, behind the gateway")),
    ("Internal", _("load balancer inside the VPC")),
    ("Public", _("public load balancer")),
]


class DeploymentForm(forms.Form):
    """Everything of a DeploymentSpec; choices come from what was last read of the environment."""

    name = forms.CharField(
        label=_("Name"), max_length=40, help_text=_("Also the name of its Service in the cluster.")
    )
    image = forms.ChoiceField(
        label=_("Image"), help_text=_("From TCR; pinned by the digest the tag has now.")
    )
    checkpoint = forms.TypedChoiceField(
        label=_("Checkpoint"), coerce=int, help_text=_("Published on the CFS of this environment.")
    )
    replicas = forms.IntegerField(label=_("Replicas"), min_value=0, max_value=64, initial=1)
    core = forms.IntegerField(label=_("GPU compute"), min_value=5, max_value=800, initial=50)
    slice_gib = forms.IntegerField(
        label=_("GPU memory"),
        min_value=0,
        max_value=999,
        initial=10,
        help_text=_("0 with whole cards."),
    )
    flags = forms.MultipleChoiceField(
        label=_("Flags"),
        required=False,
        initial=["--api"],
        widget=forms.CheckboxSelectMultiple,
    )
    extra_args = forms.CharField(
        label=_("Extra arguments"), required=False, max_length=1000, strip=True
    )
    variables = forms.CharField(
        label=_("Environment variables"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("One NAME=value a line."),
    )
    folders = forms.MultipleChoiceField(
        label=_("Also mounted from CFS"),
        required=False,
        initial=["models/Lora", "models/VAE"],
        choices=[(folder, folder) for folder in MOUNTABLE],
        widget=forms.CheckboxSelectMultiple,
    )
    cpu = forms.FloatField(label="CPU", min_value=0.1, max_value=256, initial=4)
    memory_gib = forms.IntegerField(label=_("Memory"), min_value=1, max_value=1024, initial=16)
    deadline_minutes = forms.IntegerField(
        label=_("Rollout deadline"),
        min_value=1,
        max_value=240,
        initial=30,
        help_text=_("After that a rollout counts as failed."),
    )
    auto_rollback = forms.BooleanField(
        label=_("Go back to the last good revision by itself then"), required=False
    )
    service = forms.ChoiceField(label=_("Reachable"), choices=SERVICES, initial="ClusterIP")
    subnet_id = forms.CharField(
        label=_("Subnet"),
        required=False,
        max_length=40,
        help_text=_("For a load balancer inside the VPC."),
    )
    public_confirmed = forms.BooleanField(
        label=_("Yes, anybody on the internet may reach it"), required=False
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        help_text=_("Kept with the revision and in the audit record."),
    )
    generation = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, environment: Environment, row: Deployment | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["image"].choices = image_choices(environment, row)  # type: ignore[attr-defined]
        self.fields["checkpoint"].choices = [  # type: ignore[attr-defined]
            (version.pk, f"{version} · {version.family or _now('family unknown')}")
            for version in published_checkpoints(environment)
        ]
        self.fields["flags"].choices = [  # type: ignore[attr-defined]
            (flag.name, format_html("<code>{}</code> {}", flag.name, flag.words)) for flag in FLAGS
        ]
        if row:
            del self.fields["name"]

    def clean_variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["variables"].splitlines():
            if not line.strip():
                continue
            name, equals, value = line.partition("=")
            if not equals or not VARIABLE.fullmatch(name.strip()):
                raise forms.ValidationError(
                    _now("“%(line)s” is not NAME=value.") % {"line": line[:40]}
                )
            found[name.strip()] = value.strip()
        return found

    def clean_extra_args(self) -> list[str]:
        try:
            return shlex.split(self.cleaned_data["extra_args"])
        except ValueError as wrong:
            raise forms.ValidationError(_now("A quotation mark is not closed.")) from wrong

    def wish(self) -> dict[str, Any]:
        """The form as a DeploymentSpec without what the console looks up itself."""
        typed = self.cleaned_data
        repository, _colon, tag = typed["image"].rpartition(":")
        return {
            "image": {"repository": repository, "tag": tag},
            "checkpoint": typed["checkpoint"],
            "flags": typed["flags"],
            "extra_args": typed["extra_args"],
            "environment": typed["variables"],
            "folders": typed["folders"],
            "slice": {"core": typed["core"], "memory_gib": typed["slice_gib"]},
            "replicas": typed["replicas"],
            "cpu": typed["cpu"],
            "memory_gib": typed["memory_gib"],
            "deadline_minutes": typed["deadline_minutes"],
            "auto_rollback": typed["auto_rollback"],
            "service": {
                "type": typed["service"],
                "subnet_id": typed["subnet_id"] if typed["service"] == "Internal" else "",
            },
        }


def image_choices(environment: Environment, row: Deployment | None) -> list[tuple[str, str]]:
    """repository:tag of every image in the registry; the one in use stays choosable."""
    names = [f"{image.repository}:{image.tag}" for image in images(environment)]
    if row and row.spec:
        used = f"{row.spec['image']['repository']}:{row.spec['image']['tag']}"
        if used not in names:
            names.insert(0, used)
    return [(name, name) for name in names]


def initial_of(row: Deployment) -> dict[str, Any]:
    """The accepted wish as the form shows it."""
    spec = DeploymentSpec.model_validate(row.spec)
    return {
        "image": f"{spec.image.repository}:{spec.image.tag}",
        "checkpoint": spec.checkpoint,
        "replicas": spec.replicas,
        "core": spec.slice.core,
        "slice_gib": spec.slice.memory_gib,
        "flags": list(spec.flags),
        "extra_args": shlex.join(spec.extra_args),
        "variables": "\n".join(f"{name}={value}" for name, value in spec.environment.items()),
        "folders": list(spec.folders),
        "cpu": spec.cpu,
        "memory_gib": spec.memory_gib,
        "deadline_minutes": spec.deadline_minutes,
        "auto_rollback": spec.auto_rollback,
        "service": spec.service.type,
        "subnet_id": spec.service.subnet_id,
        "public_confirmed": spec.service.type == "Public",
        "generation": row.generation,
    }


def profiles() -> list[SliceProfile]:
    return list(SliceProfile.objects.all())
