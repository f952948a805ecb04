# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that our documentation shows, so that a test can do what it says.

In Markdown::

    <!-- run: ends with 2 -->          before a block of sh: how it ends, where that is not with 0
    <!-- run: not here, REASON -->     it is run elsewhere
    <!-- file: inventory/all.yml -->   before any other block: a file that the reader is told to write

In reStructuredText the same after ``..``, and for a file the caption of its block.
"""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SHELL = ("sh", "console")
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Block:
    """A block of code; I(said) is what a hidden remark before it says, I(file) the name of the file it is."""

    text: str
    language: str
    line: int
    said: str = ""
    file: str = ""

    @property
    def is_run(self) -> bool:
        return self.language in SHELL and not self.said.startswith("not here")

    @property
    def ends_with(self) -> int:
        found = re.fullmatch(r"ends with (\d+)", self.said)
        if self.said and not found:
            raise ValueError(
                f"line {self.line}: found 'run: {self.said}', expected 'ends with N' or 'not here, REASON'"
            )
        return int(found[1]) if found else 0


_MARKDOWN = re.compile(
    r"(?:<!-- (?P<kind>run|file): (?P<said>.*?) -->\n+)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
_RST = re.compile(
    r"(?:^\.\. (?P<kind>run): (?P<said>.*?)\n\n)?^\.\. code-block:: (?P<language>\w+)\n"
    r"(?:   :caption: (?P<file>.*)\n)?\n(?P<text>(?:(?:   .*)?\n)+)",
    re.M,
)


def blocks(document: Path) -> list[Block]:
    """In the order in which they stand."""
    text = document.read_text(encoding="utf-8")
    return list(_blocks(text, _RST if document.suffix == ".rst" else _MARKDOWN))


def _blocks(text: str, pattern: re.Pattern[str]) -> Iterator[Block]:
    for found in pattern.finditer(text + "\n"):
        parts = {key: value or "" for key, value in found.groupdict().items()}
        said, file = parts["said"], parts.get("file", "")
        if parts["kind"] == "file":
            said, file = "", said
        line = text.count("\n", 0, found.start("text"))
        yield Block(textwrap.dedent(parts["text"]).strip("\n") + "\n", parts["language"], line, said, file)


def steps(document: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[Block, str]]:
    """Do what the document says, in this folder: write its files, run its commands. Each command, and what it printed.

    A command is not run before it is asked for. That it does not end as it should is an AssertionError with all that it
    printed.
    """
    for block in blocks(document):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.is_run:
            yield block, _run(document, block, folder, environment)


def follow(document: Path, folder: Path, environment: Mapping[str, str]) -> str:
    """Do all that the document says, at once. What it printed."""
    return "".join(printed for _unused, printed in steps(document, folder, environment))


def _run(document: Path, block: Block, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", block.text],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    place = f"{document.relative_to(CHECKOUT)}:{block.line}"
    assert done.returncode == block.ends_with, f"{place}: ended with {done.returncode}\n{block.text}\n{done.stdout}"
    return done.stdout


def plain_environment(path: Path, home: Path) -> dict[str, str]:
    """That of a user who has set nothing, with this folder of programs first."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "PYTEST", "PYTHON", "VIRTUAL_ENV", "GALAXY_"))
    }
    rest = [folder for folder in kept["PATH"].split(os.pathsep) if ".venv" not in Path(folder).parts]
    kept |= {"PATH": os.pathsep.join([str(path), *rest]), "HOME": str(home), "ANSIBLE_NOCOLOR": "1"}
    return kept
