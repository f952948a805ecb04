# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import (
    parse_cgroup,
    parse_stat,
    parse_status,
    unit_of,
)

# A process that has named itself "a) R 1<newline>(<0xff>".
CAPTURE = pathlib.Path(__file__).parent / "captures" / "x86_64-linux-6.18"
# Fields 3 to 22 of proc(5), and the first ones of the rest.
FIELDS = "S 1 100 100 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 281237 3133440 393"
USER = "/user.slice/user-1000.slice/user@1000.service"


def captured(name: str) -> str:
    return (CAPTURE / name).read_bytes().decode("utf-8", "surrogateescape")


def test_a_hostile_name_is_read_from_the_kernel() -> None:
    assert parse_stat(captured("stat")) == ("a) R 1\n(\udcff", 25915, 317654)


@given(comm=st.text(max_size=15), ppid=st.integers(0, 2**22), start=st.integers(0, 2**64 - 1))
def test_any_name_is_told_from_the_fields_behind_it(comm: str, ppid: int, start: int) -> None:
    fields = FIELDS.replace("S 1 ", f"S {ppid} ").replace("281237", str(start))
    assert parse_stat(f"7 ({comm}) {fields}\n") == (comm, ppid, start)


def test_a_line_may_end_with_the_start_time() -> None:
    assert parse_stat(f"7 (sh) {' '.join(FIELDS.split()[:20])}") == ("sh", 1, 281237)


@pytest.mark.parametrize(
    "text",
    [
        *["", "7 (sh)", "7 (sh", "7 sh) " + FIELDS, "7 )sh( " + FIELDS, f"7 (sh) {' '.join(FIELDS.split()[:19])}"],
        "7 (sh) " + FIELDS.replace("281237", "-1"),
        "7 (sh) " + FIELDS.replace("281237", "soon"),
        "7 (sh) " + FIELDS.replace("281237", "\u00b2"),
        "7 (sh) " + FIELDS.replace("S 1 ", "S -1 "),
        "7 (sh) " + FIELDS.replace("S 1 ", "S \u00b2 "),
    ],
    ids=[
        *["empty", "no fields", "truncated name", "no opening", "turned round", "truncated", "negative", "word"],
        *["superscript", "negative parent", "superscript for a parent"],
    ],
)
def test_what_is_no_stat_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(LifeboatError, match=r"^not a /proc/PID/stat line: '"):
        parse_stat(text)


def test_sizes_are_read_from_the_kernel() -> None:
    numbers = parse_status(captured("status"))
    assert numbers is not None
    wanted = {"Uid": 0, "VmRSS": 13888, "VmPTE": 72, "VmSwap": 0}
    assert {name: numbers.get(name) for name in wanted} == wanted
    assert numbers["RssAnon"] + numbers["RssFile"] + numbers["RssShmem"] == numbers["VmRSS"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Name:\tsh\nUid:\t33\t33\t33\t33\nVmRSS:\t    1740 kB\n", {"Uid": 33, "VmRSS": 1740}),
        ("VmRSS:\t1740 kB\nName:\tsh\n", {"VmRSS": 1740}),
        ("VmRSS:\t0 kB\n", {"VmRSS": 0}),
        ("VmRSS:\t18446744073709551615 kB\n", {"VmRSS": 2**64 - 1}),
        ("Name:\tkthreadd\nUid:\t0\t0\t0\t0\nThreads:\t1\n", None),
        ("Name:\tsh\nState:\tZ (zombie)\n", None),
        ("Name:\tVmRSS: 5\\nVmRSS: 6\n", None),
        ("VmRSS:\tmany kB\n", None),
        ("VmRS", None),
        ("", None),
    ],
    ids=[
        *["a process", "reordered", "no size", "overflow", "kernel thread", "zombie", "hostile name", "no number"],
        *["truncated", "empty"],
    ],
)
def test_a_process_without_memory_has_no_numbers(text: str, numbers: dict[str, int] | None) -> None:
    assert parse_status(text) == numbers


@pytest.mark.parametrize(
    ("text", "cgroup"),
    [
        ("0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("4:memory:/a\n1:name=systemd:/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("1:name=systemd:/system.slice/nginx.service\n0::/\n", "/system.slice/nginx.service"),
        ("0::/\n1:name=systemd:/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("1:name=systemd:/old\n0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("4:memory,cpu:/docker/1\n", None),
        ("0::/system.slice/a:b.service\n", "/system.slice/a:b.service"),
        ("0::/system.slice/\udcff\n", "/system.slice/\udcff"),
        ("0::/", "/"),
        ("0:", None),
        ("", None),
    ],
    ids=[
        *["v2", "v1", "hybrid", "hybrid, reordered", "both used", "v1 without systemd", "colon in a name"],
        *["other bytes", "root", "truncated", "empty"],
    ],
)
def test_the_cgroup_is_the_one_that_systemd_tracks(text: str, cgroup: str | None) -> None:
    assert parse_cgroup(text) == cgroup


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\r", "\x1c", "\x85", "\u2028"], ids=ascii)
def test_a_user_can_not_pass_for_a_service_by_the_name_of_a_cgroup(mark: str) -> None:
    """Whoever is delegated a cgroup may name its children; only a newline ends a line there (mkdir refuses it)."""
    own = f"{USER}/x{mark}0::/system.slice/sshd.service"
    assert parse_cgroup(f"0::{own}\n") == own


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/nginx.service/workers/one", "nginx.service"),
        (f"{USER}/app.slice/a.service", "a.service"),
        (f"{USER.rsplit('/', 1)[0]}/session-1.scope", "session-1.scope"),
        (r"/system.slice/dev-disk-by\x2dlabel-none.swap", r"dev-disk-by\x2dlabel-none.swap"),
        ("/system.slice/nginx.service (deleted)", None),
        ("/system.slice", None),
        ("/docker/5f0c", None),
        ("/", None),
        ("", None),
        (None, None),
    ],
    ids=[
        *["service", "below one", "of a user", "scope", "swap", "deleted", "slice", "no systemd", "root", "empty"],
        "none",
    ],
)
def test_the_unit_is_the_innermost_one(cgroup: str | None, unit: str | None) -> None:
    assert unit_of(cgroup) == unit
