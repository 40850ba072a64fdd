"""Addresses below /models/."""

from django.urls import path

from apps.registry import views

urlpatterns = [
    path("", views.version_list, name="version-list"),
    path("versions/<int:pk>/", views.version_detail, name="version-detail"),
    path("versions/<int:pk>/delete/", views.version_delete, name="version-delete"),
    path("versions/<int:pk>/look/", views.version_look_again, name="version-look-again"),
]
