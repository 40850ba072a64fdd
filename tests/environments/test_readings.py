"""When a product is read, and what is written down of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.environments import discovery, readings, services
from apps.environments.discovery import Found
from apps.environments.facts import GatewayFacts, VpcFacts
from apps.environments.models import Environment, Finding, FindingKind, Reading
from apps.environments.products import Product
from cloud.errors import NotAuthorized, Unreachable
from tests.environments.factories import GATEWAY, make_adopted, make_environment, stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment():
    return make_environment()


@pytest.fixture
def region(monkeypatch):
    """What each product answers: a list of Found, or an error to raise."""
    answers = {product: [] for product in Product}
    asked = []

    def reader(product):
        def read(environment):
            asked.append(product)
            answer = answers[product]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return read

    monkeypatch.setattr(discovery, "READERS", {one: reader(one) for one in Product})
    answers["asked"] = asked
    return answers


def vpc(name):
    return Found(FindingKind.VPC, name, name, VpcFacts(name, name))


def reading_of(environment, product):
    return Reading.objects.get(environment=environment, product=product)


def due_now(environment, product):
    Reading.objects.filter(environment=environment, product=product).update(due_at=timezone.now())


def test_what_is_found_is_kept_and_what_vanished_is_removed(environment, region):
    region[Product.VPC] = [vpc("vpc-a"), vpc("vpc-b")]
    readings.look_at_due(environment.pk)
    region[Product.VPC] = [vpc("vpc-b"), vpc("vpc-c")]
    due_now(environment, Product.VPC)
    readings.look_at_due(environment.pk)
    assert list(Finding.objects.order_by("name").values_list("name", flat=True)) == [
        "vpc-b",
        "vpc-c",
    ]


def test_one_failing_product_hides_no_other(environment, region):
    region[Product.TKE] = NotAuthorized(
        "You are not authorized to perform operation (tke:DescribeClusters) on resource (*).",
        code="UnauthorizedOperation",
        request_id="r-1",
    )
    region[Product.VPC] = [vpc("vpc-a")]
    readings.look_at_due(environment.pk)
    failed = reading_of(environment, Product.TKE)
    assert "tke:DescribeClusters" in str(failed.error_say)
    assert "CAM" in str(failed.remedy_say)
    assert failed.request_id == "r-1"
    assert Finding.objects.filter(kind=FindingKind.VPC).count() == 1


def test_a_permanent_error_is_not_asked_again_until_somebody_asks(environment, region):
    region[Product.STS] = NotAuthorized("no", code="AuthFailure.SecretIdNotFound")
    readings.look_at_due(environment.pk)
    assert reading_of(environment, Product.STS).due_at is None
    readings.look_at_due(environment.pk)
    assert region["asked"].count(Product.STS) == 1
    services.refresh_request(environment=environment)
    readings.look_at_due(environment.pk)
    assert region["asked"].count(Product.STS) == 2


def test_a_passing_error_waits_longer_each_time_and_keeps_the_old_findings(environment, region):
    region[Product.VPC] = [vpc("vpc-a")]
    readings.look_at_due(environment.pk)
    region[Product.VPC] = Unreachable("VPC does not answer.")
    waits = []
    for _ in range(2):
        due_now(environment, Product.VPC)
        readings.look_at_due(environment.pk)
        failed = reading_of(environment, Product.VPC)
        waits.append(failed.due_at - failed.finished_at)
    assert failed.failures == 2
    assert timedelta(0) < waits[0]
    assert failed.read_at is not None
    assert Finding.objects.filter(name="vpc-a").exists()


def test_a_good_look_clears_the_error(environment, region):
    region[Product.VPC] = Unreachable("away")
    readings.look_at_due(environment.pk)
    region[Product.VPC] = [vpc("vpc-a")]
    due_now(environment, Product.VPC)
    readings.look_at_due(environment.pk)
    now = reading_of(environment, Product.VPC)
    assert (now.error, now.failures, now.permanent) == ({}, 0, False)


def test_two_workers_do_not_read_the_same_product(environment, region):
    reading = reading_of(environment, Product.VPC)

    def meanwhile(_environment):
        assert readings.look(reading.pk) is False
        return []

    discovery.READERS[Product.VPC] = meanwhile
    assert readings.look(reading.pk) is True


def test_a_worker_that_died_gives_its_reading_back(environment, region):
    reading = reading_of(environment, Product.VPC)
    long_ago = timezone.now() - Reading.PATIENCE - timedelta(seconds=1)
    Reading.objects.filter(pk=reading.pk).update(
        started_at=long_ago, due_at=long_ago + Reading.PATIENCE
    )
    assert not reading_of(environment, Product.VPC).running
    assert readings.look(reading.pk) is True


def test_who_asks_while_it_is_being_read_gets_another_look(environment, region):
    reading = reading_of(environment, Product.VPC)

    def ask_meanwhile(_environment):
        readings.ask_again(environment, [Product.VPC])
        return []

    discovery.READERS[Product.VPC] = ask_meanwhile
    readings.look(reading.pk)
    again = reading_of(environment, Product.VPC)
    assert again.due_at <= timezone.now()


def test_nothing_of_a_cluster_is_read_before_one_is_adopted(environment, region):
    readings.look_at_due(environment.pk)
    assert Product.KUBE not in region["asked"]
    assert Product.CI not in region["asked"]
    assert reading_of(environment, Product.KUBE).error == {}


def test_what_stands_beside_an_adopted_id_follows_the_world():
    environment = make_adopted(gateway_address="")
    environment.refresh_from_db()
    assert environment.gateway_address == GATEWAY.address
    moved = GatewayFacts(GATEWAY.id, "g", "Running", address="127.9.1.7:8000")
    stock(environment, tse=[Found(FindingKind.GATEWAY, GATEWAY.id, "g", moved)])
    assert Environment.objects.get().gateway_address == "127.9.1.7:8000"


def test_a_gap_in_the_answer_does_not_take_the_address_away():
    environment = make_adopted()
    quiet = GatewayFacts(GATEWAY.id, "g", "Modifying", address="")
    stock(environment, tse=[Found(FindingKind.GATEWAY, GATEWAY.id, "g", quiet)])
    assert Environment.objects.get().gateway_address == GATEWAY.address
