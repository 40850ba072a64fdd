"""Translations: what is marked is found, and what lacks Chinese is named."""

from pathlib import Path

import polib
import pytest

from deploy.embedded import messages
from deploy.embedded.messages import Message, Unreadable

HERE = messages.ROOT / "apps/console/here.py"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('from django.utils.translation import gettext as _\n_("Save")', [Message("Save")]),
        (
            'from django.utils.translation import gettext_noop as say\nsay("a " "b")',
            [Message("a b")],
        ),
        (
            'from django.utils.translation import ngettext\nngettext("%(n)s pod", "%(n)s pods", n)',
            [Message("%(n)s pod", plural="%(n)s pods")],
        ),
        (
            'from django.utils import translation\ntranslation.pgettext("verb", "Open")',
            [Message("Open", context="verb")],
        ),
        ("from django.utils.translation import gettext\ngettext(self.text)", []),
        ('def _(text): ...\n_("not marked: another function")', []),
    ],
)
def test_strings_marked_in_python(source, expected):
    assert [message for _line, message in messages.python_messages(source, HERE)] == expected


def test_a_string_filled_in_before_it_is_looked_up_is_refused():
    source = 'from django.utils.translation import gettext\n\ngettext(f"{count} pods")'
    with pytest.raises(Unreadable, match=r"apps/console/here\.py:3: gettext needs"):
        list(messages.python_messages(source, HERE))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% translate "Save" %}', [Message("Save")]),
        ('{% translate "Open" context "verb" %}', [Message("Open", context="verb")]),
        ('<b title="{% badge "ok" _("Ready (yes)") %}">', [Message("Ready (yes)")]),
        ('{{ _("In a variable") }}', [Message("In a variable")]),
        ('{# {% translate "Not here" %} #}', []),
        (
            "{% blocktranslate count n=n trimmed %}\n  {{ n }} pod\n{% plural %}\n  {{ n }} pods\n"
            "{% endblocktranslate %}",
            [Message("%(n)s pod", plural="%(n)s pods")],
        ),
    ],
)
def test_strings_marked_in_templates(source, expected):
    assert [message for _line, message in messages.template_messages(source, HERE)] == expected


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small project with one app, and a function that sets its Chinese."""
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "SHARED", tmp_path / "sdconsole")
    (tmp_path / "apps/gpu").mkdir(parents=True)
    (tmp_path / "templates/gpu").mkdir(parents=True)
    (tmp_path / "sdconsole").mkdir()
    (tmp_path / "templates/gpu/page.html").write_text('{% translate "Save" %}')

    def translate(owner: str, **strings: str) -> None:
        path = messages.catalogue(tmp_path / owner)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = polib.POFile()
        file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
        file += [polib.POEntry(msgid=msgid, msgstr=text) for msgid, text in strings.items()]
        file.save(str(path))

    return translate


def test_a_string_without_chinese_is_named_with_its_place(tree):
    (complaint,) = messages.check()
    assert complaint == (
        "apps/gpu/locale/zh_Hans/LC_MESSAGES/django.po: no Chinese for 'Save' "
        "(templates/gpu/page.html:1)"
    )
    tree("apps/gpu", Save="")
    assert len(messages.check()) == 1
    tree("apps/gpu", Save="保存")
    assert messages.check() == []


def test_two_translations_of_one_string_are_named(tree):
    tree("apps/gpu", Save="保存")
    tree("sdconsole", Save="存储")
    (complaint,) = messages.check()
    assert "'Save' is translated in different ways" in complaint


def test_a_translation_that_would_fail_when_filled_in_is_named(tree):
    tree("apps/gpu", Save="保存", **{"%(n)s pods": "%(count)s 个 Pod"})
    (complaint,) = messages.check()
    assert complaint.endswith("other placeholders than in '%(n)s pods'")


def test_update_adds_what_is_new_to_its_own_catalogue_once(tree):
    assert (messages.update(), messages.update()) == (1, 0)
    file = polib.pofile(str(messages.catalogue(messages.ROOT / "apps/gpu")))
    assert [(entry.msgid, entry.msgstr) for entry in file] == [("Save", "")]


def test_a_changed_catalogue_is_compiled_again(tree):
    tree("apps/gpu", Save="保存")
    messages.compile_all()
    compiled: Path = messages.catalogue(messages.ROOT / "apps/gpu").with_suffix(".mo")
    assert polib.mofile(str(compiled)).find("Save").msgstr == "保存"
    tree("apps/gpu", Save="存储")
    messages.compile_all()
    assert polib.mofile(str(compiled)).find("Save").msgstr == "存储"
