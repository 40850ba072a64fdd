from django.urls import path

from apps.gpu import views

urlpatterns = [
    path("", views.card_map, name="card-map"),
    path("slices/", views.profiles, name="slice-list"),
    path("slices/new/", views.profile_create, name="slice-create"),
    path("slices/<int:pk>/delete/", views.profile_delete, name="slice-delete"),
    path("prices/", views.price_set, name="gpu-price-set"),
]
