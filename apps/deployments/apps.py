from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "apps.deployments"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from apps.core.context import Count, count_register
        from apps.core.kinds import register
        from apps.core.phases import NEEDS_PERSON
        from apps.deployments.models import Deployment
        from apps.deployments.reconciler import KIND

        register(KIND)

        def troubled(user: object) -> Count | None:
            number = Deployment.objects.filter(phase__in=NEEDS_PERSON)[:99].count()
            return Count(number, "bad", _("need a person")) if number else None

        count_register("deployments", troubled)
