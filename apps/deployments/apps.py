from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "apps.deployments"

    def ready(self) -> None:
        from apps.core.kinds import register
        from apps.deployments.reconciler import KIND

        register(KIND)
