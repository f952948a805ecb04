# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_process, read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process

KERNEL_THREAD = "Name:\tkthreadd\nUid:\t0\t0\t0\t0\nThreads:\t1\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path)
    found.has_folder("/proc")
    return found


def pids(host: Host) -> list[int]:
    return [process.pid for process in read_processes(host)[0]]


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


def test_what_an_old_kernel_does_not_show_is_none(host: FakeHost) -> None:
    host.has_process(7, status="Name:\tsh\nUid:\t0\t0\t0\t0\nVmRSS:\t1740 kB\n")
    (Path(host.root) / "proc/7/oom_score").unlink()
    process = read_process(host, 7)
    assert process is not None
    assert process.rss_anon_kib is process.rss_file_kib is process.rss_shmem_kib is process.oom_score is None


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
    [("stat", "8 (ngi"), ("stat", ""), ("oom_score_adj", ""), ("oom_score_adj", "none\n"), ("oom_score", "\udcff")],
    ids=["truncated stat", "empty stat", "empty score", "no number", "other bytes"],
)
def test_one_unreadable_process_does_not_hide_the_others(host: FakeHost, name: str, text: str) -> None:
    host.has_process(7)
    host.has_process(8, **{name: text})
    found, failures = read_processes(host)
    assert [process.pid for process in found] == [7]
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
