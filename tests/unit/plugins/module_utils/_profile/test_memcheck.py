# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.memcheck import parse_memcheck
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import by_blame

CAPTURE = (Path(__file__).parents[3] / "fixtures/profiles/memcheck.xml").read_text()


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
    assert profile.leaked_bytes == sum(site.bytes for site in sites if site.kind != "reachable")


def test_a_process_that_was_killed_has_told_a_part() -> None:
    end = CAPTURE.index("</error>") + len("</error>") + 40
    profile = parse_memcheck(CAPTURE[:end])
    assert len(profile.sites) == 1 and not profile.complete


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
