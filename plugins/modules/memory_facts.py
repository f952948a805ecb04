#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_facts
short_description: What this host's kernel and services say about memory, and whom the kernel would kill next
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Reads memory, swap, what is committed, pressure, control groups, services with the score in each layer, processes
    and the OOM kills in the kernel log, and plays the kernel's OOM killer through on them.
  - Changes nothing. Bad health is data, not failure.
  - What cannot be read is listed in RV(ansible_facts.memory_health.unread), and V(null); it is never shown as 0.
  - On a host without Python, one command for its C(sh) prints what is needed, and the controller makes the same facts
    of it. BusyBox is enough. Nothing is copied there, and nothing is left behind.
  - Does not need root. Without it some things are missing, such as the kernel log or PSS and USS of other users'
    processes, and are listed in RV(ansible_facts.memory_health.unread).
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
notes:
  - Partly an action plugin. As a fact module (C(ansible_facts_modules)) it runs on hosts with Python only.
attributes:
  facts:
    support: full
    description: Returns C(ansible_facts).
options:
  collector:
    description:
      - How to look. V(native) runs this module on the host, with its Python 3.7 or newer. V(bare) has its C(sh) print
        what is needed. V(auto) does the first where there is such a Python and it works, else the second.
    type: str
    choices: [auto, native, bare]
    default: auto
  units:
    description:
      - Services to look at also where they do not run. Those that run are always looked at.
    type: list
    elements: str
    default: []
  gather_subset:
    description:
      - What to look at, V(all) or names of parts. V(min) is the host, its memory and its counters, which always come.
        The parts are V(swap), V(pressure), V(sysctls), V(processes), V(services), V(cgroups), V(daemons), V(events)
        and V(samples).
      - A name with an exclamation mark in front is left out. A list of only such names leaves them out of all.
      - The facts that were not asked for are V(null).
    type: list
    elements: str
    default: [all]
  top:
    description:
      - How many places of the kill order, and forecasts, to return, and of how many of the largest processes to measure
        PSS and USS, for which the kernel walks through all their pages.
    type: int
    default: 10
  log_lines:
    description:
      - How many lines of the kernel log, from its end, to search for OOM reports.
    type: int
    default: 20000
  log_since:
    description:
      - Search the kernel log since this time only, such as V(2026-03-01) or V(-2 days), as C(--since) of journalctl(1).
        Of logs that are not the journal's, events are left out only by a time in ISO 8601.
    type: str
  sysctl_file:
    description:
      - The sysctl file of this collection, as given to M(lifeboat.oom.overcommit).
    type: path
    default: /etc/sysctl.d/99-zz-lifeboat-oom.conf
  dropin:
    description:
      - The name of this collection's drop-ins, as given to M(lifeboat.oom.service_oom_score).
    type: str
    default: zz-lifeboat-oom.conf
"""

EXAMPLES = r"""
- name: Look
  lifeboat.oom.memory_facts:

- name: Who would be killed next?
  ansible.builtin.debug:
    msg: "{{ ansible_facts.memory_health.kill_order | first }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts to add.
  returned: always
  type: dict
  contains:
    memory_health:
      description: What was seen.
      type: dict
      contains:
        schema:
          description: The version of this structure.
          type: int
          sample: 1
        collector:
          description: How the host was looked at, V(native) or V(bare).
          type: str
        host:
          description: Boot id, uptime in seconds, kernel, architecture, page size in KiB, version of systemd, name of
            process 1, version of control groups, distribution, virtualisation.
          type: dict
        memory:
          description: Memory in KiB as C(/proc/meminfo) has it. C(available_kib) is an estimate where the kernel
            (before 3.14) has none, and C(available_is_estimate) is true then.
          type: dict
        swaps:
          description: Swap devices, sizes in KiB.
          type: list
          elements: dict
        zram:
          description: Compressed memory that serves as a disk, sizes in KiB.
          type: list
          elements: dict
        pressure:
          description: Pressure (PSI) of C(memory), C(io) and C(cpu), V(null) where the kernel has none.
          type: dict
        counters:
          description: What the kernel has counted since boot. C(oom_kills) is V(null) before 4.13.
          type: dict
        commit:
          description: What the kernel has promised, in KiB, and what mode C(never) would leave room for.
          type: dict
        cgroups:
          description: Memory of each control group in which processes run, and of those above it, in KiB.
          type: list
          elements: dict
        daemons:
          description: Daemons that kill before the kernel does, and how they are set.
          type: list
          elements: dict
        packages:
          description: The package and its version that own the program of each service that runs, asked of C(dpkg) or
            C(rpm); V(null) where neither is there.
          type: list
          elements: dict
        samples:
          description: What the sampler of the role lifeboat.oom.oom_monitor has seen of each service since boot.
          type: list
          elements: dict
        log:
          description: Where RV(ansible_facts.memory_health.events) come from (C(source)). C(incomplete) is true where
            the kernel has counted more kills since boot (C(kills_counted)) than the log tells of (C(kills_logged)).
          type: dict
        sysctls:
          description: The sysctls of overcommit and OOM with the files that set them.
          type: dict
        services:
          description: Each running service as systemd, the disk and C(/proc) show it.
          type: list
          elements: dict
        declared:
          description: The same for each of O(units), running or not, and for units that still have a drop-in of ours.
          type: dict
        scores:
          description: The layers of each service's score, shortly.
          type: list
          elements: dict
          sample:
            - unit: kiosk.service
              dropin: "-800"
              winner:
                file: /etc/systemd/system/kiosk.service.d/zz-lifeboat-oom.conf
                line: 4
                value: "-800"
              loaded: -800
              running: [-800]
        processes:
          description: Every process with memory of its own.
          type: list
          elements: dict
        kill_order:
          description: The first O(top) processes that the kernel would kill if memory ran out now.
          type: list
          elements: dict
        forecast:
          description:
            - Who is killed, in order, if a service grows without end, until it is killed itself, for a new process, for
              the first O(top) units of the kill order and for those of O(units) that run. The rules are those of the
              kernel that runs.
            - C(scope) says what runs out first, C(global) all memory, C(cgroup) that of the control group C(cgroup), or
              C(commit) what mode C(never) promises. C(outcome) is C(killed), C(panic) where the kernel panics,
              C(stuck) where the process hangs in a group with nothing left to kill, or C(refused) where it is refused
              more memory. C(pid) is the process that grows, C(first_pids) those that die at the first OOM, several
              where a control group is killed as one.
          type: list
          elements: dict
          sample:
            - grower: telemetry.service
              pid: 512
              scope: global
              cgroup: null
              victims: [web.service, telemetry.service]
              first_pids: [498]
              ends: true
              outcome: killed
        forecast_does_not_know:
          description: What the model behind both cannot know.
          type: list
          elements: str
        events:
          description: The OOM events that the kernel log still holds, oldest first, as
            P(lifeboat.oom.oom_events#filter) has them, without their process tables. C(unit_told_by) is V(kernel), or
            V(systemd) where the kernel did not name a control group.
          type: list
          elements: dict
        unread:
          description: What could not be read, and why.
          type: list
          elements: dict
"""

from typing import Any, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, collect, questions
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.runner import run


def look(host: Host, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    if params["collector"] == "bare":
        raise Unsupported("collector: bare is done by the action of this name; call it as a task, not as a fact module")
    state = collect(host, questions(params))
    return {"changed": False, "ansible_facts": {"memory_health": state.as_facts(params["top"])}}


def main() -> None:
    run(ARGUMENTS, look, needs_root=False)


if __name__ == "__main__":
    main()
