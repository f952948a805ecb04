# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.fixtures.oom_logs.reading import LOGS, PLAIN, PREFIXES, messages, name_of, shown, text_of

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import recognised_lines
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.prefilter import is_noise

MESSAGES = sorted({message for name in PLAIN for message in messages(name)})
PIECES = sorted({piece for line in MESSAGES for piece in re.split(r"(?<=[ :=,(\[)\];])", line) if piece})
FRONTS = sorted({PREFIXES[style](7) for style in PREFIXES})
FOREIGN = "usb 1-1: new high-speed USB device number 4 using xhci_hcd"


def says_nothing(raw: str) -> bool:
    """What a full reading finds: a line of its own (not the rest of another), with nothing of the OOM killer in it."""
    line = read_line(raw)
    return line.prefixed and line.sequence is None and recognised_lines._recognised_in_line(line, raw) == []


@pytest.mark.parametrize("path", LOGS, ids=name_of)
def test_what_is_passed_over_says_nothing(path: Path) -> None:
    lines = text_of(path).split("\n")
    assert [line for line in lines if is_noise(line) and not says_nothing(line)] == []


@settings(max_examples=1000, derandomize=True, database=None)
@given(
    st.lists(st.sampled_from(FRONTS), min_size=1, max_size=3).map("".join),
    st.one_of(
        st.sampled_from(MESSAGES),
        st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
        st.text(st.characters(), max_size=60),
    ),
    st.sampled_from(["", "\n", "\r\n", " "]),
)
@example("2026-11-23T02:01:29.000000001Z stdout F [ 1000.000000] ", "[  410]     0   410      533  52   0  -17 a", "")
@example("Nov  3 02:01:00 kernel: ", "[  410]     0   410      533       52   0     -17         -1000 udevd", "")
@example("[ 1000.000000] device kernel: ", "anon 4096", "\n")
@example("[ 1000.000000] ", "usb\nactive_anon:1 inactive_anon:2", "")
@example("Nov 23 02:01:29 2026 kern.err kernel: ", FOREIGN, "")
@example("Nov  3 02:01:00 h kernel: <4>", "active_anon:1 inactive_anon:2", "")
@example("Nov  3 02:01:00 h kernel: kern  :warn  : ", "[  410]     0   410      533       52   0     -17 a", "")
def test_no_line_that_says_something_is_passed_over(front: str, message: str, end: str) -> None:
    raw = front + message + end
    assert not is_noise(raw) or says_nothing(raw)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("style", PREFIXES)
def test_a_log_says_the_same_without_passing_over(monkeypatch: pytest.MonkeyPatch, style: str, name: str) -> None:
    """Behind what is passed over there may be the rest of a line: it belongs to the one before it."""
    mixed = [line for message in messages(name) for line in (FOREIGN, message)]
    lines = [line for raw in shown(style, mixed) for line in (raw, "  " + raw[-30:])]
    found = parse(lines)
    monkeypatch.setattr(recognised_lines, "is_noise", lambda raw: False)
    assert found == parse(lines)


def test_what_a_line_begins_belongs_to_whoever_wrote_it() -> None:
    """Also where that line itself was passed over."""
    kill = "  Out of memory: Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    kernel = "Nov 23 02:01:29 device kernel: " + FOREIGN
    program = "Nov 23 02:01:30 device sshd[714]: Accepted publickey for root"
    read_in_full = "Nov 23 02:01:31 device kernel: 64 pages of it"
    assert [len(parse([*lines, kill]).events) for lines in ([program, kernel], [kernel, program])] == [1, 0]
    assert len(parse([program, read_in_full, kill]).events) == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("[ 1000.000000] " + FOREIGN, True),
        ("[ 1000.000000] device kernel: " + FOREIGN, True),
        ("Nov 23 02:01:29 device kernel: [ 1000.000000] " + FOREIGN, True),
        ("2026-11-23T02:01:29.123456+01:00 device kernel: " + FOREIGN, True),
        ("2026-11-23T02:01:29+0100 device sshd[714]: Accepted publickey for root", True),
        ("2026-11-23T02:01:29+0100 device systemd[1]: a.service: killed", False),
        (FOREIGN, False),
        ("  [ 1000.000000] " + FOREIGN, False),
        ("6,5000,1000000,-;" + FOREIGN, False),
        ("[ 1000.000000] Out of memory: Killed process 7 (a)", False),
        ("[ 1000.000000] [  410]     0   410      533       52   0     -17         -1000 udevd", False),
        ("", False),
    ],
)
def test_most_lines_of_most_logs_are_passed_over(raw: str, expected: bool) -> None:
    assert is_noise(raw) is expected
