from django.apps import AppConfig


class EnvironmentsConfig(AppConfig):
    name = "apps.environments"

    def ready(self) -> None:
        # Imported here: models are not loaded before.
        from apps.core.context import environments_register
        from apps.core.kinds import register
        from apps.environments.reconciler import KIND
        from apps.environments.selectors import environments_of_the_switch

        register(KIND)
        environments_register(environments_of_the_switch)
