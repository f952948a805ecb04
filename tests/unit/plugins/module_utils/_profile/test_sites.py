# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import Frame, Site, by_blame

OURS = Frame("app::grow()", "/build/app.cpp", 5, "/usr/bin/app")


@pytest.mark.parametrize(
    "frame",
    [
        Frame("malloc", object="/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so"),
        Frame("operator new[](unsigned long)", object="/usr/bin/app"),
        Frame("allocate", "/usr/include/c++/12/bits/new_allocator.h", 137, "/usr/bin/app"),
        Frame("_M_allocate", "stl_vector.h", 378, "/usr/bin/app"),
        Frame("std::vector<>::push_back(int&&)", object="/usr/bin/app"),
        Frame(None, object="/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"),
        Frame("strdup", object="/lib/x86_64-linux-gnu/libc-2.31.so"),
        Frame("g_malloc0", object="/usr/lib/libglib-2.0.so.0"),
        Frame("xstrdup", "xmalloc.c", 9, "/usr/bin/app"),
        Frame("malloc", object="/lib/ld-musl-x86_64.so.1"),
        Frame("je_malloc", object="/usr/lib/libjemalloc.so.2"),
    ],
    ids=str,
)
def test_who_hands_out_memory_is_not_to_blame(frame: Frame) -> None:
    assert frame.is_machinery
    assert Site(1, 1, "grown", (frame, OURS)).blamed == OURS


@pytest.mark.parametrize(
    "frame",
    [
        OURS,
        Frame(None, object="/usr/bin/app"),
        Frame("standard::f()", object="/usr/lib/libcurl.so.4"),
        Frame("f", "list.c"),
    ],
    ids=str,
)
def test_who_asks_for_it_is(frame: Frame) -> None:
    assert not frame.is_machinery


def test_where_all_is_machinery_the_profiler_is_not_to_blame() -> None:
    own = Frame("malloc", object="/usr/libexec/valgrind/vgpreload_massif-amd64-linux.so")
    pool = Frame(None, object="/usr/lib/libstdc++.so.6")
    assert Site(1, 1, "held", (own, pool)).blamed == pool
    assert Site(1, 1, "held", (own,)).blamed == own


def test_sites_that_blame_one_place_are_one_the_largest_first() -> None:
    way, other = Frame("a()", object="/usr/bin/app"), Frame("b()", object="/usr/bin/app")
    sites = [
        Site(1, 2, "lost", (OURS, way)),
        Site(5, 3, "lost", (OURS, other)),
        Site(9, 1, "reachable", (OURS,)),
        Site(7, 1, "lost", (other,)),
    ]
    merged = by_blame(sites)
    assert [(site.bytes, site.calls, site.kind) for site in merged] == [
        (9, 1, "reachable"),
        (7, 1, "lost"),
        (6, 5, "lost"),
    ]
    assert merged[2].stack == (OURS, other)
