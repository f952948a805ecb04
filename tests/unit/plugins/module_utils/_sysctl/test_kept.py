# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from unit.grepped import pieces_of

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import rejoined, shell_pattern
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.kept import kept, kept_patterns
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import COMMENTED, HEADER
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SOURCES, SysctlFile, boot_writes

LINES = {
    "vm.overcommit_memory = 1": True,
    "vm/overcommit_memory=1": True,
    "-vm.overcommit_memory = 1": True,
    "-vm.overcommit_memory": True,
    "  vm.panic_on_oom\t=\t0x1 # why": True,
    "vm.* = 1": True,
    "-vm.over*": True,
    "*.panic = 5": True,
    "{vm,kernel}.pani[c] = 5": True,
    f"{COMMENTED}vm.overcommit_memory = 1": True,
    "# before lifeboat.oom: vm.overcommit_ratio = 50": True,
    HEADER.split("\n", maxsplit=1)[0]: True,
    "": False,
    "# vm.overcommit_memory = 1": False,
    "vm.dirty_ratio = 10": False,
    "kernel.panic_on_oops = 1": False,
    "kernel.core_pattern = |/bin/vm.panic_on_oom": False,
    "net.ipv6.conf.all.stable_secret = fd00::1": False,
    "net.ipv6.conf.*.stable_secret = fd00::1": False,
    "net.*.*.*.* = fd00::1": False,
    "kernel.*.secret = 5": False,
    f"{COMMENTED}net.ipv6.conf.all.stable_secret = fd00::1": False,
    "words": False,
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_line_that_touches_a_key_is_kept_and_no_other(line: str, expected: bool) -> None:
    assert (kept(line, "systemd", ALL_KEYS) == line) is (expected or line == "")


@pytest.mark.parametrize(
    "text",
    [
        "vm.{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}* = 1\n" * 2,
        COMMENTED + "vm." + "{a,b}" * 99,
        "vm.* = 1\n" * 1001,
    ],
    ids=["in a few lines", "in a line that does not count", "in many lines"],
)
def test_patterns_that_stand_for_too_much_are_not_spelled_out(text: str) -> None:
    with pytest.raises(TooMuch, match="names that patterns stand for: found 10"):
        kept(text, "systemd", ALL_KEYS)


@pytest.mark.parametrize("loader", SOURCES)
def test_what_is_kept_is_read_as_the_text_itself(loader: Loader) -> None:
    chance = random.Random(11)
    pieces = [*LINES, "vm.panic_on_oom =\\", "-20", "words \\", "\r", "1 \\", "# words \\", "\udcff", "12\0"]
    for _unused in range(500):
        lines = chance.choices(pieces, k=chance.randint(1, 6))
        text = "".join(line + chance.choice(["\n", "\n", "\n", "\r\n", ""]) for line in lines)
        files = [(SysctlFile(SOURCES[loader].last, each),) for each in (text, kept(text, loader, ALL_KEYS))]
        writes = [
            # A value that is no number may be another one that is none.
            [(write.key, write.line, re.match("[-0-9x]*", write.value)[0]) for write in found]  # type: ignore[index]
            for found in (boot_writes(file, loader, ALL_KEYS) for file in files)
        ]
        assert writes[0] == writes[1], text


def test_a_shell_finds_all_that_is_kept_and_little_else(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("\n".join(LINES))
    _printed, found = pieces_of(["grep"], shell_pattern(kept_patterns(ALL_KEYS)), path)
    for number, (line, expected) in enumerate(LINES.items(), 1):
        said = rejoined(found.get(number, ()))
        assert (said == line) is (expected or line == ""), line
        assert kept(said, "systemd", ALL_KEYS) == kept(line, "systemd", ALL_KEYS)
