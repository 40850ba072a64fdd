from django.urls import path

from apps.gateway import publishing, views

urlpatterns = [
    path("", views.route_list, name="gateway-route-list"),
    path("publish/", publishing.publish, name="gateway-publish"),
    path("routes/<int:pk>/", views.route_detail, name="gateway-route-detail"),
    path("routes/<int:pk>/edit/", views.route_edit, name="gateway-route-edit"),
    path("routes/<int:pk>/delete/", views.route_delete, name="gateway-route-delete"),
    path("routes/<int:pk>/put-back/", views.route_put_back, name="gateway-route-put-back"),
    path("services/<int:pk>/", views.service_detail, name="gateway-service-detail"),
    path("services/<int:pk>/edit/", views.service_edit, name="gateway-service-edit"),
    path("services/<int:pk>/stick/", views.service_stick, name="gateway-service-stick"),
    path("services/<int:pk>/delete/", views.service_delete, name="gateway-service-delete"),
    path("services/<int:pk>/put-back/", views.service_put_back, name="gateway-service-put-back"),
    path("sources/<int:pk>/", views.source_detail, name="gateway-source-detail"),
    path("sources/<int:pk>/put-back/", views.source_put_back, name="gateway-source-put-back"),
]
