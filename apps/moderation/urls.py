from django.urls import path

from apps.moderation import views

urlpatterns = [
    path("", views.review, name="review"),
    path("claims/renew/", views.claims_renew, name="claims-renew"),
    path("claims/give-back/", views.claims_give_back, name="claims-give-back"),
    path("skips/forget/", views.skips_forget, name="skips-forget"),
    path("preview/", views.preview_choose, name="preview-choose"),
    path("decisions/<int:pk>/", views.decision_chain, name="decision-chain"),
    path("decisions/<int:pk>/undo/", views.decision_undo, name="decision-undo"),
    path("cases/", views.case_list, name="case-list"),
    path("cases/<int:pk>/", views.case_detail, name="case-detail"),
    path("cases/<int:pk>/picture/", views.picture, name="case-picture"),
    path("cases/<int:pk>/claim/", views.case_claim, name="case-claim"),
    path("cases/<int:pk>/decide/", views.case_decide, name="case-decide"),
    path("cases/<int:pk>/skip/", views.case_skip, name="case-skip"),
    path("cases/<int:pk>/overrule/", views.case_overrule, name="case-overrule"),
]
