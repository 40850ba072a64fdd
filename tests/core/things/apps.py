from django.apps import AppConfig


class ThingsConfig(AppConfig):
    name = "tests.core.things"
    label = "things"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.core.kinds import register
        from tests.core.things.reconciler import KIND

        register(KIND)
