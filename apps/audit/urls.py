from django.urls import path

from apps.audit import views

urlpatterns = [
    path("", views.event_list, name="event-list"),
    path("<int:pk>/", views.event_detail, name="event-detail"),
    path("export.csv", views.event_csv, name="event-csv"),
    path("export.jsonl", views.event_jsonl, name="event-jsonl"),
]
