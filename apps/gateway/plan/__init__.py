"""What has to be done to sources, services and routes of a gateway.  Pure.

Live objects are projected onto the types of the wish, keeping only what we own; what differs is
then drift.
"""

from apps.gateway.plan.lines import Held as Held
from apps.gateway.plan.routes import CREATE_ROUTE as CREATE_ROUTE
from apps.gateway.plan.routes import UNITS as UNITS
from apps.gateway.plan.routes import CreateRoute as CreateRoute
from apps.gateway.plan.routes import DeleteLimit as DeleteLimit
from apps.gateway.plan.routes import DeleteRoute as DeleteRoute
from apps.gateway.plan.routes import Guide as Guide
from apps.gateway.plan.routes import ModifyRoute as ModifyRoute
from apps.gateway.plan.routes import RouteAction as RouteAction
from apps.gateway.plan.routes import RouteHave as RouteHave
from apps.gateway.plan.routes import RouteWant as RouteWant
from apps.gateway.plan.routes import SetLimit as SetLimit
from apps.gateway.plan.routes import limit_fields as limit_fields
from apps.gateway.plan.routes import local_notes as local_notes
from apps.gateway.plan.routes import ordered as ordered
from apps.gateway.plan.routes import rate_limit as rate_limit
from apps.gateway.plan.routes import route_plan as route_plan
from apps.gateway.plan.services import CREATE_SERVICE as CREATE_SERVICE
from apps.gateway.plan.services import HASHING as HASHING
from apps.gateway.plan.services import NO_HASH as NO_HASH
from apps.gateway.plan.services import Binding as Binding
from apps.gateway.plan.services import CreateService as CreateService
from apps.gateway.plan.services import DeleteService as DeleteService
from apps.gateway.plan.services import ModifyService as ModifyService
from apps.gateway.plan.services import PodBehind as PodBehind
from apps.gateway.plan.services import ServiceAction as ServiceAction
from apps.gateway.plan.services import ServiceHave as ServiceHave
from apps.gateway.plan.services import ServiceWant as ServiceWant
from apps.gateway.plan.services import SetHash as SetHash
from apps.gateway.plan.services import service_plan as service_plan
from apps.gateway.plan.sources import BindCluster as BindCluster
from apps.gateway.plan.sources import SourceAction as SourceAction
from apps.gateway.plan.sources import SourceHave as SourceHave
from apps.gateway.plan.sources import SourceWant as SourceWant
from apps.gateway.plan.sources import UnbindCluster as UnbindCluster
from apps.gateway.plan.sources import source_plan as source_plan
