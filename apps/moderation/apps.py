from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "apps.moderation"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from apps.core.access import allowed
        from apps.core.context import Count, count_register
        from apps.core.kinds import register
        from apps.moderation.models import Case, CaseState
        from apps.moderation.reconciler import KIND

        register(KIND)

        def waiting(user: object) -> Count | None:
            if not allowed(user, "moderation.view"):
                return None
            number = Case.objects.filter(state=CaseState.FLAGGED)[:99].count()
            return Count(number, "", _("wait for review")) if number else None

        count_register("moderation", waiting)
