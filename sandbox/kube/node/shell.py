"""A very small shell for the one-line containers of Jobs: mkdir, echo, true, sleep and the like.

It works on the mounted folders only.  A command it does not know ends as in a real container: 127.
"""

import asyncio
import re
import shlex
from collections.abc import Callable
from pathlib import Path, PurePosixPath

Say = Callable[[str], None]
SHELLS = ("sh", "/bin/sh", "bash", "/bin/bash")
NOT_FOUND = 127


def words_of(command: list[str], args: list[str]) -> list[list[str]] | None:
    """The commands of a container as word lists; None if it runs nothing we could run.

    `;` and `&&` part the commands, and `&&` is kept as a word that says "only if so far so good".
    """
    line = [*command, *args]
    if not line:
        return None
    if line[0] not in SHELLS:
        return [line]
    script = next((line[i + 1] for i, word in enumerate(line[:-1]) if _is_c(word)), None)
    if script is None:
        return None
    found: list[list[str]] = []
    for number, part in enumerate(re.split(r"(;|&&|\n)", script)):
        if number % 2:
            found.append([part])
        elif part.strip():
            try:
                found.append(shlex.split(part))
            except ValueError:
                found.append([part.strip()])
    return [words for words in found if words not in ([";"], ["\n"])]


def _is_c(word: str) -> bool:
    return word.startswith("-") and "c" in word


class Shell:
    """One run.  `mounts` are folders by container path; `say` gets the output, line by line."""

    def __init__(
        self, mounts: dict[str, Path], environment: dict[str, str], say: Say, pace: float
    ) -> None:
        self.mounts = mounts
        self.environment = environment
        self.say = say
        self.pace = pace

    async def run(self, commands: list[list[str]]) -> int:
        """The exit code of the last command that ran."""
        code = 0
        strict = False
        skip = False
        for words in commands:
            if words == ["&&"]:
                skip = code != 0
                continue
            if skip:
                skip = False
                continue
            if words[:2] == ["set", "-e"] or words[:1] == ["set"]:
                strict = "e" in "".join(words[1:])
                continue
            code = await self._one([self._expand(word) for word in words])
            if words[0] == "exit" or (strict and code):
                return code
        return code

    def _expand(self, word: str) -> str:
        return re.sub(r"\$\{?([A-Za-z_]\w*)\}?", lambda m: self.environment.get(m[1], ""), word)

    async def _one(self, words: list[str]) -> int:
        name, rest = words[0].rsplit("/", 1)[-1], words[1:]
        match name:
            case "true" | ":":
                return 0
            case "false":
                return 1
            case "exit":
                return int(rest[0]) if rest else 0
            case "echo":
                self.say(" ".join(rest))
                return 0
            case "sleep":
                return await self._sleep(rest)
            case "mkdir":
                return self._mkdir(rest)
            case "ls":
                return self._ls(rest)
            case "test" | "[":
                return self._test(rest)
        self.say(f"sh: 1: {words[0]}: not found (this sandbox runs no programs)")
        return NOT_FOUND

    async def _sleep(self, rest: list[str]) -> int:
        if rest[:1] == ["infinity"]:
            await asyncio.Event().wait()
        try:
            await asyncio.sleep(float(rest[0].rstrip("s")) * self.pace)
        except (IndexError, ValueError):
            self.say("sleep: invalid time interval")
            return 1
        return 0

    def folder(self, path: str) -> Path | None:
        """The place behind a path in the container; None if it is on no mount."""
        pure = PurePosixPath(path)
        if ".." in pure.parts:
            return None
        best = max(
            (point for point in self.mounts if pure.is_relative_to(point)), key=len, default=None
        )
        return self.mounts[best] / pure.relative_to(best) if best else None

    def _mkdir(self, rest: list[str]) -> int:
        parents = any(word.startswith("-") and "p" in word for word in rest)
        code = 0
        for path in [word for word in rest if not word.startswith("-")]:
            where = self.folder(path)
            if where is None:
                continue  # somewhere in the container's own file system, which ends with it
            try:
                where.mkdir(parents=parents, exist_ok=parents)
            except OSError as exc:
                self.say(f"mkdir: cannot create directory '{path}': {exc.strerror}")
                code = 1
        return code

    def _ls(self, rest: list[str]) -> int:
        code = 0
        for path in [word for word in rest if not word.startswith("-")]:
            where = self.folder(path)
            if where is None or not where.exists():
                self.say(f"ls: cannot access '{path}': No such file or directory")
                code = 2
            elif where.is_dir():
                for item in sorted(where.iterdir()):
                    self.say(item.name)
            else:
                self.say(path)
        return code

    def _test(self, rest: list[str]) -> int:
        flag, path = ([*rest, "", ""])[:2]
        where = self.folder(path)
        held = {
            "-d": lambda: where is not None and where.is_dir(),
            "-f": lambda: where is not None and where.is_file(),
            "-e": lambda: where is not None and where.exists(),
        }.get(flag)
        if held is None:
            self.say(f"test: {flag}: not understood here")
            return 2
        return 0 if held() else 1
