"""Sentences for what stands in the way at the gateway."""

from django.utils.translation import gettext_noop

WAITS_FOR_SOURCE = gettext_noop("Waits until cluster %(cluster)s is bound to the gateway.")
WAITS_FOR_SERVICE = gettext_noop("Waits until gateway service %(service)s is set.")
WAITS_FOR_ROUTES = gettext_noop("Waits until its routes are removed.")
WAITS_FOR_SERVICES = gettext_noop("Waits until its services are removed.")
WAITS_FOR_UPSTREAM = gettext_noop("Waits until the gateway shows the upstream of %(service)s.")
FOREIGN_SERVICE = gettext_noop(
    "The gateway has a service %(name)s already that this console did not make. Delete it there, or"
    " choose another name."
)
FOREIGN_ROUTE = gettext_noop(
    "The gateway has a route %(name)s already that this console did not make. Delete it there, or"
    " choose another name."
)
RIVAL_ROUTE = gettext_noop(
    "Route %(rival)s of this gateway already takes these requests. Choose another host or path, or"
    " delete that route."
)
NO_GATEWAY = gettext_noop("Gateway %(gateway)s does not exist any more.")
