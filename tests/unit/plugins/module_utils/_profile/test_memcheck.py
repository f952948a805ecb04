# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.memcheck import parse_memcheck
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import (
    INDIRECT,
    LOST,
    POSSIBLE,
    REACHABLE,
    by_blame,
)

FIXTURES = Path(__file__).parents[3] / "fixtures/profiles"
CAPTURE = (FIXTURES / "memcheck.xml").read_text()
MORE = FIXTURES / "memcheck"
KINDS = (LOST, INDIRECT, POSSIBLE, REACHABLE)
_SUMMARY = re.compile(r"^(.+): ([0-9,]+) bytes", re.MULTILINE)


def test_what_is_lost_and_what_can_be_reached() -> None:
    profile = parse_memcheck(CAPTURE)
    assert profile.complete and profile.peak_bytes is None
    sites = by_blame(profile.sites)
    lost = next(site for site in sites if site.kind == "lost")
    assert (lost.blamed.function or "").startswith("telemetry::remember(") and lost.blamed.line == 14
    assert lost.blamed.file == "/build/telemetry/history.cpp"
    assert (lost.blamed.object or "").endswith("/libtelemetry.so.1")
    cache = next(site for site in sites if site.blamed.function == "main")
    assert (cache.bytes, cache.kind) == (6 << 20, "reachable")
    assert profile.leaked_bytes == lost.bytes == 3571712


def test_a_process_that_was_killed_has_told_a_part() -> None:
    end = CAPTURE.index("</error>") + len("</error>") + 40
    profile = parse_memcheck(CAPTURE[:end])
    assert len(profile.sites) == 1 and not profile.complete


@pytest.mark.parametrize("name", ["all", "definite", "suggested", "suppressed", "looked"])
def test_the_sums_are_those_of_valgrinds_own_summary(name: str) -> None:
    """What hangs on a lost block is told with it, and once more in a record of its own where that is shown."""
    said = {what: int(size.replace(",", "")) for what, size in _SUMMARY.findall((MORE / f"{name}.txt").read_text())}
    expected = [said[f"{kind} lost"] for kind in ("definitely", "indirectly", "possibly")] + [said["still reachable"]]
    if name == "definite":  # shows that kind alone, with what hangs on it
        expected = [expected[0] + expected[1], 0, 0, 0]
    profile = parse_memcheck((MORE / f"{name}.xml").read_text())
    sums = [sum(site.bytes for site in profile.sites if site.kind == kind) for kind in KINDS]
    assert sums == expected and profile.leaked_bytes == sum(expected[:3]) and profile.complete


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<leakedbytes>510</leakedbytes>", "<leakedbytes>many</leakedbytes>"),
        ("Leak_DefinitelyLost", "Leak_OfAnotherKind"),
        ("<obj>", "<!-- --><obj>"),
        ("<fn>main</fn>", "<fn>main<fn>"),
        ("</error>", "</err"),
    ],
    ids=["no number", "an unknown kind", "markup", "not closed", "without an end"],
)
def test_a_record_that_cannot_be_read_is_missing(old: str, new: str) -> None:
    text = (MORE / "suggested.xml").read_text()
    found, whole = parse_memcheck(text.replace(old, new, 1)), parse_memcheck(text)
    assert not found.complete and 0 < len(found.sites) < len(whole.sites)


def test_every_cut_counts_whole_records_alone() -> None:
    text = (MORE / "suggested.xml").read_text()
    whole = parse_memcheck(text).sites
    for end in range(text.index("<error>"), len(text) - 20, 7):
        found = parse_memcheck(text[:end])
        assert not found.complete and found.sites == whole[: text.count("</error>", 0, end)]


def test_a_name_that_looks_like_the_end_of_a_record() -> None:
    text = (MORE / "suggested.xml").read_text().replace("fun:main", "obj:/x/</error><error>")
    assert parse_memcheck(text).leaked_bytes == 1379 and parse_memcheck(text).complete


def test_other_errors_are_no_leaks() -> None:
    other = "<error><kind>InvalidRead</kind><stack><frame><ip>0x1</ip></frame></stack></error>"
    assert parse_memcheck(f"<valgrindoutput>{other}</valgrindoutput>").sites == ()


@pytest.mark.parametrize(
    "chunk",
    [
        "<error><!DOCTYPE x [<!ENTITY a 'b'>]>&a;</error>",
        "<error>&nothing;</error>",
        "<error><kind>Leak_DefinitelyLost</kind></error>",
        "<error><kind>Leak_DefinitelyLost</kind><xwhat><leakedbytes>many</leakedbytes></xwhat><stack/></error>",
    ],
)
def test_what_valgrind_never_writes_is_left_out(chunk: str) -> None:
    assert parse_memcheck(f"<valgrindoutput>{chunk}</valgrindoutput>").sites == ()


def test_control_characters_in_a_name_do_no_harm() -> None:
    profile = parse_memcheck(CAPTURE.replace("telemetry::remember", "tele\x01\udc80metry::remember"))
    assert any("tele??metry" in (site.blamed.function or "") for site in profile.sites)


def test_something_else_is_an_error() -> None:
    with pytest.raises(LifeboatError, match="expected the XML of memcheck"):
        parse_memcheck("==1== Memcheck")


@settings(max_examples=100, deadline=None)
@given(st.integers(20, len(CAPTURE)), st.text(max_size=30), st.integers(0, len(CAPTURE)))
def test_whatever_is_cut_or_put_in_is_read(end: int, foreign: str, start: int) -> None:
    text = "<valgrindoutput>" + CAPTURE[:end] + foreign + CAPTURE[start:]
    assert all(site.stack for site in parse_memcheck(text).sites)
