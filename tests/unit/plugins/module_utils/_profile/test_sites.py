# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import Frame, Site, by_blame

LIBRARY_CODE = [
    "void std::__cxx11::basic_string<char>::_M_construct<char const*>(char const*, std::forward_iterator_tag)",
    "void std::__cxx11::basic_string<>::_M_construct<>(char const*, char const*)",
    "app::Record*& std::vector<>::emplace_back<>(app::Record*&&)",
    "app::Key const& std::max<app::Key>(app::Key const&, app::Key const&)",
    "std::_Function_handler<void* (int), app::f()::{lambda(int)#1}>::_M_invoke(std::_Any_data const&, int&&)",
    "void (*std::exchange<void (*)(int), void (*)(int)>(void (*&)(int), void (*&&)(int)))(int)",
    "decltype (app::f()) std::__invoke<app::X>(app::X&&)",
    "bool std::operator< <char>(std::basic_string<char> const&, std::basic_string<char> const&)",
    "std::__1::vector<app::X>::__push_back_slow_path(app::X&&)",
    "operator new(unsigned long)@@GLIBCXX_3.4",
    "app::Pool::operator new[](unsigned long)",
    "<alloc::vec::Vec<app::X> as core::clone::Clone>::clone",
    "_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$::clone::h0123456789abcdef",
    "alloc::raw_vec::RawVec<T,A>::grow_one",
    "_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner11finish_growCsduwmD7cSIQq_5gimli",
    "__rust_alloc",
    "__rdl_realloc",
    "_Unwind_RaiseException",
    "__cxa_allocate_exception",
    "__libc_malloc",
    "__GI___libc_malloc",
    "_int_malloc",
    "__GI___strdup",
    "malloc@plt",
    "realloc.part.0",
    "posix_memalign",
    "je_malloc",
]
OWN_CODE = [
    "std::shared_ptr<app::Record> app::make<app::Record>(int)",
    "std::string app::name<int>()",
    "app::Record::operator std::__cxx11::basic_string<char>() const",
    "app::operator<(std::string const&, app::Record const&)",
    "std::vector<int>& (anonymous namespace)::all<int>(int)",
    "app::run(std::string const&)::{lambda(std::string)#1}::operator()(std::string) const",
    "void (*app::pick<std::string>(std::string))(std::string)",
    "non-virtual thunk to app::X::f(std::string)",
    "core::Engine::start(int)",
    "alloc::Arena::grow(unsigned long)",
    "<app::X as core::clone::Clone>::clone",
    "_RNvCsbFYJioi4cCO_2rs8remember",
    "app::operator newsletter()",
    "my_malloc_all(int)",
    "standard",
    "std",
]
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
        *(Frame(name, object="/usr/bin/app") for name in LIBRARY_CODE),
        Frame("operator()", "std_function.h", 622, "/usr/bin/app"),
        Frame("alloc", "library/alloc/src/alloc.rs", 95, "/usr/bin/app"),
        Frame("do_alloc", "/rust/deps/hashbrown-0.16.1/src/raw/alloc.rs", 19, "/usr/bin/app"),
        Frame(None, object="/lib/x86_64-linux-gnu/ld-2.31.so"),
        Frame(None, object="/lib/libuClibc-1.0.31.so"),
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
        Frame("f", "list.h"),
        *(Frame(name, object="/usr/bin/app") for name in OWN_CODE),
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
