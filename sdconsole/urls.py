"""Every address of the console: each app brings its own."""

from django.urls import include, path, re_path

from apps.console.api import nothing_here
from apps.console.api import urls as api_urls
from apps.moderation.hooks import cos_hook

urlpatterns = [
    path("", include("apps.core.urls")),
    path("", include("apps.accounts.urls")),
    path("audit/", include("apps.audit.urls")),
    path("environments/", include("apps.environments.urls")),
    path("models/", include("apps.registry.urls")),
    path("gpu/", include("apps.gpu.urls")),
    path("deployments/", include("apps.deployments.urls")),
    path("gateway/", include("apps.gateway.urls")),
    path("generate/", include("apps.generation.urls")),
    path("moderation/", include("apps.moderation.urls")),
    path("hooks/cos/<str:token>/", cos_hook, name="hook-cos"),
    path("", include("apps.console.urls")),
    path("api/v1/", api_urls()),
    re_path("^api/", nothing_here),
]

handler403 = "apps.accounts.views.refused"
