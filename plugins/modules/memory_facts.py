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
          description: Who is killed, in order, if a service grows without end, until it is killed itself.
          type: list
          elements: dict
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
