"""The hands of the three kinds: what the wish asks of the gateway, what is there, and the calls."""

from apps.gateway.reconciler.routes import KIND as ROUTE
from apps.gateway.reconciler.services import KIND as SERVICE
from apps.gateway.reconciler.sources import KIND as SOURCE

KINDS = (SOURCE, SERVICE, ROUTE)
