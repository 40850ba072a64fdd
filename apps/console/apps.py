from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "apps.console"

    def ready(self) -> None:
        from apps.console import selectors
        from apps.console.reconciler import KIND
        from apps.core.context import Count, count_register
        from apps.core.kinds import register

        register(KIND)

        def needs_me(user: object) -> Count | None:
            number = selectors.needs_count()
            return Count(number, "bad") if number else None

        def runs(user: object) -> Count | None:
            number = selectors.running_runs()
            return Count(number) if number else None

        count_register("needs-me", needs_me)
        count_register("runs", runs)
