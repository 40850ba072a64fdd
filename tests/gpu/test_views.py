"""The card map and named slices through the front door."""

import pytest
from django.urls import reverse

from apps.gpu.models import SliceProfile

pytestmark = pytest.mark.django_db


def test_without_an_environment_the_page_says_what_to_do(client, vic):
    client.force_login(vic)
    answer = client.get(reverse("card-map"))
    assert answer.status_code == 200
    assert "No environment yet" in answer.content.decode()


def test_a_slice_that_qgpu_does_not_have_is_refused_with_one_sentence(client, olga):
    client.force_login(olga)
    answer = client.post(reverse("slice-create"), {"name": "odd", "core": 52, "memory_gib": 10})
    assert answer.status_code == 422
    assert "steps of 5" in answer.content.decode()
    assert not SliceProfile.objects.filter(name="odd").exists()


def test_a_named_slice_is_offered_and_can_be_taken_back(client, olga):
    client.force_login(olga)
    client.post(reverse("slice-create"), {"name": "third", "core": 30, "memory_gib": 7})
    made = SliceProfile.objects.get(name="third")
    assert "third" in client.get(reverse("slice-list")).content.decode()
    client.post(reverse("slice-delete", args=[made.pk]))
    assert not SliceProfile.objects.filter(name="third").exists()


def test_a_viewer_may_look_but_not_change(client, vic):
    client.force_login(vic)
    assert client.get(reverse("slice-list")).status_code == 200
    refused = client.post(reverse("slice-create"), {"name": "x", "core": 50, "memory_gib": 10})
    assert refused.status_code == 403
