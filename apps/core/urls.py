"""Addresses of the house itself."""

from django.urls import path

from apps.core import health, preferences

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("preferences/language/", preferences.language_choose, name="set_language"),
    path("preferences/theme/", preferences.theme_choose, name="theme"),
    path("preferences/environment/", preferences.environment_choose, name="environment-choose"),
]
