# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from pathlib import Path

import pytest
from unit.grepped import pieces_of

from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import (
    goes_on,
    kept_lines,
    rejoined,
    shell_pattern,
)

GREPS = {"gnu": ["grep"], "busybox": ["busybox", "grep"]}
PIECES = [
    "Key=",
    "Key = 5",
    "word",
    " ",
    "\t",
    "\\",
    "\\\\",
    "#",
    ";",
    "[",
    "]",
    "[Unit]",
    "12",
    "123456",
    "é",
    "\udcff",
]
PIECES += ["=", "]]"]


def keep(line: str) -> str | None:
    return line if line.strip(" \t").startswith("Key") else None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Key = secret", "Key = secret"),
        ("Other = secret", "...=..."),
        ("  # secret", "#..."),
        ("; secret \\", ";...\\"),
        ("secret \\", "...\\"),
        ("secret \\\\", "..."),
        ("[secret x]", "[...]"),
        ("[secret", "[..."),
        ("[", "[..."),
        ("-500", "-500"),
        (" 12 \\", " 12 \\"),
        ("123456", "..."),
        ("5", "..."),
        ("", ""),
        (" \t", ""),
        (" \\", "\\"),
        ("\\ ", "..."),
    ],
)
def test_of_other_lines_only_their_kind_is_kept(line: str, shown: str) -> None:
    assert kept_lines(line, keep) == shown
    assert kept_lines(f"a\r\n{line}\rb\0\n", keep) == f"...\r\n{shown}\r...\0\n"


@pytest.mark.parametrize(
    ("line", "expected"), [("a\\", True), ("a\\\\", False), ("\\\\\\", True), ("a", False), ("", False)], ids=ascii
)
def test_a_line_goes_on_behind_an_odd_number_of_backslashes(line: str, expected: bool) -> None:
    assert goes_on(line) is expected


@pytest.mark.parametrize("grep", GREPS)
def test_what_grep_finds_is_kept_as_the_text_itself(grep: str, tmp_path: Path) -> None:
    """Of bytes that are not ASCII nothing is lost to it, so that it is known whether they are UTF-8."""
    chance = random.Random(7)
    lines = ["".join(chance.choices(PIECES, k=chance.randint(0, 5))) for _unused in range(3000)]
    path = tmp_path / "text"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    printed, found = pieces_of(GREPS[grep], shell_pattern(["Key[[:blank:]]*=.*"]), path)

    def kept(line: str) -> str:
        return kept_lines(line, lambda line: keep(line) if "=" in line else None)

    seen = {line: kept(rejoined(found.get(number, ()))) for number, line in enumerate(lines, 1)}
    assert {line: found for line, found in seen.items() if found != kept(line)} == {}
    assert b"word" not in b"".join(each for each in printed.splitlines() if b"Key" not in each)
