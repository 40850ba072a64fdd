"""Settings and people, as pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import ApiToken, User
from apps.accounts.selectors import token_find
from apps.accounts.services import token_create
from tests.cast import PASSWORD, make_person, signed_in


def preferences(**more: str) -> dict[str, str]:
    return {"display_name": "Olga", "language": "", "theme": "", "timezone": "", **more}


def test_the_settings_page_names_roles_and_rights(olga: User) -> None:
    page = signed_in(olga).get(reverse("settings")).content.decode()
    assert "operator" in page
    assert "change deployments" in page
    assert "manage people and roles" not in page
    assert reverse("person-list") not in page


def test_preferences_are_kept_on_the_account_and_told_to_the_browser(olga: User) -> None:
    client = signed_in(olga)
    form = preferences(language="zh-hans", theme="dark", timezone="Asia/Tokyo")
    answer = client.post(reverse("settings"), form)
    assert answer.status_code == 302
    assert (answer.cookies["django_language"].value, answer.cookies["sdc_theme"].value) == (
        "zh-hans",
        "dark",
    )
    olga.refresh_from_db()
    assert (olga.language, olga.theme, olga.timezone) == ("zh-hans", "dark", "Asia/Tokyo")
    page = client.get(reverse("settings"))
    assert page.headers["Content-Language"] == "zh-hans"


def test_the_accounts_language_wins_over_the_browsers(olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(language="zh-hans")
    page = signed_in(olga).get(reverse("settings"), headers={"accept-language": "en"})
    assert page.headers["Content-Language"] == "zh-hans"
    assert "设置" in page.content.decode()


@pytest.mark.parametrize(
    "wrong", [{"language": "tlh"}, {"theme": "pink"}, {"timezone": "Mars/Olympus"}]
)
def test_a_made_up_preference_is_refused(olga: User, wrong: dict[str, str]) -> None:
    answer = signed_in(olga).post(reverse("settings"), preferences(**wrong))
    assert answer.status_code == 422
    olga.refresh_from_db()
    assert (olga.language, olga.theme, olga.timezone) == ("", "", "")


def test_a_token_is_shown_once(olga: User) -> None:
    client = signed_in(olga)
    answer = client.post(reverse("token-create"), {"name": "export", "days": "30"})
    secret = answer.context["secret"]
    assert answer.status_code == 201
    assert secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert token_find(secret) is not None
    assert secret not in client.get(reverse("settings")).content.decode()


def test_a_token_can_be_narrowed_to_ones_own_rights_only(olga: User) -> None:
    client = signed_in(olga)
    form = {"name": "narrow", "days": "", "scopes": ["console.view"]}
    assert client.post(reverse("token-create"), form).status_code == 201
    assert ApiToken.objects.get().scopes == ["console.view"]
    wide = {"name": "wide", "days": "", "scopes": ["account.manage"]}
    assert client.post(reverse("token-create"), wide).status_code == 422


def test_a_name_in_use_is_said_at_the_name(olga: User) -> None:
    token_create(user=olga, name="export")
    answer = signed_in(olga).post(reverse("token-create"), {"name": "export", "days": ""})
    assert answer.status_code == 422
    assert "already have a token" in answer.content.decode()


def test_one_revokes_ones_own_tokens_only(olga: User, vic: User) -> None:
    own, _ = token_create(user=olga, name="export")
    other, _ = token_create(user=vic, name="export")
    client = signed_in(olga)
    assert client.post(reverse("token-revoke", args=[other.pk])).status_code == 404
    assert client.post(reverse("token-revoke", args=[own.pk])).status_code == 302
    assert list(ApiToken.objects.all()) == [other]


def test_changing_the_password_keeps_this_browser_and_ends_the_others(olga: User) -> None:
    here, elsewhere = signed_in(olga), signed_in(olga)
    fresh = "another long sentence 7"
    form = {"old_password": PASSWORD, "new_password1": fresh, "new_password2": fresh}
    wrong = {**form, "old_password": "guess"}
    assert here.post(reverse("password-change"), wrong).status_code == 422
    assert here.post(reverse("password-change"), form).status_code == 302
    assert here.get(reverse("settings")).status_code == 200
    assert elsewhere.get(reverse("settings")).status_code == 302


# ---- people


def test_people_are_listed_filtered_and_searched(root: User, vic: User, rui: User) -> None:
    client = signed_in(root)
    url = reverse("person-list")

    def names(query: str) -> list[str]:
        return [person.username for person in client.get(url + query).context["listing"].rows]

    assert names("") == ["root", "rui", "vic"]
    assert names("?sort=-username") == ["vic", "rui", "root"]
    assert names("?role=reviewer") == ["rui"]
    assert names("?state=False") == []
    assert names("?q=VI") == ["vic"]
    assert "Nothing matches" in client.get(url + "?q=nobody").content.decode()


def test_the_list_costs_the_same_for_many_people(
    root: User, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(20):
        make_person(f"person{number}", "viewer", "reviewer")
    client = signed_in(root)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(reverse("person-list"))


def test_a_fragment_is_only_the_rows(root: User) -> None:
    asked = {"hx-request": "true", "hx-target": "rows"}
    page = signed_in(root).get(reverse("person-list"), headers=asked).content.decode()
    assert 'id="rows"' in page
    assert "<html" not in page


def test_a_new_person_gets_a_password_that_works(root: User) -> None:
    form = {"username": "nina", "display_name": "Nina", "roles": ["viewer", "reviewer"]}
    answer = signed_in(root).post(reverse("person-create"), form)
    assert answer.status_code == 201
    password = answer.context["password"]
    assert password in answer.content.decode()
    assert Client().login(username="nina", password=password)
    assert User.objects.get(username="nina").roles == {"viewer", "reviewer"}


def test_a_taken_name_is_said_at_the_name(root: User, vic: User) -> None:
    answer = signed_in(root).post(reverse("person-create"), {"username": "VIC"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["username"]


def test_an_administrator_changes_roles_and_disables(root: User, vic: User) -> None:
    client = signed_in(root)
    url = reverse("person-detail", args=[vic.pk])
    form = {"display_name": "Vic", "roles": ["operator"], "active": "on", "reason": "new job"}
    assert client.post(url, form).status_code == 302
    assert User.objects.get(pk=vic.pk).roles == {"operator"}
    assert client.post(url, {"display_name": "Vic", "roles": ["operator"]}).status_code == 302
    assert not User.objects.get(pk=vic.pk).is_active
    assert "Disabled" in client.get(url).content.decode()


def test_the_last_administrator_is_told_why_not(root: User) -> None:
    url = reverse("person-detail", args=[root.pk])
    answer = signed_in(root).post(url, {"display_name": "Root", "roles": [], "active": "on"})
    assert answer.status_code == 422
    assert "Somebody must stay administrator" in answer.content.decode()


def test_an_administrator_gives_a_new_password_and_revokes_tokens(root: User, vic: User) -> None:
    client, theirs = signed_in(root), signed_in(vic)
    token, secret = token_create(user=vic, name="export")
    answer = client.post(reverse("person-password", args=[vic.pk]))
    assert Client().login(username="vic", password=answer.context["password"])
    assert theirs.get(reverse("settings")).status_code == 302
    client.post(reverse("person-token-revoke", args=[vic.pk, token.pk]))
    assert token_find(secret) is None


# ---- refused


def test_the_refusal_names_what_is_missing_and_who_has_it(vic: User) -> None:
    answer = signed_in(vic).get(reverse("person-list"))
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "manage people and roles" in page
    assert "administrator" in page


def test_a_refused_fragment_replaces_the_page_not_the_fragment(vic: User) -> None:
    answer = signed_in(vic).get(reverse("person-list"), headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "body")
