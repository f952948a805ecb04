# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from unit.samples import host_state, process, service

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import parse_cgroup_files
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import ServiceMemory, service_memory

GROUP = "/system.slice/nginx.service"


def test_a_service_is_the_sum_of_its_processes() -> None:
    files = {"memory.current": str(200_000 * 1024), "memory.max": str(400_000 * 1024)}
    processes = (process(101, start_ticks=4000), process(100), process(300, unit=None))
    found = service_memory(host_state(processes=processes, cgroups=(parse_cgroup_files(GROUP, 2, files),)))
    # RssAnon 80,000 and VmSwap 4,000 each; the main process is the one that systemd names, not the oldest.
    assert found == (ServiceMemory("nginx.service", 100, 5000, 168_000, 200_000, 400_000),)


def test_a_unit_of_the_same_name_of_a_user_is_another_one() -> None:
    processes = (process(), process(101), process(300, unit="user@1000.service/nginx.service"))
    found = service_memory(host_state(processes=processes))
    assert [(one.unit, one.anon_swap_kib) for one in found] == [
        ("nginx.service", 2 * 84_000),
        ("user@1000.service/nginx.service", 84_000),
    ]


def test_without_a_main_process_it_is_the_oldest() -> None:
    processes = (process(102, start_ticks=900), process(101, start_ticks=800))
    (found,) = service_memory(host_state(processes=processes, services=(service(main_pid=None),)))
    assert (found.main_pid, found.start_ticks) == (101, 800)


def test_what_the_kernel_does_not_tell_is_not_made_up() -> None:
    processes = (process(rss_anon_kib=None), process(101))
    (found,) = service_memory(host_state(processes=processes, services=(service(memory_current_bytes=None),)))
    assert found.anon_swap_kib == 104_000 + 84_000
    assert (found.cgroup_kib, found.limit_kib) == (None, None)


def test_systemd_says_what_is_accounted_where_no_group_was_read() -> None:
    (found,) = service_memory(host_state(processes=(process(),)))
    assert found.cgroup_kib == 102_400


def test_without_systemd_a_service_is_the_processes_of_a_name() -> None:
    processes = (process(7, unit=None, comm="dropbear"), process(8, unit=None, comm="dropbear", start_ticks=9000))
    (found,) = service_memory(host_state(services=None, processes=processes))
    assert (found.unit, found.main_pid, found.anon_swap_kib) == ("dropbear", 7, 2 * 84_000)


def test_no_processes_are_no_services() -> None:
    assert service_memory(host_state(processes=None)) == ()
