"""Every address of the console: each app brings its own."""

from django.urls import include, path

urlpatterns = [
    path("", include("apps.core.urls")),
    path("", include("apps.accounts.urls")),
    path("audit/", include("apps.audit.urls")),
]
