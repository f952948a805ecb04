#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_facts
short_description: What this host's kernel and services say about memory, and whom the kernel would kill next
version_added: 0.1.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Reads memory, what is committed, pressure, OOM kills, services with the score in each layer, and processes,
    and plays the kernel's OOM killer through on them.
  - Changes nothing. Bad health is data, not failure.
  - What cannot be read is listed in RV(ansible_facts.memory_health.unread), and V(null); it is never shown as 0.
attributes:
  check_mode:
    support: full
    description: Reads the same as without.
  diff_mode:
    support: none
    description: Nothing changes.
  facts:
    support: full
    description: Returns RV(ansible_facts).
options:
  units:
    description:
      - Services to look at also where they do not run. Those that run are always looked at.
    type: list
    elements: str
    default: []
  top:
    description:
      - How many places of the kill order, and forecasts, to return.
    type: int
    default: 10
  log_lines:
    description:
      - How many lines of the kernel log, from its end, to search for OOM reports.
    type: int
    default: 20000
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
        host:
          description: Boot id, uptime in seconds, kernel, architecture, page size in KiB, version of systemd.
          type: dict
        memory:
          description: Memory, swap, commit limit and what is committed, in KiB.
          type: dict
        pressure:
          description: Memory pressure (PSI), V(null) where the kernel has none.
          type: dict
        oom_kills:
          description: OOM kills since boot, V(null) before kernel 4.13.
          type: int
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
          description: The OOM events that the kernel log still holds, oldest first.
          type: list
          elements: dict
        unread:
          description: What could not be read, and why.
          type: list
          elements: dict
"""

from typing import Any, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import (
    Questions,
    chosen_subsets,
    collect,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import SYSCTL_FILE, sysctl_path
from ansible_collections.lifeboat.oom.plugins.module_utils._policy_services import dropin_name, unit_name
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import OWN_NAME
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.runner import run


def look(host: Host, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    units = [unit_name(f"units[{number}]", name) for number, name in enumerate(params["units"])]
    questions = Questions(
        own_sysctl_file=sysctl_path("sysctl_file", params["sysctl_file"]),
        units=tuple(units),
        dropin=dropin_name("dropin", params["dropin"]),
        subsets=chosen_subsets("gather_subset", params["gather_subset"]),
        shares=params["top"],
        log_lines=params["log_lines"],
        log_since=params["log_since"],
    )
    state = collect(host, questions)
    return {"changed": False, "ansible_facts": {"memory_health": state.as_facts(params["top"])}}


def main() -> None:
    argument_spec = {
        "units": {"type": "list", "elements": "str", "default": []},
        "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
        "top": {"type": "int", "default": 10},
        "log_lines": {"type": "int", "default": 20000},
        "log_since": {"type": "str"},
        "sysctl_file": {"type": "path", "default": SYSCTL_FILE},
        "dropin": {"type": "str", "default": OWN_NAME},
    }
    run(argument_spec, look, needs_root=False)


if __name__ == "__main__":
    main()
