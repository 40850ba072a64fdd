"""Addresses below /environments/."""

from django.urls import path

from apps.core.preferences import environment_choose
from apps.environments import views

urlpatterns = [
    path("", views.environment_index, name="environment-list"),
    path("new/", views.environment_create, name="environment-create"),
    path("switch/", environment_choose, name="environment-switch"),
    path("<slug:name>/", views.environment_detail, name="environment-detail"),
    path("<slug:name>/adopt/", views.environment_adopt, name="environment-adopt"),
    path("<slug:name>/inventory/", views.environment_inventory, name="environment-inventory"),
    path("<slug:name>/refresh/", views.environment_refresh, name="environment-refresh"),
    path("<slug:name>/status/", views.environment_status, name="environment-status"),
    path("<slug:name>/settings/", views.environment_settings, name="environment-settings"),
    path("<slug:name>/key/", views.environment_key, name="environment-key"),
    path("<slug:name>/reach/", views.environment_reach, name="environment-reach"),
    path("<slug:name>/kubeconfig/", views.environment_kubeconfig, name="environment-kubeconfig"),
]
