# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import (
    CAP_SYS_RESOURCE,
    Shares,
    has_capability,
    is_sys_admin,
    parse_cgroup,
    parse_shares,
    parse_stat,
    parse_status,
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


ROLLUP = captured("smaps_rollup")
# What the first kernels with the file (4.14) print of it, which is less.
PARTS = "Pss:                 304 kB\nPrivate_Clean:        40 kB\nPrivate_Dirty:       112 kB\n"


def test_shares_are_read_from_the_kernel() -> None:
    assert parse_shares(ROLLUP) == Shares(191, 108)
    each = parse_shares(captured("smaps"))
    assert each is not None and each.uss_kib == 108
    # The kernel cuts the part of a KiB off for each mapping in smaps, and once in smaps_rollup.
    assert 191 - captured("smaps").count("VmFlags") < each.pss_kib <= 191


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        (PARTS, Shares(304, 152)),
        (PARTS + "Private_Hugetlb:    2048 kB\n", Shares(304, 2200)),
        (PARTS + "Pss_Dirty: 5 kB\nSwapPss: 7 kB\nShared_Clean: 9 kB\nSharedPrivate_Dirty: 9 kB\n", Shares(304, 152)),
        ("".join(reversed(PARTS.splitlines(True))), Shares(304, 152)),
        ("5629f00fb000-7ffccd5a2000 r--p 00000000 fe:00 7   /x\\012Pss: 9 kB\n" + PARTS + PARTS, Shares(608, 304)),
        (PARTS.replace("304", str(2**64)), Shares(2**64, 152)),
        (PARTS.replace("304", "0").replace("40", "0").replace("112", "0"), Shares(0, 0)),
        (PARTS.replace("304", "many"), None),
        (PARTS.replace("304", "-5"), None),
        (PARTS[: PARTS.index("Private_Dirty")], None),
        (PARTS[:-4], None),
        (PARTS.replace("Pss", "pss"), None),
        ("Rss:                1696 kB\n", None),
        ("\udcff\x00<b>", None),
        ("", None),
    ],
    ids=[
        *["4.14", "huge pages", "other names", "reordered", "two mappings, hostile name", "overflow", "nothing"],
        *["no number", "negative", "truncated", "truncated line", "no PSS", "only RSS", "hostile", "kernel thread"],
    ],
)
def test_shares_are_all_there_or_none(text: str, shares: Shares | None) -> None:
    assert parse_shares(text) == shares


@given(
    st.lists(st.sampled_from(["Pss:", "Private_Clean:", "Private_Dirty:", " ", "5", " kB", "\n", "\u0664", "\udcff"]))
)
def test_any_shares_are_taken(parts: list[str]) -> None:
    parse_shares("".join(parts))


def test_capabilities_are_read_from_the_kernel() -> None:
    """Those of root in a sandbox without CAP_SYS_RESOURCE."""
    assert is_sys_admin(captured("status"))
    assert not has_capability(captured("status"), CAP_SYS_RESOURCE)


@pytest.mark.parametrize(
    ("line", "admin", "resource"),
    [
        ("CapEff:\t000001ffffffffff\n", True, True),
        ("CapEff:\t0000000000200000\n", True, False),
        ("CapEff:\t0000000001000000\n", False, True),
        ("CapEff:\tfffffeff\n", True, True),
        ("CapEff:\t0000000000000000\n", False, False),
        ("CapEff:\t0\n", False, False),
        ("CapPrm:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n", False, False),
        ("Name:\tx\\nCapEff:\t000001ffffffffff\n", False, False),
        (" CapEff:\t000001ffffffffff\n", False, False),
        ("CapEff:\tnone\n", False, False),
        ("CapEff:\t-1\n", False, False),
        ("CapEff:", False, False),
        ("\udcff\x00", False, False),
        ("", False, False),
    ],
    ids=[
        *["all", "CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", "32 bits (2.6.24)", "none", "short", "other sets"],
        *["hostile name", "not at the start", "word", "negative", "truncated", "other bytes", "empty"],
    ],
)
def test_only_what_is_effective_counts(line: str, admin: bool, resource: bool) -> None:
    assert (is_sys_admin(line), has_capability(line, CAP_SYS_RESOURCE)) == (admin, resource)
