from typing import Any

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "apps.gateway"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from apps.core.context import Count, count_register
        from apps.core.kinds import register
        from apps.gateway import selectors
        from apps.gateway.reconciler import KINDS

        for kind in KINDS:
            register(kind)

        def waiting(user: Any) -> Count | None:
            number = selectors.needing_a_person()
            return (
                Count(number, "warn", _("routes and services that need a look")) if number else None
            )

        count_register("gateway", waiting)
