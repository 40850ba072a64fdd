"""Shape of what is typed about routes and services; what is true of it the services check."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.gateway.spec import Limit, RouteWish, ServiceWish

UNITS = ("second", "minute", "hour", "day", "month", "year")
METHODS = ("ANY", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
PLAIN_TEXT = "Content-Type: text/plain; charset=utf-8"
# What a rule calls a field, and where the page shows it.
PLACES = {
    "timeout_ms": "timeout_s",
    "limit": "per_minute",
    "response": "response_body",
}


def place(form: forms.Form, field: str) -> str | None:
    """The form's field for one of the rules; None = above the form."""
    name = PLACES.get(field, field)
    return name if name in form.fields else None


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def per(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )


class RouteForm(forms.Form):
    """Name, what it takes, and its limit; the six thresholds empty = no limit."""

    name = forms.CharField(label=_("Name"), max_length=40)
    hosts = forms.CharField(
        label=_("Hosts"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("One a line; the gateway's own address counts. Empty = any host."),
    )
    paths = forms.CharField(
        label=_("Paths"),
        initial="/",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("One a line; everything below a path is taken with it."),
    )
    methods = forms.MultipleChoiceField(
        label=_("Methods"),
        initial=["ANY"],
        choices=[(name, name) for name in METHODS],
        widget=forms.CheckboxSelectMultiple,
    )
    preserve_host = forms.BooleanField(
        label=_("Pass the host on"),
        required=False,
        initial=True,
        help_text=_("The page then builds its links with the name people typed."),
    )
    per_second = per(_("per second"))
    per_minute = per(_("per minute"))
    per_hour = per(_("per hour"))
    per_day = per(_("per day"))
    per_month = per(_("per month"))
    per_year = per(_("per year"))
    limit_by = forms.ChoiceField(
        label=_("Counted"),
        choices=[("ip", _("for each client address")), ("service", _("for all clients together"))],
        initial="ip",
        widget=forms.RadioSelect,
    )
    response_status = forms.IntegerField(label=_("Status"), initial=429)
    response_body = forms.CharField(
        label=_("Body"),
        required=False,
        max_length=9000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Empty = the gateway's own sentence."),
    )
    response_headers = forms.CharField(
        label=_("Headers"),
        required=False,
        max_length=2000,
        initial=PLAIN_TEXT,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("One a line, as Name: value."),
    )
    hide_headers = forms.BooleanField(
        label=_("Hide the counters"),
        required=False,
        help_text=_("Answers then carry no X-RateLimit headers."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        help_text=_("Kept with the revision and in the audit record."),
    )
    generation = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not new:
            del self.fields["name"]

    @property
    def thresholds(self) -> list[forms.BoundField]:
        return [self[f"per_{unit}"] for unit in UNITS]

    def clean_response_headers(self) -> list[dict[str, str]]:
        found = []
        for line in lines(self.cleaned_data["response_headers"]):
            name, colon, value = line.partition(":")
            if not colon:
                raise forms.ValidationError(
                    _now("“%(line)s” is not Name: value.") % {"line": line[:40]}
                )
            found.append({"name": name.strip(), "value": value.strip()})
        return found

    def wish(self) -> dict[str, Any]:
        """The typed route as services take it."""
        typed = self.cleaned_data
        return {
            "hosts": lines(typed["hosts"]),
            "paths": lines(typed["paths"]),
            "methods": typed["methods"],
            "preserve_host": typed["preserve_host"],
            "limit": self._limit(),
        }

    def _limit(self) -> dict[str, Any] | None:
        typed = self.cleaned_data
        asked = [
            {"unit": unit, "max": typed[f"per_{unit}"]}
            for unit in UNITS
            if typed[f"per_{unit}"] is not None
        ]
        if not asked:
            return None
        custom = typed["response_body"] or typed["response_status"] != 429
        answer = {
            "status": typed["response_status"],
            "body": typed["response_body"],
            "headers": typed["response_headers"],
        }
        return {
            "thresholds": asked,
            "limit_by": typed["limit_by"],
            "response": answer if custom else None,
            "hide_headers": typed["hide_headers"],
        }


def route_initial(wish: RouteWish) -> dict[str, Any]:
    """An accepted route as the form shows it."""
    return {
        "hosts": "\n".join(wish.hosts),
        "paths": "\n".join(wish.paths),
        "methods": list(wish.methods),
        "preserve_host": wish.preserve_host,
        **(_limit_initial(wish.limit) if wish.limit else {}),
    }


def _limit_initial(limit: Limit) -> dict[str, Any]:
    found: dict[str, Any] = {f"per_{one.unit}": one.max for one in limit.thresholds}
    found |= {"limit_by": limit.limit_by, "hide_headers": limit.hide_headers}
    answer = limit.response
    if answer:
        headers = "\n".join(f"{one.name}: {one.value}" for one in answer.headers)
        found |= {
            "response_status": answer.status,
            "response_body": answer.body,
            "response_headers": headers,
        }
    return found


class ServiceForm(forms.Form):
    """How the gateway treats the pods behind a service."""

    hash_on = forms.ChoiceField(
        label=_("Stickiness"),
        choices=[
            ("ip", _("by client IP: a client keeps its pod")),
            ("none", _("none: pods take requests in turn")),
        ],
        initial="none",
        widget=forms.RadioSelect,
    )
    timeout_s = forms.IntegerField(
        label=_("Time-out"),
        initial=600,
        help_text=_("Longer than the longest generation."),
    )
    retries = forms.IntegerField(
        label=_("Retries"),
        initial=1,
        help_text=_("Further pods tried when one cannot be reached."),
    )
    algorithm = forms.ChoiceField(
        label=_("Balancing"),
        choices=[
            ("round-robin", _("in turn")),
            ("least-connections", _("to the pod with the fewest connections")),
        ],
        help_text=_("Without stickiness; hashing brings its own."),
    )
    service_reason = forms.CharField(label=_("Reason"), required=False, max_length=500)
    service_generation = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def wish(self) -> dict[str, Any]:
        typed = self.cleaned_data
        return {
            "hash_on": typed["hash_on"],
            "timeout_ms": typed["timeout_s"] * 1000,
            "retries": typed["retries"],
            "algorithm": typed["algorithm"],
        }


def service_initial(wish: ServiceWish) -> dict[str, Any]:
    return {
        "hash_on": wish.hash_on,
        "timeout_s": wish.timeout_ms // 1000,
        "retries": wish.retries,
        "algorithm": wish.algorithm,
    }
