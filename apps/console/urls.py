"""The front desk: overview, search, plans and runs."""

from django.urls import path

from apps.console import drift_views, leftover_views, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("search/", views.search, name="search"),
    path("plans/", views.plan_index, name="plan-list"),
    path("plans/<int:pk>/", views.plan_detail, name="plan-detail"),
    path("plans/<int:pk>/apply/", views.plan_apply, name="plan-apply"),
    path("plans/<int:pk>/discard/", views.plan_discard, name="plan-discard"),
    path("plans/<int:pk>/again/", views.plan_again, name="plan-again"),
    path("runs/", views.run_index, name="run-list"),
    path("runs/<int:pk>/", views.run_detail, name="run-detail"),
    path("runs/<int:pk>/retry/", views.run_retry, name="run-retry"),
    path("runs/<int:pk>/cancel/", views.run_cancel, name="run-cancel"),
    path("drift/", drift_views.drift_index, name="drift-list"),
    path("drift/<slug:kind>/<int:pk>/back/", drift_views.drift_put_back, name="drift-put-back"),
    path("drift/<slug:kind>/<int:pk>/over/", drift_views.drift_take_over, name="drift-take-over"),
    path("drift/<slug:kind>/<int:pk>/ignore/", drift_views.drift_ignore, name="drift-ignore"),
    path("drift/<slug:kind>/<int:pk>/count/", drift_views.drift_unignore, name="drift-unignore"),
    path("orphans/", leftover_views.orphan_index, name="orphan-list"),
    path("orphans/<int:pk>/delete/", leftover_views.orphan_delete, name="orphan-delete"),
    path("unknown/", leftover_views.unknown_index, name="unknown-list"),
    path("unknown/<int:pk>/", leftover_views.unknown_decide, name="unknown-decide"),
    path("pauses/<slug:kind>/<int:pk>/", drift_views.row_pause, name="row-pause"),
    path("pauses/<slug:kind>/<int:pk>/end/", drift_views.row_resume, name="row-resume"),
    path("pauses/<slug:name>/", drift_views.environment_pause, name="environment-pause"),
    path("pauses/<slug:name>/end/", drift_views.environment_resume, name="environment-resume"),
]
