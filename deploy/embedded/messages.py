"""Translations: compile them; --check that nothing lacks Chinese; --update to add what is new.

Does without gettext installed.  Strings of `apps/<app>/` and `templates/<app>/` belong to that
app's catalogue, all others to `sdconsole/locale`.
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = "zh_Hans"
SHARED = ROOT / "sdconsole"
# Which arguments of each marking function are a context, a msgid and a plural.
MARKERS = {
    "gettext": ("msgid",),
    "gettext_lazy": ("msgid",),
    "gettext_noop": ("msgid",),
    "ngettext": ("msgid", "plural"),
    "ngettext_lazy": ("msgid", "plural"),
    "pgettext": ("context", "msgid"),
    "pgettext_lazy": ("context", "msgid"),
    "npgettext": ("context", "msgid", "plural"),
    "npgettext_lazy": ("context", "msgid", "plural"),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}")


@dataclass(frozen=True)
class Message:
    """What identifies a string in a catalogue."""

    msgid: str
    context: str | None = None
    plural: str | None = None


class Unreadable(Exception):
    """A marked string that is not written out in place, so no catalogue can hold it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    job = parser.add_mutually_exclusive_group()
    job.add_argument(
        "--check", action="store_true", help="list what lacks Chinese; exit code 1 if any"
    )
    job.add_argument("--update", action="store_true", help="add new strings to the catalogues")
    options = parser.parse_args()
    try:
        if options.check:
            complaints = check()
            print("\n".join(complaints) or "Every string has its Chinese.")
            return 1 if complaints else 0
        if options.update:
            print(f"{update()} new strings, now waiting for their Chinese.")
    except Unreadable as failure:
        print(failure, file=sys.stderr)
        return 1
    compile_all()
    return 0


# ---- compile --------------------------------------------------------------------------------


def catalogues() -> list[Path]:
    folders = [*sorted((ROOT / "apps").iterdir()), SHARED]
    paths = (catalogue(folder) for folder in folders)
    return [path for path in paths if path.exists()]


def catalogue(owner: Path) -> Path:
    """The .po file of an app's folder, or of the shared one."""
    return owner / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def compile_all() -> None:
    for path in catalogues():
        compiled = path.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns > path.stat().st_mtime_ns:
            continue
        half = compiled.with_suffix(".half")
        polib.pofile(str(path)).save_as_mofile(str(half))
        half.replace(compiled)


# ---- check and update -----------------------------------------------------------------------


def check() -> list[str]:
    """One line per string without Chinese, with other placeholders, or with two translations."""
    used = collect()
    known: dict[tuple[str, str | None], dict[str, Path]] = defaultdict(dict)
    complaints = []
    for path in catalogues():
        for entry in polib.pofile(str(path)):
            if entry.obsolete or not entry.translated() or entry.fuzzy:
                continue
            texts = list(entry.msgstr_plural.values()) or [entry.msgstr]
            known[entry.msgid, entry.msgctxt]["\0".join(texts)] = path
            asked = placeholders(entry.msgid) | placeholders(entry.msgid_plural)
            if any(placeholders(text) - asked for text in texts) or (
                not entry.msgid_plural and placeholders(texts[0]) != asked
            ):
                complaints.append(f"{shown(path)}: other placeholders than in {entry.msgid!r}")
    for (msgid, _context), translations in known.items():
        # Django merges all catalogues into one, where only one of two translations would win.
        if len(translations) > 1:
            files = ", ".join(shown(path) for path in translations.values())
            complaints.append(f"{files}: {msgid!r} is translated in different ways; use a context")
    for message, places in used.items():
        if (message.msgid, message.context) not in known:
            home = shown(catalogue(owner(places[0][0])))
            complaints.append(f"{home}: no Chinese for {message.msgid!r} ({place(places[0])})")
    return sorted(complaints)


def update() -> int:
    """Add every string that no catalogue knows to its owner's; returns how many."""
    known = {
        (entry.msgid, entry.msgctxt)
        for path in catalogues()
        for entry in polib.pofile(str(path))
        if not entry.obsolete
    }
    new: dict[Path, list[Message]] = defaultdict(list)
    for message, places in collect().items():
        if (message.msgid, message.context) not in known:
            new[catalogue(owner(places[0][0]))].append(message)
    for path, messages in new.items():
        if path.exists():
            file = polib.pofile(str(path), wrapwidth=100)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = polib.POFile(wrapwidth=100)
            file.metadata = {
                "Content-Type": "text/plain; charset=UTF-8",
                "Content-Transfer-Encoding": "8bit",
                "Language": LANGUAGE,
                "Plural-Forms": "nplurals=1; plural=0;",
            }
        for message in messages:
            entry = polib.POEntry(msgid=message.msgid, msgctxt=message.context)
            if message.plural:
                entry.msgid_plural, entry.msgstr_plural = message.plural, {0: ""}
            file.append(entry)
        file.save(str(path))
    return sum(map(len, new.values()))


def placeholders(text: str) -> set[str]:
    return {match[0] for match in PLACEHOLDER.finditer(text)}


def owner(file: Path) -> Path:
    """The folder whose catalogue holds the strings of `file`."""
    match file.relative_to(ROOT).parts:
        case ("apps", app, _, *_):
            return ROOT / "apps" / app
        case ("templates", app, _, *_) if (ROOT / "apps" / app).is_dir():
            return ROOT / "apps" / app
    return SHARED


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def place(found: tuple[Path, int]) -> str:
    return f"{shown(found[0])}:{found[1]}"


# ---- collect --------------------------------------------------------------------------------


def collect() -> dict[Message, list[tuple[Path, int]]]:
    """Every string marked for translation, and the files and lines it is in.  Raises Unreadable."""
    found: dict[Message, list[tuple[Path, int]]] = defaultdict(list)
    for folder in ("apps", "sdconsole"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, message in python_messages(path.read_text(), path):
                found[message].append((path, line))
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            for line, message in template_messages(path.read_text(), path):
                found[message].append((path, line))
    return found


def python_messages(source: str, path: Path) -> Iterator[tuple[int, Message]]:
    tree = ast.parse(source, str(path))
    names = {}  # as the file calls them -> as Django does
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names.update({name.asname or name.name: name.name for name in node.names})
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            marker = names.get(called.id)
        else:
            marker = called.attr if isinstance(called, ast.Attribute) else None
        if marker in MARKERS:
            message = read_call(marker, node, f"{shown(path)}:{node.lineno}")
            if message:
                yield node.lineno, message


def template_messages(source: str, path: Path) -> Iterator[tuple[int, Message]]:
    # Django turns a template into calls of the Python functions between blanks, line by line.
    calls = templatize(source, origin=str(path))
    for match in re.finditer(r"(?<![\w.])(_|n?p?gettext)\(", calls):
        line = calls.count("\n", 0, match.start()) + 1
        marker = "gettext" if match[1] == "_" else match[1]
        message = read_call(marker, whole_call(calls, match), f"{shown(path)}:{line}")
        if message:
            yield line, message


def whole_call(calls: str, match: re.Match[str]) -> ast.Call:
    """The call that starts at `match`, up to the first bracket that completes an expression."""
    end = match.end()
    while (end := calls.find(")", end) + 1) > 0:
        try:
            node = ast.parse(calls[match.start() : end].replace("\n", " "), mode="eval").body
        except SyntaxError:
            continue
        assert isinstance(node, ast.Call)
        return node
    raise Unreadable(f"Unfinished translation in {calls[match.start() : match.start() + 60]!r}")


def read_call(marker: str, call: ast.Call, where: str) -> Message | None:
    """The message of one call; None for a variable, whose msgid is marked elsewhere."""
    parts: dict[str, str] = {}
    for role, argument in zip(MARKERS[marker], call.args, strict=False):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            parts[role] = argument.value
        elif isinstance(argument, ast.Name | ast.Attribute | ast.Subscript):
            return None
        else:
            raise Unreadable(f"{where}: {marker} needs its text written out, and filled in after")
    return Message(**parts)


if __name__ == "__main__":
    sys.exit(main())
