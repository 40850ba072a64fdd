from django.urls import path

from apps.deployments import views

urlpatterns = [
    path("", views.deployment_list, name="deployment-list"),
    path("new/", views.deployment_create, name="deployment-create"),
    path("<int:pk>/", views.deployment_detail, name="deployment-detail"),
    path("<int:pk>/edit/", views.deployment_edit, name="deployment-edit"),
    path("<int:pk>/scale/", views.deployment_scale, name="deployment-scale"),
    path("<int:pk>/delete/", views.deployment_delete, name="deployment-delete"),
    path("<int:pk>/put-back/", views.deployment_put_back, name="deployment-put-back"),
    path(
        "<int:pk>/revisions/<int:number>/",
        views.deployment_restore,
        name="deployment-restore",
    ),
]
