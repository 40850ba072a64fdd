from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "apps.registry"

    def ready(self) -> None:
        from apps.core.kinds import register
        from apps.registry.reconciler import KIND

        register(KIND)
