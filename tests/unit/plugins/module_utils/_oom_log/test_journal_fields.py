# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.journal_fields import read
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

ENTRY = "Mon 2026-11-23 02:01:29.000001 UTC [s=1;i=2;b=3;m=4;t=5;x=6]"


def texts(lines: Iterable[str]) -> list[Any]:
    lines = list(lines)
    return [raw if isinstance(raw, str) else (raw.text, raw.kernel) for raw in read(lines, iter(lines))]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["__CURSOR=1", "_TRANSPORT=kernel", "MESSAGE=a", "", "__CURSOR=2", "MESSAGE=b"], [("a", True), ("b", None)]),
        (["MESSAGE=a", "MESSAGE=b"], [("a", None), ("b", None)]),
        (["__CURSOR=1", "MESSAGE=a=b", "__CURSOR=2", "MESSAGE=c"], [("a=b", None), ("c", None)]),
        (["MESSAGE", "\x03" + "\0" * 7 + "a\nb", "_TRANSPORT=kernel"], [("a\nb", True)]),
        (["MESSAGE", "\x01" + "\0" * 7 + "a", "", "MESSAGE", "\x01" + "\0" * 7 + "b"], [("a", None), ("b", None)]),
        (["MESSAGE", "\x0a" + "\0" * 7 + "abcdefghij", "_TRANSPORT=kernel"], [("abcdefghij", True)]),
        (["MESSAGE", "\x09" + "\0" * 7 + "cut"], [("cut", None)]),
        ([ENTRY, "    MESSAGE=a", "    _TRANSPORT=kernel", ENTRY, "    MESSAGE=b"], [("a", True), ("b", None)]),
        (["MESSAGE=a", "[ 1.0] not a field", "MESSAGE=b"], ["[ 1.0] not a field", ("a", None), ("b", None)]),
        (["__CURSOR=1", "_CMDLINE=grep oom-kill", "", "MESSAGE=b"], ["grep oom-kill", ("b", None)]),
        (["[ 1.0] a", "A=b"], ["[ 1.0] a", "A=b"]),
    ],
)
def test_fields_make_lines(lines: list[str], expected: list[Any]) -> None:
    parts = [part for line in lines for part in line.split("\n")]
    assert texts(parts) == expected
    ended = (each.rstrip("\n") if isinstance(each, str) else each for each in texts(part + "\n" for part in parts))
    assert list(ended) == expected


def test_an_entry_begins_with_its_time() -> None:
    lines = [ENTRY, "    _HOSTNAME=h", "    MESSAGE=a"]
    (line,) = read(lines, iter(lines))
    assert isinstance(line, Line)
    assert (line.timestamp, line.host, line.text) == ("2026-11-23T02:01:29.000001+00:00", "h", "a")
