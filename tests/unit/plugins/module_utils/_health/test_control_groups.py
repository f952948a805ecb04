# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import FakeHost
from unit.samples import process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._health.control_groups import find_hierarchy, read_cgroups
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import V1
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import V2 as ROOTS

V2, BELOW = ROOTS


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """With the controller on v2."""
    found = FakeHost(tmp_path)
    found.has(f"{V2}/cgroup.controllers", "cpuset cpu io memory pids\n")
    return found


def paths(host: FakeHost, *groups: str | None) -> list[str]:
    processes = [process(pid, memory_cgroup=group) for pid, group in enumerate(groups, 1)]
    found = read_cgroups(host, processes)
    assert found is not None
    return [group.path for group in found]


def test_groups_of_processes_are_read_with_all_above_them(host: FakeHost) -> None:
    for path, limit in (("/a.slice", "max\n"), ("/a.slice/b.service", "1048576\n"), ("/other", "2048\n")):
        host.has(f"{V2}{path}/memory.max", limit)
        host.has(f"{V2}{path}/memory.current", "4096\n")
        host.has(f"{V2}{path}/pids.current", "3\n")
    host.has(f"{V2}/memory.stat", "anon 5\n")
    found = read_cgroups(host, [process(memory_cgroup="/a.slice/b.service"), process(2, memory_cgroup="/")])
    assert found is not None
    assert [(group.path, group.version, group.limit_kib, group.current_kib, group.pids) for group in found] == [
        ("/a.slice", 2, None, 4, 3),
        ("/a.slice/b.service", 2, 1024, 4, 3),
    ]


@pytest.mark.parametrize(
    ("files", "limit_kib"),
    [
        ({f"{V2}/memory.max": "1048576\n", f"{V2}/memory.current": "4096\n"}, 1024),
        ({f"{V2}/memory.max": "max\n", f"{V2}/memory.current": "4096\n"}, None),
        ({f"{V1}/memory.usage_in_bytes": "1\n", f"{V1}/memory.limit_in_bytes": "1048576\n"}, 1024),
        ({f"{V1}/memory.usage_in_bytes": "1\n", f"{V1}/memory.limit_in_bytes": "9223372036854771712\n"}, None),
    ],
    ids=["container on v2", "container without a limit", "container on v1", "machine on v1"],
)
def test_the_root_of_a_container_is_a_group_with_a_limit(
    host: FakeHost, files: dict[str, str], limit_kib: int | None
) -> None:
    for path, text in files.items():
        host.has(path, text)
    found = read_cgroups(host, [process(memory_cgroup="/"), process(memory_cgroup="/docker/elsewhere")])
    assert found is not None
    assert [(group.path, group.limit_kib) for group in found] == ([("/", limit_kib)] if limit_kib else [])


def test_groups_of_v1_are_below_their_controller(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.has(f"{V1}/memory.usage_in_bytes", "1\n")
    host.has(f"{V1}/docker/1/memory.limit_in_bytes", "4096\n")
    host.has(f"{V2}/unified/cgroup.controllers", "")
    found = read_cgroups(host, [process(memory_cgroup="/docker/1")])
    assert found is not None
    assert [(group.path, group.version, group.limit_kib) for group in found] == [("/docker/1", 1, 4)]


def test_a_group_that_is_not_there_is_left_out(host: FakeHost) -> None:
    host.has(f"{V2}/a/b/memory.max", "max\n")
    assert paths(host, "/a/b", "/gone", "/a/b/c (deleted)", "/../outside", "/../../../proc", None, "/", "") == ["/a/b"]
    assert paths(host, "/gone") == paths(host, None) == paths(host) == []


def test_a_group_without_the_controller_is_left_out(host: FakeHost) -> None:
    host.has(f"{V2}/a/pids.current", "5\n")
    host.has(f"{V2}/a/b/memory.current", "4096\n")
    assert paths(host, "/a/b", "/a") == ["/a/b"]


@pytest.mark.parametrize("name", ["a b", "a:memory:b", "\udcff", "<b>", "\x85\u2028\r", "a\\x2db.service", "-", "..."])
def test_any_name_is_found(host: FakeHost, name: str) -> None:
    host.has(f"{V2}/{name}/{name}/memory.max", "max\n")
    assert paths(host, f"/{name}/{name}") == [f"/{name}/{name}"]


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({f"{V2}/cgroup.controllers": "cpu memory\n"}, 2),
        ({f"{V2}/cgroup.controllers": "memory"}, 2),
        ({f"{V2}/cgroup.controllers": "cpu io memory_recursiveprot\n"}, None),
        ({f"{V2}/cgroup.controllers": ""}, None),
        ({f"{V2}/cgroup.controllers": "\udcff\x00"}, None),
        ({f"{V1}/memory.usage_in_bytes": "1"}, 1),
        ({f"{V1}/memory.usage_in_bytes": "1", f"{V2}/unified/cgroup.controllers": "memory"}, 1),
        ({f"{V2}/cgroup.controllers": "cpu", f"{BELOW}/cgroup.controllers": "memory"}, 2),
        ({f"{V2}/cgroup.controllers": "cpu", f"{BELOW}/cgroup.controllers": "cpu"}, None),
        ({f"{V1}/tasks": ""}, None),
        ({}, None),
    ],
    ids=[
        *["v2", "only memory", "another name", "no controllers", "hostile", "v1", "hybrid"],
        *["v2 below", "no memory below", "not mounted", "no groups"],
    ],
)
def test_the_hierarchy_with_the_controller(tmp_path: Path, files: dict[str, str], version: int | None) -> None:
    host = FakeHost(tmp_path)
    for path, text in files.items():
        host.has(path, text)
    found = find_hierarchy(host)
    assert (found and found.version) == version
    assert (read_cgroups(host, [process()]) is None) == (version is None)


def test_a_file_that_goes_meanwhile_is_none_and_one_that_can_not_be_read_an_error(host: FakeHost) -> None:
    host.has(f"{V2}/a/memory.max", "4096\n")
    path = f"{V2}/a/memory.current"
    host.failing["read", path] = Missing(f"cannot read {path}: No such device", path)
    found = read_cgroups(host, [process(memory_cgroup="/a")])
    assert found is not None and (found[0].limit_kib, found[0].current_kib) == (4, None)
    host.failing["read", path] = HostError(f"cannot read {path}: Input/output error", path)
    with pytest.raises(HostError, match=path):
        read_cgroups(host, [process(memory_cgroup="/a")])


def test_this_machine_shows_its_groups() -> None:
    host = Host()
    processes, _unused = read_processes(host)
    found = read_cgroups(host, processes)
    assert (found is None) == (find_hierarchy(host) is None)
    accounted = {each.memory_cgroup for each in processes}
    for group in found or ():
        assert group.current_kib is not None
        assert group.path in accounted or any(str(path).startswith(group.path + "/") for path in accounted)


def test_groups_of_a_hierarchy_below_another_one_are_read(tmp_path: Path) -> None:
    """cgroup_no_v1=memory of a hybrid host."""
    host = FakeHost(tmp_path)
    host.has(f"{BELOW}/cgroup.controllers", "memory\n")
    host.has(f"{BELOW}/a/memory.current", "4096\n")
    assert paths(host, "/a") == ["/a"]


def test_so_many_groups_are_not_read(host: FakeHost) -> None:
    with pytest.raises(TooMuch, match=r"^control groups: found 20001, expected at most 20000"):
        read_cgroups(host, [process(number, memory_cgroup=f"/{number}") for number in range(20_001)])
