# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.massif import parse_massif
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import by_blame

FIXTURES = Path(__file__).parents[3] / "fixtures/profiles"
CAPTURE, MAPS = (FIXTURES / "massif.out").read_text(), (FIXTURES / "massif.maps").read_text()


def test_who_holds_the_heap_in_the_end() -> None:
    profile = parse_massif(CAPTURE, MAPS)
    sites = {(site.blamed.function or "").partition("(")[0]: site for site in by_blame(profile.sites)}
    cache, leak = sites["main"], sites["telemetry::remember"]
    assert (cache.bytes, cache.kind) == (6 << 20, "held")
    assert (leak.blamed.file, leak.blamed.line) == ("history.cpp", 14)
    # Told by the address alone: massif names no object beside a line.
    assert (leak.blamed.object or "").endswith("/libtelemetry.so.1")
    assert (cache.blamed.object or "").endswith("/telemetryd")
    assert profile.leaked_bytes is None and (profile.peak_bytes or 0) > cache.bytes + leak.bytes


def test_without_mappings_the_place_is_still_told() -> None:
    sites = by_blame(parse_massif(CAPTURE).sites)
    assert {site.blamed.object for site in sites if site.blamed.function == "main"} == {None}


def test_sites_add_up_to_the_root_of_their_tree() -> None:
    text = (
        "desc: x\ncmd: y\ntime_unit: ms\n#-----------\nsnapshot=0\n#-----------\ntime=0\nmem_heap_B=100\n"
        "mem_heap_extra_B=7\nmem_stacks_B=0\nheap_tree=peak\nn2: 100 (heap allocation functions) malloc/new/new[]\n"
        " n2: 90 0x10: f (a.c:1)\n  n0: 50 0x20: g (in /lib/g.so)\n  n0: 30 0x30: ???\n"
        " n0: 10 in 3 places, all below massif's threshold (1.00%)\n"
    )
    profile = parse_massif(text)
    assert [(site.bytes, [frame.function for frame in site.stack]) for site in profile.sites] == [
        (50, ["f", "g"]),
        (30, ["f", None]),
        (10, ["f"]),
    ]
    assert profile.peak_bytes == 107 and profile.sites[0].stack[1].object == "/lib/g.so"


def test_something_else_is_an_error() -> None:
    with pytest.raises(LifeboatError, match="expected the output of massif"):
        parse_massif("<?xml")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(CAPTURE)), st.text(max_size=30), st.integers(0, len(CAPTURE)))
def test_whatever_is_cut_or_put_in_is_read(end: int, foreign: str, start: int) -> None:
    profile = parse_massif("desc:" + CAPTURE[:end] + foreign + CAPTURE[start:], MAPS)
    assert all(site.stack and site.bytes > 0 for site in profile.sites)
