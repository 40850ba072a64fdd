from django.urls import path

from apps.generation import views

urlpatterns = [
    path("", views.generation_home, name="generation-home"),
    path("new/", views.generation_create, name="generation-create"),
    path("requests/", views.generation_list, name="generation-list"),
    path("gallery/", views.image_list, name="image-list"),
    path("<uuid:uuid>/", views.generation_detail, name="generation-detail"),
    path("<uuid:uuid>/cancel/", views.generation_cancel, name="generation-cancel"),
    path("<uuid:uuid>/retry/", views.generation_retry, name="generation-retry"),
]
