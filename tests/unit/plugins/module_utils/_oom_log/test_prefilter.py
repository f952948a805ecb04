# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.fixtures.oom_logs.reading import LOGS, PLAIN, PREFIXES, messages, name_of, shown, text_of

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import recognised_lines
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.prefilter import is_noise, worth_reading

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
@example("[ 1000.000000] c1     60 ", "[  410]     0   410      533       52   0     -17 a", "")
@example("[ 1000.000000] (4)[1:init]", "[  410]     0   410      533       52   0     -17 a", "")
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


NOISE = [
    f"Nov 23 02:01:29 device sshd[{n}]: Accepted publickey for admin from 10.0.0.1 port 4 ssh2" for n in range(3000)
]
REPORT = shown("syslog", messages(PLAIN[0]))


@pytest.mark.parametrize("before", [0, 70, 1000, 2999])
@pytest.mark.parametrize("form", ["text", "lines", "file"])
def test_blocks_without_a_word_of_it_are_passed_over(form: str, before: int) -> None:
    lines = [*NOISE[:before], *REPORT, *NOISE[before:]]
    text = "\n".join(lines)
    log = {"text": text, "lines": lines, "file": io.StringIO(text)}[form]
    found = parse(log)
    log = {"text": text, "lines": lines, "file": io.StringIO(text)}[form]
    left = list(worth_reading(log))
    assert found == parse(REPORT)
    assert len(left) < 1000
    assert set(left) <= {*lines, ""}


def test_all_that_is_worth_reading_is_there_with_its_neighbours() -> None:
    texts = ("Killed process 7 (a)", "oom-kill", "LowMemoryKiller", "killed due to memory", "Linux version 6.1")
    others = ("[  410]     0   410      533", '{"MESSAGE":[79,111]}', "VM: killing process x", "__vm_enough_memory: x")
    for text in texts + others:
        lines = [*NOISE[:1500], text, *NOISE[1500:]]
        left = list(worth_reading([lines[0] + " {", *lines[1:]]))
        place = left.index(text)
        assert left[place - 60 : place] == NOISE[1440:1500], text
        assert left[place + 1 : place + 60] == NOISE[1500:1559], text


def test_a_gap_shows_its_last_line_and_is_none_in_the_numbers_of_kmsg() -> None:
    lines = [f"6,{n},{n},-;usb 1-1: new device" for n in range(3000)]
    header, kill = "6,1,1,-;x invoked oom-killer: gfp_mask=0x0,", "Out of memory: Killed process 7 (a) total-vm:8kB"
    found = parse([header, *lines[2:], "6,3000,3000,-;" + kill])
    assert [event.lost_lines for event in found.events] == [0]
    left = list(worth_reading([header, *lines[2:], "6,3000,3000,-;" + kill]))
    assert "" in left
    assert len(left) < 300
    lines[2900] = "6,2895,2895,-;usb"
    assert parse(lines[:2000] + lines[2100:]).events == ()


def test_common_words_alone_make_no_block_worth_reading() -> None:
    lines = [*NOISE[:1000], "a.service: Main process exited, 5M memory peak", *NOISE[1000:]]
    assert len(list(worth_reading(lines))) < 200


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
