# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
from unit.fake_host import FakeHost
from unit.samples import process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import (
    read_process,
    read_processes,
    with_shares,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process

KERNEL_THREAD = "Name:\tkthreadd\nUid:\t0\t0\t0\t0\nThreads:\t1\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path)
    found.has_folder("/proc")
    return found


def pids(host: Host) -> list[int]:
    return [found.pid for found in read_processes(host)[0]]


def test_a_process_is_read_as_the_kernel_shows_it(host: FakeHost) -> None:
    host.has_process(7, comm="a) R 1\n(\udcff", oom_score_adj="-500\n")
    assert read_process(host, 7) == Process(
        pid=7,
        ppid=1,
        start_ticks=5007,
        comm="a) R 1\n(\udcff",
        uid=33,
        cgroup="/system.slice/nginx.service",
        unit="nginx.service",
        memory_cgroup="/system.slice/nginx.service",
        sys_admin=False,
        rss_kib=1740,
        rss_anon_kib=116,
        rss_file_kib=1600,
        rss_shmem_kib=24,
        swap_kib=12,
        pgtables_kib=48,
        oom_score=667,
        oom_score_adj=-500,
    )


def test_middle_directories_are_page_tables_too(host: FakeHost) -> None:
    """They are counted apart in 4.0 to 4.14."""
    host.has_process(7, status="VmRSS:\t1740 kB\nVmPTE:\t48 kB\nVmPMD:\t12 kB\nVmSwap:\t0 kB\n")
    found = read_process(host, 7)
    assert found is not None and found.pgtables_kib == 60


def test_what_an_old_kernel_does_not_show_is_none(host: FakeHost) -> None:
    host.has_process(7, status="Name:\tsh\nUid:\t0\t0\t0\t0\nVmRSS:\t1740 kB\n")
    (Path(host.root) / "proc/7/oom_score").unlink()
    found = read_process(host, 7)
    assert found is not None
    assert found.rss_anon_kib is found.rss_file_kib is found.rss_shmem_kib is found.oom_score is None


@pytest.mark.parametrize(
    ("cgroup", "tracked", "memory", "unit"),
    [
        ("0::/a.service/b\n", "/a.service/b", "/a.service/b", "a.service"),
        ("4:memory:/docker/1\n1:name=systemd:/a.service\n0::/\n", "/a.service", "/docker/1", "a.service"),
        ("4:memory:/docker/1\n", None, "/docker/1", None),
        ("1:name=systemd:/a.service\n", "/a.service", None, "a.service"),
        ("", None, None, None),
        (None, None, None, None),
    ],
    ids=["v2", "hybrid", "no systemd", "no controller", "empty", "kernel without groups"],
)
def test_the_groups_of_a_process_are_told_apart(
    host: FakeHost, cgroup: str | None, tracked: str | None, memory: str | None, unit: str | None
) -> None:
    host.has_process(7, cgroup=cgroup or "")
    if cgroup is None:
        (Path(host.root) / "proc/7/cgroup").unlink()
    found = read_process(host, 7)
    assert found is not None
    assert (found.cgroup, found.memory_cgroup, found.unit) == (tracked, memory, unit)


def test_a_process_with_rights_is_known(host: FakeHost) -> None:
    status = "Uid:\t0\t0\t0\t0\nVmRSS:\t1740 kB\nCapEff:\t000001ffffffffff\n"
    host.has_process(7, status=status, stat=f"7 (sh) S 4242 {'0 ' * 17} 5007 0\n")
    found = read_process(host, 7)
    assert found is not None
    assert (found.uid, found.sys_admin, found.ppid, found.start_ticks) == (0, True, 4242, 5007)


def test_the_table_is_sorted_by_pid_and_holds_only_processes_with_memory(host: FakeHost) -> None:
    for pid in (10, 9, 4194304):
        host.has_process(pid)
    host.has_process(2, status=KERNEL_THREAD)
    host.has("/proc/meminfo", "MemTotal: 5 kB\n")
    host.has_folder("/proc/sys")
    host.has_folder("/proc/\u00b2")
    assert pids(host) == [9, 10, 4194304]
    assert read_processes(host)[1] == ()


def test_no_table_is_no_process(host: FakeHost) -> None:
    assert read_processes(host) == ((), ())


@pytest.mark.parametrize("gone", ["status", "stat", "oom_score_adj", ""])
def test_a_process_that_ends_meanwhile_is_left_out(host: FakeHost, gone: str) -> None:
    host.has_process(7)
    host.has_process(8)
    folder = Path(host.root) / "proc/8"
    if gone:
        (folder / gone).unlink()
    else:
        shutil.rmtree(folder)
    with pytest.raises(Missing):
        read_process(host, 8)
    assert pids(host) == [7]
    assert read_processes(host)[1] == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stat", "8 (ngi"),
        ("stat", ""),
        ("oom_score_adj", ""),
        ("oom_score_adj", "none\n"),
        ("oom_score_adj", "\u00b2\n"),
        ("oom_score", "\udcff"),
    ],
    ids=["truncated stat", "empty stat", "empty score", "no number", "superscript", "other bytes"],
)
def test_one_unreadable_process_does_not_hide_the_others(host: FakeHost, name: str, text: str) -> None:
    host.has_process(7)
    host.has_process(8, **{name: text})
    found, failures = read_processes(host)
    assert [each.pid for each in found] == [7]
    assert [str(failure) for failure in failures if "/proc/8" in failure.path] != []


def test_who_looks_is_not_seen(host: FakeHost) -> None:
    host.has_process(7)
    host.has_process(*host.own_pids)
    assert pids(host) == [7]


def test_this_machine_is_read() -> None:
    own = read_process(Host(), os.getpid())
    assert own is not None
    assert own.uid == os.getuid()
    assert own.rss_kib > 1000
    assert own.oom_score_adj == int(Path("/proc/self/oom_score_adj").read_text(encoding="utf-8"))
    found = pids(Host())
    assert os.getppid() in found
    assert os.getpid() not in found


def by_psutil() -> dict[psutil.Process, dict[str, Any]]:
    """Every process that has memory; two with one pid are told apart."""
    found = {each: each.info for each in psutil.process_iter(["ppid", "uids", "name", "memory_info"])}
    return {each: info for each, info in found.items() if info["memory_info"] and info["memory_info"].rss}


def test_this_machine_has_the_processes_that_psutil_finds() -> None:
    before = by_psutil()
    ours = {each.pid: each for each in read_processes(Host())[0]}
    after = by_psutil()
    stayed = {each.pid: each for each in before.keys() & after.keys() if each.pid != os.getpid()}
    assert stayed.keys() <= ours.keys()
    # One may have begun and ended between the two.
    unknown = ours.keys() - {each.pid for each in {**before, **after}}
    assert unknown.isdisjoint(pids(Host()))
    calm = {pid: before[each] for pid, each in stayed.items() if before[each] == after[each]}
    assert os.getppid() in ours and calm
    for pid, told in calm.items():
        found = ours[pid]
        assert (found.ppid, found.uid) == (told["ppid"], told["uids"].real)
        assert found.rss_kib == pytest.approx(told["memory_info"].rss // 1024, rel=0.02, abs=256)
        # psutil makes a name that the kernel has cut whole again.
        assert told["name"][: len(found.comm)] == found.comm


ROLLUP = (
    "1000-2000 ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss:  {} kB\nPrivate_Clean:  1 kB\nPrivate_Dirty:  {} kB\n"
)


def shares(host: FakeHost, most: int, **sizes: int) -> tuple[dict[str, tuple[int | None, int | None]], list[str]]:
    """PSS and USS of processes by name, whose sizes are I(sizes), and what could not be read."""
    table = [process(pid, comm=name, rss_kib=size, swap_kib=0) for pid, (name, size) in enumerate(sizes.items(), 10)]
    found, failures = with_shares(host, table, most)
    assert [each.comm for each in found] == list(sizes)
    assert [each.rss_kib for each in found] == list(sizes.values())
    return {each.comm: (each.pss_kib, each.uss_kib) for each in found}, [failure.path for failure in failures]


@pytest.fixture
def measured(host: FakeHost) -> FakeHost:
    for pid in (10, 11, 12):
        host.has_process(pid, smaps_rollup=ROLLUP.format(pid * 100, pid))
    return host


@pytest.mark.parametrize(
    ("most", "names"),
    [(10, "abc"), (3, "abc"), (2, "bc"), (1, "b"), (0, "")],
    ids=["more than there are", "all", "two", "one", "none"],
)
def test_only_the_largest_are_measured(measured: FakeHost, most: int, names: str) -> None:
    everything = {"a": (1000, 11), "b": (1100, 12), "c": (1200, 13)}
    found, failures = shares(measured, most, a=5, b=9, c=7)
    assert found == {name: share if name in names else (None, None) for name, share in everything.items()}
    assert failures == []


def test_what_is_swapped_out_counts_for_the_size(measured: FakeHost) -> None:
    table = [process(10, rss_kib=50, swap_kib=0), process(11, rss_kib=10, swap_kib=100)]
    found, _unused = with_shares(measured, table, 1)
    assert [each.pss_kib for each in found] == [None, 1100]


def test_of_equals_the_first_is_measured(measured: FakeHost) -> None:
    assert shares(measured, 1, a=5, b=5, c=5)[0]["a"] == (1000, 11)


def test_no_process_has_no_shares(host: FakeHost) -> None:
    assert with_shares(host, [], 10) == ((), ())


def test_what_may_not_be_measured_is_named_and_the_rest_is_there(measured: FakeHost) -> None:
    path = "/proc/11/smaps_rollup"
    measured.failing["read", path] = ReadOnly(f"cannot read {path}: Permission denied", path)
    measured.failing["open", "/proc/12"] = HostError("cannot open /proc/12: Too many open files", "/proc/12")
    found, failures = shares(measured, 10, a=1, b=2, c=3)
    assert found == {"a": (1000, 11), "b": (None, None), "c": (None, None)}
    assert failures == [path, "/proc/12"]


@pytest.mark.parametrize("text", [None, "", "Rss: 9 kB\n", "Pss: many kB\n", "\udcff\x00"], ids=ascii)
def test_a_process_that_has_ended_or_tells_nothing_has_none(measured: FakeHost, text: str | None) -> None:
    path = Path(measured.root) / "proc/11/smaps_rollup"
    if text is None:
        path.unlink()
    else:
        measured.has("/proc/11/smaps_rollup", text)
    found, failures = shares(measured, 10, a=1, b=2)
    assert (found, failures) == ({"a": (1000, 11), "b": (None, None)}, [])
    shutil.rmtree(path.parent)
    assert shares(measured, 10, a=1, b=2) == ({"a": (1000, 11), "b": (None, None)}, [])


def test_what_a_library_tells_comes_first(measured: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "memory_shares", lambda pid: (7, 5) if pid == 11 else None)
    assert shares(measured, 10, a=1, b=2)[0] == {"a": (1000, 11), "b": (7, 5)}


def test_the_shares_of_this_machine_are_parts_of_the_sizes() -> None:
    found, failures = with_shares(Host(), read_processes(Host())[0], 5)
    measured = [each for each in found if each.pss_kib is not None and each.uss_kib is not None]
    assert 0 < len(measured) + len(failures) <= 5
    for each in measured:
        assert each.pss_kib is not None and each.uss_kib is not None
        assert each.uss_kib <= each.pss_kib + 1
        # It may have grown between the two looks.
        assert each.pss_kib <= each.rss_kib * 1.5 + 4096
