"""Shapes of input about environments.  Secrets go in and never come out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.environments.models import policies, stages
from apps.environments.rules import SCHEMES

SCHEME_CHOICES = [(scheme, scheme) for scheme in SCHEMES]


class SecretInput(forms.PasswordInput):
    """Shown as dots, kept out of password managers, empty again after a refused try."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"})


class KeyFields(forms.Form):
    """The key of a Tencent Cloud account or sub-account."""

    secret_id = forms.CharField(
        label=_("SecretId"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    secret_key = forms.CharField(
        label=_("SecretKey"),
        max_length=4096,
        widget=SecretInput(),
        help_text=_("Kept encrypted, never shown again."),
    )
    session_token = forms.CharField(
        label=_("Session token"),
        max_length=8192,
        required=False,
        widget=SecretInput(),
        help_text=_("Only with temporary credentials of STS."),
    )


class ReachFields(forms.Form):
    """Where the account is reached: empty is the real cloud."""

    api_endpoint = forms.CharField(
        label=_("API endpoint"),
        max_length=200,
        required=False,
        help_text=_("host:port that stands in for all JSON APIs; empty = tencentcloudapi.com."),
    )
    api_scheme = forms.ChoiceField(label=_("API scheme"), choices=SCHEME_CHOICES, initial="https")
    cos_endpoint = forms.CharField(
        label=_("COS endpoint"),
        max_length=200,
        required=False,
        help_text=_("host:port that stands in for COS and CI; empty = myqcloud.com."),
    )
    cos_scheme = forms.ChoiceField(label=_("COS scheme"), choices=SCHEME_CHOICES, initial="https")


class CreateForm(ReachFields, KeyFields):
    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        help_text=_("Small letters, digits and hyphens; it stands in every address and log line."),
    )
    region = forms.CharField(
        label=_("Region"),
        max_length=32,
        widget=forms.TextInput(attrs={"list": "regions", "autocomplete": "off"}),
        help_text=_("As in ap-guangzhou. It cannot be changed later."),
    )
    stage = forms.ChoiceField(label=_("Stage"), choices=stages, initial="dev")
    field_order = ("name", "region", "stage", "secret_id", "secret_key", "session_token")


class AdoptForm(forms.Form):
    """Ids as the radio buttons of the page carry them; what they mean is checked by the service."""

    cluster_id = forms.CharField(label=_("TKE cluster"), max_length=32, required=False)
    cfs_id = forms.CharField(label=_("CFS file system"), max_length=32, required=False)
    tcr_id = forms.CharField(label=_("TCR instance"), max_length=32, required=False)
    gateway_id = forms.CharField(label=_("Gateway"), max_length=40, required=False)
    bucket = forms.CharField(label=_("COS bucket"), max_length=100, required=False)
    namespace = forms.CharField(
        label=_("Namespace"),
        max_length=63,
        help_text=_("Everything the console makes in the cluster lives in it; made if missing."),
    )
    cfs_mount_path = forms.CharField(
        label=_("CFS mount path of the workers"),
        max_length=300,
        required=False,
        help_text=_("Where the console's own workers have it mounted, to publish models."),
    )


class SettingsForm(forms.Form):
    stage = forms.ChoiceField(label=_("Stage"), choices=stages)
    policy = forms.ChoiceField(label=_("When something changes"), choices=policies)
    cfs_mount_path = forms.CharField(
        label=_("CFS mount path of the workers"), max_length=300, required=False
    )
    biz_type = forms.CharField(
        label=_("Moderation policy (BizType)"),
        max_length=64,
        required=False,
        help_text=_("Empty = the default policy of the bucket."),
    )
    seen = forms.DateTimeField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, may_choose_policy: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_choose_policy:
            self.fields["policy"].disabled = True
            self.fields["policy"].help_text = _("An administrator chooses this.")


class KubeconfigForm(forms.Form):
    kubeconfig = forms.CharField(
        label="kubeconfig",
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Empty = fetched through TKE with the key above."),
    )
