"""The same over REST."""

import pytest

from apps.moderation.models import CaseState, Decision, Probe
from tests.cast import signed_in
from tests.moderation.conftest import make_case

pytestmark = pytest.mark.django_db
BASE = "/api/v1/moderation"


@pytest.fixture
def client(rui):
    return signed_in(rui)


def post(client, path, **body):
    return client.post(f"{BASE}{path}", body, content_type="application/json")


def test_claim_decide_and_read_it_back(client):
    case = make_case()
    (claimed,) = post(client, "/claim", count=5).json()
    assert claimed["id"] == case.pk
    assert "q-signature" in claimed["picture"]
    made = post(
        client, f"/cases/{case.pk}/decide", verdict="freeze", label="gore", token=claimed["token"]
    )
    assert made.status_code == 200
    assert (made.json()["verdict"], made.json()["person"]) == ("freeze", "rui")
    Probe.objects.create(case=case, generation=2, moment="after", status=403, expected=403)
    told = client.get(f"{BASE}/cases/{case.pk}").json()
    assert told["state"] == CaseState.FROZEN
    assert told["probes"][0]["status"] == 403
    assert told["decisions"][0]["label"] == "gore"


def test_one_case_can_be_claimed_by_its_id(client):
    make_case(severity=2)
    case = make_case()
    (claimed,) = post(client, "/claim", case=case.pk).json()
    assert claimed["id"] == case.pk


def test_a_stale_token_is_409_with_what_is_there_now(client):
    case = make_case()
    (claimed,) = post(client, "/claim").json()
    answer = post(client, f"/cases/{case.pk}/decide", verdict="approve", token=claimed["token"] - 1)
    assert answer.status_code == 409
    assert answer.json()["current"]["state"] == CaseState.FLAGGED


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "freeze"}, "label"),
        ({"verdict": "freeze", "label": "blood"}, "label"),
        ({"verdict": "burn"}, "verdict"),
        ({"verdict": "approve", "reason": "x" * 501}, "reason"),
    ],
)
def test_bad_input_is_422_with_the_field(client, body, field):
    case = make_case()
    (claimed,) = post(client, "/claim").json()
    answer = post(client, f"/cases/{case.pk}/decide", token=claimed["token"], **body)
    assert answer.status_code == 422
    assert field in answer.json()["errors"]
    assert not Decision.objects.exists()


def test_unknown_members_are_refused(client):
    case = make_case()
    answer = post(client, f"/cases/{case.pk}/decide", token=1, verdict="approve", force=True)
    assert answer.status_code == 422


def test_lists_are_filtered_and_paged(client):
    for _ in range(3):
        make_case()
    frozen = make_case(state=CaseState.FROZEN, policy_label="ads")
    page = client.get(f"{BASE}/cases?limit=2").json()
    assert len(page["items"]) == 2
    rest = client.get(f"{BASE}/cases?limit=2&cursor={page['next']}").json()
    assert len({item["id"] for item in page["items"] + rest["items"]}) == 4
    assert [c["id"] for c in client.get(f"{BASE}/cases?state=frozen").json()["items"]] == [
        frozen.pk
    ]
    by_job = client.get(f"{BASE}/cases?generation={frozen.image.job_id}").json()
    assert len(by_job["items"]) == 4
    assert client.get(f"{BASE}/cases?state=nonsense").status_code == 422
    assert client.get(f"{BASE}/cases/999999").status_code == 404


def test_the_list_asks_the_same_number_of_queries_for_many(client, django_assert_max_num_queries):
    for _ in range(30):
        make_case()
    with django_assert_max_num_queries(6):
        assert len(client.get(f"{BASE}/cases").json()["items"]) == 30


def test_skip_and_undo(client):
    case = make_case()
    (claimed,) = post(client, "/claim").json()
    made = post(client, f"/cases/{case.pk}/decide", verdict="approve", token=claimed["token"])
    undone = client.post(f"{BASE}/decisions/{made.json()['id']}/undo")
    assert undone.json()["verdict"] == "undo"
    case.refresh_from_db()
    assert post(client, f"/cases/{case.pk}/skip", token=case.claim_token).status_code == 204
    assert post(client, "/claim").json() == []


def test_only_leads_overrule(client, lea):
    case = make_case(state=CaseState.FROZEN, policy_label="gore")
    body = {"verdict": "approve", "reason": "Paint.", "generation": case.generation}
    assert post(client, f"/cases/{case.pk}/overrule", **body).status_code == 403
    assert post(signed_in(lea), f"/cases/{case.pk}/overrule", **body).status_code == 200


def test_without_the_right_there_is_nothing(vic):
    make_case()
    assert signed_in(vic).get(f"{BASE}/cases").status_code == 403
