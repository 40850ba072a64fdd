from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "apps.generation"

    def ready(self) -> None:
        from apps.core.kinds import register
        from apps.generation.reconciler import KIND

        register(KIND)
