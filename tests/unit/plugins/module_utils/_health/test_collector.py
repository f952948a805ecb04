# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from unit.fake_host import SHOW, FakeKernel
from unit.samples import RUNTIME

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import (
    HostError,
    InvalidPolicy,
    LifeboatError,
    ReadOnly,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health import dormant
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import (
    SUBSETS,
    Questions,
    chosen_subsets,
    collect,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import HEADER, SAMPLES_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import SwapDevice, Zram
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE

ACTIVE = f"{SHOW} *.service"
NGINX = (
    "Id=nginx.service\nNames=nginx.service www.service\nLoadState=loaded\nActiveState=active\nMainPID=100\n"
    "ControlGroup=/system.slice/nginx.service\nOOMScoreAdjust=0\nNeedDaemonReload=no\n"
)
MISSING = "Id=no.service\nNames=no.service\nLoadState=not-found\nActiveState=inactive\nOOMScoreAdjust=0\n"
KILL = "[  100.000000] Out of memory: Killed process 4242 (leak) total-vm:900kB, anon-rss:800kB, file-rss:0kB\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    found = FakeKernel(
        tmp_path,
        {
            "systemctl --version": "systemd 252 (252.39-1~deb12u1)\n",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0\n",
            ACTIVE: NGINX,
            " ".join(dormant.ARGV): MISSING,
            "dmesg": KILL,
        },
    )
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    found.has("/proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB\n")
    found.has("/proc/vmstat", "nr_free_pages 5\noom_kill 3\n")
    found.has("/proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
    found.has("/proc/uptime", "86400.52 170000.01\n")
    found.has("/proc/sys/kernel/osrelease", "6.1.0-21-arm64\n")
    found.has("/proc/sys/kernel/random/boot_id", "4f0c1d2e-0000-4000-8000-000000000001\n")
    found.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    found.has_process(1, comm="systemd", cgroup="0::/init.scope\n")
    found.has_process(100)
    return found


def look(host: FakeKernel, *units: str, subsets: Iterable[str] = SUBSETS) -> HostState:
    return collect(host, Questions(SYSCTL_FILE, units, subsets=frozenset(subsets), log_lines=500))


def unread(state: HostState) -> dict[str, str]:
    return {found.what: found.why for found in state.unread}


def test_everything_is_looked_at_once(host: FakeKernel) -> None:
    state = look(host)
    assert state.unread == ()
    assert state.host.kernel == "6.1.0-21-arm64"
    assert state.host.boot_id == "4f0c1d2e-0000-4000-8000-000000000001"
    assert (state.host.uptime_seconds, state.host.page_kib, state.host.systemd_version) == (86400.52, 4, 252)
    assert state.memory.total_kib == 1_000_000
    assert state.pressure is not None and state.pressure.memory is not None
    assert state.pressure.memory.some is not None and state.pressure.memory.some.total_us == 7
    assert state.counters.oom_kills == 3
    assert state.sysctls.runtime == RUNTIME
    assert [process.pid for process in state.processes] == [1, 100]
    assert [event.victims[0].pid for event in state.events] == [4242]
    assert state.services is not None
    assert [(service.unit.id, [process.pid for process in service.running]) for service in state.services] == [
        ("nginx.service", [100])
    ]


def test_a_table_of_processes_without_the_first_is_not_all_of_it(host: FakeKernel) -> None:
    """As another user sees it with hidepid=2: without a word about those that are missing."""
    shutil.rmtree(host.real("/proc/1"))
    state = look(host, subsets=["processes"])
    assert unread(state) == {"processes": "those of other users are hidden (hidepid of /proc)"}
    assert look(host, subsets=[]).unread == ()


def test_what_the_look_itself_holds_is_told_beside_what_is_available(host: FakeKernel) -> None:
    assert look(host).memory.look_kib == 0  # it has ended, or cannot be read
    host.has_process(*host.own_pids)
    assert look(host).memory.look_kib == 1740 - 1600  # what is a file's is available already


def test_declared_units_are_looked_at_also_where_they_do_not_run(host: FakeKernel) -> None:
    host.commands[f"{ACTIVE} www.service no.service"] = NGINX + "\n" + MISSING
    state = look(host, "www.service", "no.service")
    assert state.unread == ()
    assert state.declared is not None and state.services is not None
    assert [(unit.name, unit.load_state) for unit in state.declared.declared] == [
        ("www.service", "loaded"),
        ("no.service", "not-found"),
    ]
    assert [service.unit.id for service in state.services] == ["nginx.service"]


def test_a_host_without_meminfo_is_no_host(host: FakeKernel) -> None:
    (Path(host.root) / "proc/meminfo").unlink()
    with pytest.raises(HostError, match="/proc/meminfo"):
        look(host)
    host.has("/proc/meminfo", "")
    with pytest.raises(LifeboatError, match="no MemTotal"):
        look(host)


def test_what_the_kernel_does_not_have_is_none(host: FakeKernel) -> None:
    for path in ("pressure/memory", "uptime", "sys/kernel/random/boot_id"):
        (Path(host.root) / "proc" / path).unlink()
    host.has("/proc/vmstat", "nr_free_pages 5\n")
    state = look(host)
    assert state.unread == ()
    assert (state.pressure, state.counters.oom_kills, state.host.uptime_seconds, state.host.boot_id) == (None,) * 4


def test_a_host_without_systemd_is_looked_at_too(host: FakeKernel) -> None:
    (Path(host.root) / "run/systemd/system").rmdir()
    state = look(host)
    assert (state.services, state.declared, state.host.systemd_version) == (None, None, None)
    assert list(unread(state)) == ["services"]
    assert "not booted with systemd" in unread(state)["services"]
    assert [process.pid for process in state.processes] == [1, 100]


@pytest.mark.parametrize(
    "path",
    [
        "/proc/pressure/memory",
        "/proc/vmstat",
        "/proc/self/status",
        "/etc/sysctl.d/10-secret.conf",
    ],
)
def test_what_can_not_be_read_is_listed_and_the_rest_is_there(host: FakeKernel, path: str) -> None:
    """C(/proc/pressure) is there and cannot be read where PSI is built in but switched off, as on RHEL 8."""
    host.has("/etc/sysctl.d/10-secret.conf", "a=1\n")
    host.failing["read", path] = HostError(f"cannot read {path}: Operation not supported", path)
    state = look(host)
    assert [why for why in unread(state).values() if path in why] != []
    assert state.memory.total_kib == 1_000_000


@pytest.mark.parametrize(
    ("command", "answer", "what"),
    [
        ("systemctl --version", Finished((), 1, "", "System has not been booted"), "services"),
        ("systemctl --version", "not a version\n", "services"),
        (ACTIVE, Finished((), 1, "", "Failed to connect to bus"), "services"),
        (ACTIVE, "Id=\nOOMScoreAdjust=many\n", "services"),
        ("dmesg", Finished((), 1, "", "Operation not permitted"), "events"),
    ],
    ids=["no version", "another version", "no bus", "nonsense", "no log"],
)
def test_a_command_that_fails_is_listed_and_the_rest_is_there(
    host: FakeKernel, command: str, answer: str | Finished, what: str
) -> None:
    host.commands[command] = answer
    state = look(host)
    assert list(unread(state)) == [what]
    assert state.counters.oom_kills == 3
    assert (state.services is None) == (what == "services")
    assert (state.events is None) == (state.log is None) == (what == "events")
    assert what == "events" or [event.victims[0].pid for event in state.events or ()] == [4242]


def test_processes_that_can_not_be_read_are_counted(host: FakeKernel) -> None:
    for pid in (1, 100):
        host.failing["open", f"/proc/{pid}"] = HostError(f"cannot open /proc/{pid}", f"/proc/{pid}")
    state = look(host)
    assert state.processes == ()
    assert unread(state) == {"processes": "2 of them, the first: cannot open /proc/1"}


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["all"], set(SUBSETS)),
        ([], set(SUBSETS)),
        (["min"], set()),
        (["swap"], {"swap"}),
        (["swap", "pressure", "swap"], {"swap", "pressure"}),
        (["min", "swap"], {"swap"}),
        (["!swap"], set(SUBSETS) - {"swap"}),
        (["!swap", "!events"], set(SUBSETS) - {"swap", "events"}),
        (["all", "!swap"], set(SUBSETS) - {"swap"}),
        (["!swap", "all"], set(SUBSETS) - {"swap"}),
        (["swap", "!swap"], {"swap"}),
        (["swap", "!pressure"], {"swap"}),
        (["!all"], set()),
        (["!all", "swap"], {"swap"}),
        (["all", "!all"], set()),
        (["!min"], set(SUBSETS)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_subsets_are_taken_and_taken_away(words: list[str], chosen: set[str]) -> None:
    assert chosen_subsets("gather_subset", words) == chosen


@pytest.mark.parametrize(
    "word", ["memory", "", "!", "!!all", "!!swap", "Swap", "swap,events", "<b>\n\udcff", "!memory"]
)
def test_an_unknown_subset_is_named_with_those_that_there_are(word: str) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        chosen_subsets("gather_subset", ["swap", word])
    assert str(raised.value) == (
        f"gather_subset: found {word!r}, expected one of all, min, {', '.join(SUBSETS)}, or one of them with '!'"
    )


BEFORE_3_14 = (
    "MemTotal: 1000000 kB\nMemFree: 200000 kB\nActive(file): 60000 kB\nInactive(file): 40000 kB\n"
    "SReclaimable: 20000 kB\n"
)
ZONEINFO = "Node 0, zone   Normal\n  pages free     50000\n        min      800\n        low      1000\n"


def test_what_an_old_kernel_has_available_is_estimated(host: FakeKernel) -> None:
    host.has("/proc/meminfo", BEFORE_3_14)
    host.has("/proc/zoneinfo", ZONEINFO)
    state = look(host)
    assert (state.memory.available_kib, state.memory.available_is_estimate) == (196_000 + 96_000 + 16_000, True)
    assert state.unread == ()


@pytest.mark.parametrize("zoneinfo", [None, "", "nonsense\n"], ids=["missing", "empty", "nonsense"])
def test_without_watermarks_nothing_is_estimated(host: FakeKernel, zoneinfo: str | None) -> None:
    host.has("/proc/meminfo", BEFORE_3_14)
    if zoneinfo is not None:
        host.has("/proc/zoneinfo", zoneinfo)
    state = look(host)
    assert (state.memory.available_kib, state.memory.available_is_estimate) == (None, False)
    assert state.unread == ()


def test_watermarks_that_may_not_be_seen_are_listed_where_they_are_needed(host: FakeKernel) -> None:
    host.failing["read", "/proc/zoneinfo"] = HostError("cannot read /proc/zoneinfo: x", "/proc/zoneinfo")
    assert look(host).unread == ()
    host.has("/proc/meminfo", BEFORE_3_14)
    state = look(host)
    assert unread(state) == {"zoneinfo": "cannot read /proc/zoneinfo: x"}
    assert (state.memory.total_kib, state.memory.available_kib) == (1_000_000, None)


def test_what_a_user_may_not_see_of_process_1_is_listed(host: FakeKernel) -> None:
    host.failing["read", "/proc/1/comm"] = HostError("cannot read /proc/1/comm: x", "/proc/1/comm")
    state = look(host)
    assert unread(state) == {"host": "1 of them, the first: cannot read /proc/1/comm: x"}
    assert (state.host.init, state.host.kernel) == (None, "6.1.0-21-arm64")


SWAPS = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n/swap\\040file file\t\t8188\t\t256\t\t-2\n"
GROUP = "/sys/fs/cgroup/system.slice/nginx.service"
ROLLUP = "1000-2000 [rollup]\nPss:   304 kB\nPrivate_Clean:   40 kB\nPrivate_Dirty:  112 kB\n"


@pytest.fixture
def rich_host(host: FakeKernel) -> FakeKernel:
    """With all that a host can have."""
    host.commands["systemd-detect-virt"] = "kvm\n"
    host.has("/proc/swaps", SWAPS)
    host.has("/proc/zoneinfo", ZONEINFO)
    host.has("/sys/block/zram0/disksize", "1048576\n")
    host.has("/sys/block/zram0/mm_stat", "8192 4096 4096 0 4096 0 0 0\n")
    host.has("/sys/block/zram1/disksize", "0\n")
    host.has("/sys/block/sda/size", "1048576\n")
    host.has("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
    host.has(f"{GROUP}/memory.max", "1048576\n")
    host.has(f"{GROUP}/memory.events", "oom 1\noom_kill 2\n")
    host.has("/etc/systemd/oomd.conf", "[OOM]\nSwapUsedLimit=80%\n")
    host.has(SAMPLES_FILE, f"{HEADER} 4f0c1d2e-0000-4000-8000-000000000001\n")
    host.commands["dpkg-query"] = ""
    host.has("/proc/1/comm", "systemd\n")
    host.has("/etc/os-release", "ID=debian\n")
    host.has("/etc/sysctl.d/10-a.conf", "vm.panic_on_oom=0\n")
    host.has("/etc/systemd/system/nginx.service.d/a.conf", "[Service]\nOOMScoreAdjust=5\n")
    host.has_process(100, smaps_rollup=ROLLUP)
    host.has_process(200, comm="systemd-oomd", cmdline="/usr/lib/systemd/systemd-oomd\0-x\0")
    return host


def test_all_that_a_host_has_is_seen(rich_host: FakeKernel) -> None:
    state = look(rich_host)
    assert (state.collector, state.unread) == ("native", ())
    assert state.swaps == (SwapDevice("/swap file", "file", 8188, 256, -2),)
    assert state.zram == (Zram("zram0", 1024, 8, 4, 4, None, None),)
    assert state.cgroups is not None and state.daemons is not None and state.log is not None
    assert [(group.path, group.limit_kib, group.events.oom_kills) for group in state.cgroups] == [
        ("/system.slice/nginx.service", 1024, 2)
    ]
    assert [(each.name, each.pid, each.arguments, each.settings) for each in state.daemons] == [
        ("systemd-oomd", 200, ("-x",), {"SwapUsedLimit": "80%"})
    ]
    assert {each.pid: (each.pss_kib, each.uss_kib) for each in state.processes or ()} == {
        1: (None, None),
        100: (304, 152),
        200: (None, None),
    }
    assert (state.host.init, state.host.cgroups, state.host.virtualisation) == ("systemd", "v2", "kvm")
    assert json.loads(json.dumps(state.as_facts()))["swaps"][0]["name"] == "/swap file"


FIELDS = {
    "swap": ("swaps", "zram"),
    "pressure": ("pressure",),
    "sysctls": ("sysctls",),
    "processes": ("processes",),
    "services": ("services", "declared", "packages"),
    "cgroups": ("cgroups",),
    "daemons": ("daemons",),
    "events": ("log", "events"),
    "samples": ("samples",),
}


def seen(state: HostState) -> set[str]:
    optional = {field for fields in FIELDS.values() for field in fields}
    return {field for field in optional if getattr(state, field) is not None}


@pytest.mark.parametrize("subset", SUBSETS)
def test_what_is_not_asked_for_is_none_and_the_rest_is_the_same(rich_host: FakeKernel, subset: str) -> None:
    everything = look(rich_host)
    for subsets in ([subset], set(SUBSETS) - {subset}):
        state = look(rich_host, subsets=subsets)
        fields = {field for each in subsets for field in FIELDS[each]}
        assert seen(state) == fields
        assert all(getattr(state, field) == getattr(everything, field) for field in fields)


def test_the_least_asks_for_nothing_that_is_not_told(rich_host: FakeKernel) -> None:
    for path in ("/proc/swaps", "/proc/pressure/memory", "/etc/systemd/oomd.conf"):
        rich_host.failing["read", path] = HostError(f"cannot read {path}: x", path)
    for pid in (1, 100, 200):
        rich_host.failing["open", f"/proc/{pid}"] = HostError(f"cannot open /proc/{pid}: x", f"/proc/{pid}")
    state = look(rich_host, subsets=[])
    assert (seen(state), state.unread) == (set(), ())
    assert (state.memory.total_kib, state.counters.oom_kills, state.host.systemd_version) == (1_000_000, 3, None)
    assert rich_host.asked == ["systemd-detect-virt"]


@pytest.mark.parametrize(
    ("path", "what", "field"),
    [
        ("/proc/swaps", "swap", "swaps"),
        ("/sys/block/zram0/mm_stat", "swap", "zram"),
        ("/etc/systemd/oomd.conf", "daemons", "daemons"),
        (f"{GROUP}/memory.max", "cgroups", "cgroups"),
    ],
)
def test_what_can_not_be_read_is_none_and_not_empty(rich_host: FakeKernel, path: str, what: str, field: str) -> None:
    rich_host.failing["read", path] = HostError(f"cannot read {path}: Input/output error", path)
    state = look(rich_host)
    assert unread(state) == {what: f"cannot read {path}: Input/output error"}
    assert getattr(state, field) is None
    assert seen(state) == {name for names in FIELDS.values() for name in names} - {field}


def test_a_host_has_neither_swap_nor_groups(host: FakeKernel) -> None:
    state = look(host)
    assert (state.swaps, state.zram, state.cgroups, state.daemons) == (None, (), None, ())
    host.has("/proc/swaps", SWAPS.split("/swap", maxsplit=1)[0])
    assert look(host).swaps == ()


def test_shares_that_may_not_be_measured_are_listed_once(rich_host: FakeKernel) -> None:
    for pid in (100, 200):
        path = f"/proc/{pid}/smaps_rollup"
        rich_host.failing["read", path] = ReadOnly(f"cannot read {path}: Permission denied", path)
    state = look(rich_host)
    assert unread(state) == {
        "PSS and USS": "2 of them, the first: cannot read /proc/100/smaps_rollup: Permission denied"
    }
    assert [each.pid for each in state.processes or ()] == [1, 100, 200]


@pytest.mark.skipif(os.geteuid() != 0, reason="the processes of another user are wanted")
def test_a_user_is_told_once_that_shares_are_not_for_everybody() -> None:
    os.seteuid(65534)
    try:
        state = collect(Host(), Questions(SYSCTL_FILE, subsets=frozenset(["processes"]), shares=1000))
    finally:
        os.seteuid(0)
    assert [found.what for found in state.unread] == ["PSS and USS"]
    assert "of them, the first: cannot read /proc/" in state.unread[0].why
    assert state.processes is not None and 1 in [each.pid for each in state.processes]
    assert {each.pss_kib for each in state.processes if each.uid == 0} == {None}


GARBAGE = [
    "",
    "\n",
    "\udcff\x00",
    "-1\n",
    "\u00b2 \u00b2",
    "=",
    "[",
    "(((",
    "a b c d e f g h\n" * 9,
    ":" * 50,
    "9" * 30,
]


@pytest.mark.parametrize("garbage", [*GARBAGE, None], ids=[*map(ascii, GARBAGE), "cut"])
def test_no_garbage_ends_the_look(rich_host: FakeKernel, garbage: str | None) -> None:
    """All files at once, each in turn, and all that commands say; the last case cuts each of them in half."""
    before = rich_host.everything()
    del before["/proc/meminfo"]
    for path, content in before.items():
        rich_host.has(path, content[: len(content) // 2] if garbage is None else garbage)
        assert look(rich_host).memory.total_kib == 1_000_000
        rich_host.has(path, content)
    rich_host.commands = {
        argv: said[: len(str(said)) // 2] if garbage is None and isinstance(said, str) else garbage or ""
        for argv, said in rich_host.commands.items()
    }
    assert look(rich_host, "nginx.service").memory.total_kib == 1_000_000
    for path, content in before.items():
        rich_host.has(path, content[: len(content) // 2] if garbage is None else garbage)
    assert json.dumps(look(rich_host).as_facts())


def test_this_machine_is_looked_at() -> None:
    state = collect(Host(), Questions(SYSCTL_FILE, shares=3))
    assert state.memory.total_kib > 0 and state.processes
    assert json.loads(json.dumps(state.as_facts()))["host"]["kernel"] == os.uname().release
