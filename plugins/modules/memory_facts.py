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
  - A delegated task needs C(delegate_facts), as its facts are those of the other host.
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
      description:
        - What was seen of the host, and what follows from it. What is used most is shown here; every field, with its
          unit and what V(null) means there, on
          R(the page of the state,ansible_collections.lifeboat.oom.docsite.host_state).
      type: dict
      contains:
        schema:
          description: The version of this structure.
          type: int
          sample: 1
        memory:
          description: Memory of the host in KiB, from C(/proc/meminfo).
          type: dict
          sample: {total_kib: 498784, available_kib: 96260, swap_total_kib: 0, commit_limit_kib: 249392}
        scores:
          description: The layers of the score of each service that runs.
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
        kill_order:
          description: The first O(top) processes that the kernel would kill if memory ran out now.
          type: list
          elements: dict
          sample:
            - pid: 512
              comm: telemetryd
              unit: telemetry.service
              points: 21412
              rss_kib: 84616
              swap_kib: 0
              oom_score_adj: 0
        forecast:
          description: Who is killed, in order, if something grows without end, by the rules of the kernel that runs.
            It is told of a new process, of the first O(top) units of the kill order, and of those of O(units) that run.
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
        events:
          description: The OOM events that the kernel log still holds, oldest first, as
            P(lifeboat.oom.oom_events#filter) has them, without their tables of processes.
          type: list
          elements: dict
        unread:
          description: What could not be read, and why.
          type: list
          elements: dict
          sample:
            - what: events
              why: "dmesg ended with 1: Operation not permitted"
"""

from typing import Any, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, collect, questions
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._runner import run


def look(host: Host, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    if params["collector"] == "bare":
        raise Unsupported("collector: bare is done by the action of this name; call it as a task, not as a fact module")
    state = collect(host, questions(params))
    return {"changed": False, "ansible_facts": {"memory_health": state.as_facts(params["top"])}}


def main() -> None:
    run(ARGUMENTS, look, needs_root=False)


if __name__ == "__main__":
    main()
