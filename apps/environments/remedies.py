"""What a failed look means and what a person can do about it, in sentences.  Pure."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from apps.core.words import Say
from apps.environments.products import REMITS, Product
from cloud.errors import (
    CloudError,
    NotAuthorized,
    NotFound,
    OverQuota,
    Terminal,
    Throttled,
    Unreachable,
)

ACTION = re.compile(r"\(([a-z]{2,12}:[A-Za-z]+)\)")
WRONG_KEY = (
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.InvalidSecretId",
    "AuthFailure.SignatureFailure",
    "AuthFailure.InvalidAuthorization",
    "InvalidAccessKeyId",
    "InvalidSecretId",
    "SignatureDoesNotMatch",
)
CLOCK = ("AuthFailure.SignatureExpire", "RequestTimeTooSkewed", "RequestIsExpired")
EXPIRED = ("AuthFailure.TokenFailure", "ExpiredToken")


@dataclass(frozen=True)
class Diagnosis:
    """`permanent`: asking again will give the same answer until somebody changes something."""

    error: Say
    remedy: Say
    permanent: bool


def diagnosis(error: CloudError, product: Product) -> Diagnosis:
    """The error of a look at `product`, for the operator."""
    return Diagnosis(*_words(error, product), permanent=isinstance(error, Terminal))


def _words(error: CloudError, product: Product) -> tuple[Say, Say]:
    if error.code in CLOCK:
        return (
            Say(gettext_noop("The signature counts as expired.")),
            Say(gettext_noop("Set the clock of the console's machines: it is minutes off.")),
        )
    if error.code in EXPIRED:
        return (
            Say(gettext_noop("The temporary credentials have expired.")),
            Say(gettext_noop("Enter new credentials under Settings.")),
        )
    if error.code in WRONG_KEY:
        return (
            Say(gettext_noop("Tencent Cloud refuses this key.")),
            Say(gettext_noop("Enter a valid SecretId and SecretKey under Settings.")),
        )
    if product == Product.KUBE and not missing_action(error):
        return _cluster_words(error)
    return _account_words(error, product)


def missing_action(error: CloudError) -> str:
    """ "tke:DescribeClusters" if the refusal names it, else ""."""
    found = ACTION.search(error.message)
    return found[1] if found else ""


def _cluster_words(error: CloudError) -> tuple[Say, Say]:
    if isinstance(error, NotAuthorized):
        return (
            Say(gettext_noop("The cluster refuses the kubeconfig.")),
            Say(
                gettext_noop(
                    "Grant its user get and list on nodes, pods and volumes, or paste another"
                    " kubeconfig under Settings."
                )
            ),
        )
    if isinstance(error, Unreachable):
        return (
            Say(gettext_noop("The cluster's API server cannot be reached from the console.")),
            Say(
                gettext_noop(
                    "Open the cluster's public endpoint for the console's address, or run the"
                    " console inside the VPC. It is tried again by itself."
                )
            ),
        )
    return _account_words(error, Product.KUBE)


def _account_words(error: CloudError, product: Product) -> tuple[Say, Say]:
    label = REMITS[product].label
    if isinstance(error, NotAuthorized):
        action = missing_action(error) or ", ".join(REMITS[product].actions)
        return (
            Say.of(gettext_noop("The key may not call %(action)s."), action=action),
            Say.of(
                gettext_noop("Grant %(action)s to the key in CAM, then read again."), action=action
            ),
        )
    if isinstance(error, Throttled):
        return (
            Say.of(gettext_noop("%(product)s asks to slow down."), product=label),
            Say(gettext_noop("It is tried again by itself.")),
        )
    if isinstance(error, Unreachable):
        return (
            Say.of(gettext_noop("%(product)s does not answer."), product=label),
            Say(
                gettext_noop(
                    "Check the network from the console to Tencent Cloud and the endpoints under"
                    " Settings. It is tried again by itself."
                )
            ),
        )
    if error.code.startswith("UnsupportedRegion"):
        return (
            Say.of(gettext_noop("%(product)s does not know this region."), product=label),
            Say(gettext_noop("An environment keeps its region: make one in a region that exists.")),
        )
    if isinstance(error, NotFound):
        return (
            Say.of(gettext_noop("%(product)s does not know what was adopted."), product=label),
            Say(gettext_noop("Adopt what stands in its place.")),
        )
    if isinstance(error, OverQuota):
        return (
            Say.of(gettext_noop("%(product)s: a quota or the balance is used up."), product=label),
            Say(gettext_noop("Raise the quota or the balance in Tencent's console.")),
        )
    raw = Say.of(gettext_noop("%(product)s: %(problem)s"), product=label, problem=str(error))
    if isinstance(error, Terminal):
        return raw, Say(gettext_noop("Look up the RequestId with Tencent, then read again."))
    return raw, Say(gettext_noop("It is tried again by itself."))
