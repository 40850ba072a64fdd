"""/accounts/ is the door, /settings/ what stands behind it."""

from django.urls import path

from apps.accounts import views

urlpatterns = [
    path("accounts/login/", views.sign_in, name="login"),
    path("accounts/logout/", views.sign_out, name="logout"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/password/", views.password_change, name="password-change"),
    path("settings/tokens/new/", views.token_create, name="token-create"),
    path("settings/tokens/<int:pk>/revoke/", views.token_revoke, name="token-revoke"),
    path("settings/people/", views.person_list, name="person-list"),
    path("settings/people/new/", views.person_create, name="person-create"),
    path("settings/people/<int:pk>/", views.person_detail, name="person-detail"),
    path("settings/people/<int:pk>/password/", views.person_password, name="person-password"),
    path(
        "settings/people/<int:pk>/tokens/<int:token_pk>/revoke/",
        views.person_token_revoke,
        name="person-token-revoke",
    ),
]
