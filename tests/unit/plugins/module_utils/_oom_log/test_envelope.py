# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two whole reports in every form: behind each prefix, in each structure, and as terminals of all widths break those.

A sample of the widths is tried in each run, all of them with ALL_ENVELOPES=1 in the environment, which takes an hour.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from unit.fixtures.oom_logs.envelopes import FORMS, NOT_IN_A_TERMINAL, STRUCTURED, WIDTHS, cut, formed
from unit.fixtures.oom_logs.reading import PLAIN, PREFIXES, messages, shown

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.envelope import opened
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse

REPORTS = ("captured/6.1-global/dmesg", "composed/2.6.32-el6-cgroup-dmesg")
ALL = bool(os.environ.get("ALL_ENVELOPES"))


def told(text: str) -> dict[str, Any]:
    """What a log says, but for what a form may not tell: the times, and whether lines are missing."""
    log = parse(text).as_dict()
    for event in log["events"]:
        for name in ("timestamp", "uptime_seconds", "lost_lines"):
            event.pop(name)
    return log


PLAINLY = {name: told("\n".join(messages(name))) for name in PLAIN}


def test_there_are_forms_enough() -> None:
    assert len(FORMS) >= 60


@pytest.mark.parametrize("name", PLAIN if ALL else REPORTS)
@pytest.mark.parametrize("form", STRUCTURED)
def test_a_report_is_the_same_in_every_structure(form: str, name: str) -> None:
    assert told(formed(form, messages(name))) == PLAINLY[name]


@pytest.mark.parametrize("form", [form for form in FORMS if form not in NOT_IN_A_TERMINAL])
def test_a_report_is_the_same_in_a_terminal_of_any_width(form: str) -> None:
    chance = random.Random(form)
    for name in PLAIN if ALL else [chance.choice(REPORTS)]:
        text = formed(form, messages(name))
        for columns in WIDTHS if ALL else [chance.choice(WIDTHS)]:
            assert told(cut(text, columns)) == PLAINLY[name], (name, columns)


@pytest.mark.parametrize("form", STRUCTURED)
def test_a_form_tells_what_the_prefix_told(form: str) -> None:
    """Times and hosts, as far as the form has them; the first record is as good as the others."""
    (event,) = parse(formed(form, messages(REPORTS[1]))).events
    if "journal" in form or "json" in form.split(" ") or form in ("dmesg --json", "json-file of an engine", "a page"):
        assert form in ("one field of a journal", "journal verbose") or event.uptime_seconds is not None
    timeless = ("one field of a journal", "dmesg --json", "a list on one line", "a page", "quoted-printable")
    assert (event.timestamp is None) is (form in timeless) or "engine's lines" in form


@pytest.mark.parametrize("form", FORMS)
def test_one_line_alone_is_a_kill_in_every_form(form: str) -> None:
    message = "Memory cgroup out of memory: Killed process 10 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    (event,) = parse(formed(form, [message])).events
    (victim,) = event.victims
    assert (event.scope, victim.pid, victim.comm, victim.total_vm_kib) == ("cgroup", 10, "x", 8)


@pytest.mark.parametrize(
    "message",
    [
        "Out of memory: Killed process 7 (<b>) total-vm:8kB, anon-rss:4kB",
        "Out of memory: Killed process 7 (&lt;br&gt;) total-vm:8kB, anon-rss:4kB",
        "Out of memory: Killed process 7 (a=3D0) total-vm:8kB, anon-rss:4kB",
        'Out of memory: Killed process 7 ({"a":) total-vm:8kB, anon-rss:4kB',
    ],
)
@pytest.mark.parametrize("style", ["nothing", "dmesg", "syslog"])
def test_a_name_makes_no_envelope(style: str, message: str) -> None:
    (event,) = parse(shown(style, ["x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0", message])).events
    assert [victim.comm for victim in event.victims] == [message.partition("7 (")[2].partition(") total")[0]]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a=3D1", "b=", "c=3D=C3=A9"], ["a=1", "bc=\u00e9"]),
        (["Content-Transfer-Encoding: quoted-printable", "x=1y; z=3D2", "z=3D2"],
         ["Content-Transfer-Encoding: quoted-printable", "x=1y; z=3D2", "z=2"]),
        (["gfp_mask=0x0, order=10", "x=3D0"], ["gfp_mask=0x0, order=10", "x=3D0"]),
        (["<p>a&nbsp;&gt; <b>b</b><br>c</p>", "[<c011e49c>] <IRQ>"], ["", "a > b", "c", "", "[<c011e49c>] <IRQ>"]),
        (["[<c011e49c>] <IRQ>", "a & b"], ["[<c011e49c>] <IRQ>", "a & b"]),
        (["<table><tr><td>a</td><td>b</td></tr></table>"], ["", " a  b ", ""]),
    ],
)  # fmt: skip
def test_mails_and_pages(lines: list[str], expected: list[str]) -> None:
    found = [raw for raw in opened(lines) if raw or "" in expected]
    assert found == expected


def test_every_prefix_is_told_apart_from_none() -> None:
    assert set(PREFIXES) < set(FORMS)
