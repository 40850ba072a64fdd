"""The front desk: overview, search, plans and runs."""

from django.urls import path

from apps.console import views

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
]
