"""TCR over real sockets: registries, images, logins, network access."""

import json

import pytest

from cloud import errors, tcr
from cloud.access import Access
from tests.cloud.conftest import eventually

REGISTRY = "tcr-demo0001"
VPC, SUBNET = "vpc-demo0001", "subnet-demo001"


def test_the_registry_the_account_has(access: Access) -> None:
    found = tcr.registry(access, REGISTRY)
    assert found is not None
    assert (found.name, found.status) == ("sd-demo", "Running")
    assert found.domain
    assert found in tcr.registries(access)
    assert tcr.registry(access, "tcr-nothere0") is None
    assert "aigc" in [one.name for one in tcr.namespaces(access, REGISTRY)]
    repository = tcr.repositories(access, REGISTRY, "aigc")[0]
    assert (repository.namespace, repository.name) == ("aigc", "stable-diffusion-webui")
    images = tcr.images(access, REGISTRY, "aigc", repository.name)
    assert {"1.10.1-cu121", "1.9.4-cu121"} <= {one.tag for one in images}
    assert all(one.digest.startswith("sha256:") and one.size_bytes > 0 for one in images)
    assert tcr.images(access, REGISTRY, "aigc", "never") == ()
    tag = images[0].tag
    manifest = tcr.image_manifest(access, REGISTRY, "aigc", repository.name, tag)
    assert manifest is not None and json.loads(manifest.manifest)
    assert tcr.image_manifest(access, REGISTRY, "aigc", repository.name, "never") is None


def test_namespaces_and_repositories_are_made_once(access: Access) -> None:
    for _ in range(2):
        assert tcr.namespace_create(access, REGISTRY, "film").request_id
        assert tcr.repository_create(access, REGISTRY, "film", "sd", "for films").request_id
    (repository,) = tcr.repositories(access, REGISTRY, "film")
    assert (repository.name, repository.description) == ("sd", "for films")
    tcr.namespace_create(access, REGISTRY, "short")
    for _ in range(2):
        assert tcr.namespace_delete(access, REGISTRY, "short").request_id
    assert "short" not in [one.name for one in tcr.namespaces(access, REGISTRY)]
    assert tcr.image_delete(access, REGISTRY, "film", "sd", "never").request_id


def test_a_registry_lives_and_dies(access: Access) -> None:
    made = tcr.registry_create(access, "second-one", "standard")
    found = eventually(
        lambda: tcr.registry(access, made.id),
        lambda one: one is not None and one.status == "Running",
    )
    assert found is not None and (found.name, found.kind) == ("second-one", "standard")
    with pytest.raises(errors.AlreadyExists):
        tcr.registry_create(access, "second-one")
    tcr.registry_delete(access, made.id)
    eventually(lambda: tcr.registry(access, made.id), lambda one: one is None)
    tcr.registry_delete(access, made.id)


def test_logins_are_shown_once_and_never_printed(access: Access) -> None:
    login = tcr.token_create(access, REGISTRY)
    assert login.username and login.password
    assert login.expires_at is not None
    assert login.password not in repr(login)
    lasting = tcr.token_create(access, REGISTRY, long_term=True, description="ci")
    assert lasting.token_id
    found = next(one for one in tcr.tokens(access, REGISTRY) if one.id == lasting.token_id)
    assert (found.description, found.enabled) == ("ci", True)
    tcr.token_enable(access, REGISTRY, lasting.token_id, False)
    assert not next(
        one for one in tcr.tokens(access, REGISTRY) if one.id == lasting.token_id
    ).enabled
    tcr.token_delete(access, REGISTRY, lasting.token_id)
    tcr.token_delete(access, REGISTRY, lasting.token_id)
    assert lasting.token_id not in [one.id for one in tcr.tokens(access, REGISTRY)]
    robot = tcr.service_account_create(access, REGISTRY, "puller", {"aigc": ["tcr:PullRepository"]})
    assert robot.username.startswith("tcr$") and robot.password


def test_a_registry_opens_to_the_internet(access: Access) -> None:
    tcr.external_endpoint_set(access, REGISTRY, open_it=True)
    eventually(lambda: tcr.external_endpoint(access, REGISTRY), lambda one: one.status == "Opened")
    tcr.internal_endpoint_set(access, REGISTRY, VPC, SUBNET, open_it=True)
    found = eventually(
        lambda: tcr.internal_endpoints(access, REGISTRY),
        lambda ones: any(one.status == "Running" for one in ones),
    )
    assert VPC in [one.vpc_id for one in found]
