# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every log, however broken. The examples are the same in each run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.fixtures.oom_logs.reading import LOGS, PLAIN, PREFIXES, messages, shown, text_of

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import MAX_LINE_CHARS
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse

fuzzed = settings(max_examples=400, deadline=None, derandomize=True, database=None)

TEXTS = [text_of(path) for path in LOGS]
LINES = sorted({line for text in TEXTS for line in text.split("\n")})
FRAGMENTS = sorted(
    {piece for line in LINES for piece in re.split(r"(?<=[ :=,(\[)\];])", line) if piece}
    | set("[](){}<>|;:,=\\\x00\udcff")
)

any_text = st.text(st.characters(), max_size=300)
any_lines = st.lists(st.one_of(any_text, st.sampled_from(LINES)), max_size=40)
kernel_salad = st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join), max_size=30)


def check(lines: list[str]) -> None:
    """It does not raise, says the same each time, gives JSON, and makes up no process."""
    log = parse(lines)
    assert log == parse(lines)
    plain = log.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    for event in plain["events"]:
        assert event["kind"] in ("kill", "panic", "incomplete")
        assert event["kind"] != "kill" or event["victims"]
        pids = [victim["pid"] for victim in event["victims"]]
        assert len(set(pids)) == len(pids)
        for name, value in event["memory"].items():
            assert isinstance(value, int)
            assert name.endswith(("_pages", "_kib", "_bytes", "failcnt"))


@fuzzed
@given(any_lines)
def test_any_lines_can_be_read(lines: list[str]) -> None:
    check(lines)


@fuzzed
@given(kernel_salad)
def test_pieces_of_reports_in_any_order_can_be_read(lines: list[str]) -> None:
    check(lines)


@fuzzed
@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False))
def test_a_damaged_log_names_no_victim_that_the_whole_did_not(text: str, random: Any) -> None:
    """Lines lost, doubled, cut and moved about."""
    whole = {victim.pid for event in parse(text).events for victim in event.victims}
    named = whole | {int(pid) for pid in re.findall(r"[Kk]ill process (\d+) |pid=(\d+)", text) for pid in pid if pid}
    lines = [line for line in text.split("\n") if random.random() > 0.2]
    lines += [line[: random.randrange(len(line) + 1)] for line in lines if random.random() < 0.2]
    random.shuffle(lines)
    check(lines)
    assert {victim.pid for event in parse(lines).events for victim in event.victims} <= named


@fuzzed
@given(st.sampled_from(TEXTS), st.data())
def test_a_log_that_ends_early_has_fewer_victims_not_others(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    check(cut.split("\n"))
    for event in parse(cut).events:
        if event.kind == "kill":
            whole = {victim.pid for event in parse(text).events for victim in event.victims}
            assert {victim.pid for victim in event.victims} <= whole


@fuzzed
@given(st.sampled_from(PLAIN), st.sampled_from(sorted(PREFIXES)), st.randoms(use_true_random=False))
def test_victims_are_found_between_the_lines_of_others(name: str, style: str, random: Any) -> None:
    """Other messages of the kernel and of programs stand between those of the report."""
    lines = messages(name)
    others = ["usb 1-1: new high-speed USB device number 4 using xhci_hcd", "br0: port 2(veth1) entered disabled state"]
    mixed = [
        line for message in lines for line in ([random.choice(others)] if random.random() < 0.3 else []) + [message]
    ]
    found, plain = parse(shown(style, mixed)), parse(lines)
    assert [event.victims for event in found.events] == [event.victims for event in plain.events]
    assert [event.tasks for event in found.events] == [event.tasks for event in plain.events]


def _calls(work: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called in doing something."""
    count = 0

    def tally(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", PLAIN)
def test_twice_the_log_is_at_most_twice_the_work(name: str) -> None:
    for lines in (messages(name) * 10, list(reversed(messages(name) * 10)), [messages(name)[-1]] * 500):
        once, twice = _calls(lambda lines=lines: parse(lines)), _calls(lambda lines=lines: parse(lines * 2))  # type: ignore[misc]
        assert twice <= 2.2 * once


@pytest.mark.parametrize(
    ("start", "again"),
    [
        ("", "["),
        ("", "a| "),
        ("Killed process 1 (a", ") ("),
        ("Killed process 1 (a) ", "total-vm:"),
        ("oom-kill:constraint=X", ",task=a,pid=1"),
        ("oom-kill:constraint=X", ",oom_memcg=/,task_memcg=/"),
        ("a invoked oom-killer: ", "gfp_mask=0x1("),
        ("Memory cgroup stats for /", ": a"),
        ("Task in /", " killed as a result of limit of /"),
        ("[ 1] ", "1 "),
        ("[ pid ] ", "a "),
        ("", "free:1 "),
        ("", "Out of memory: "),
        ("Nov 23 02:01:29 ", "kern.err "),
        ("6,1,1,-;", "\\x0a"),
        ("[ 1.000000] out of memory", "[ 1.000000] "),
        ("", "\udc80"),
        ("", "\x1b[0m"),
        ("", "** 1 printk messages dropped ** "),
    ],
)
def test_lines_made_to_be_slow_are_read_in_bounded_work(start: str, again: str) -> None:
    """A megabyte of one line is no more work than the part that is looked at; many of them end at all."""
    line = start + again * (2**20 // len(again))
    assert parse([line]) == parse([line[:MAX_LINE_CHARS]])
    check([line[:MAX_LINE_CHARS]] * 50)
