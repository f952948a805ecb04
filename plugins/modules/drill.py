#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill
short_description: Let memory run out on a device, for real, and see who dies
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Lets one process with score 0 grow without end, until the kernel has killed it. Before that the kernel may kill
    others, which is what a drill is there to find out. It is for a device of the lab, or one that nobody needs now.
  - A drill says every few seconds how large the process has become, and how much memory is left.
  - Returns who died, who lived, how long the device did not answer, and whether the forecast of
    M(lifeboat.oom.memory_facts) was right.
  - What grows is C(tail /dev/zero), in a transient unit of its own where there is systemd. A device needs a POSIX
    shell, C(tail), C(sleep), C(cat), C(mkdir), C(mv), C(rm) and C(id), which BusyBox has; it needs no Python.
  - The connection may be lost in between. The device ends the drill by itself after O(seconds), and what it wrote to
    C(/run) goes some minutes later, also where the controller never comes back.
extends_documentation_fragment:
  - lifeboat.oom.attributes
notes:
  - This is an action plugin, it runs on the controller.
  - Needs root on the device, and a C(/run) there.
  - Services that the kernel has killed stay as their units say; start them again, or reboot the device.
attributes:
  check_mode:
    support: full
    description: Prints the forecast, and whether a drill would be refused. Does nothing.
  diff_mode:
    support: none
    description: There is nothing to compare.
options:
  confirm:
    description:
      - The inventory name of the device. With any other name, and without one, the drill is refused; also for the
        controller itself, and for what runs on its kernel, such as a container there.
    type: str
    default: ''
  services:
    description:
      - What is declared about services, as the variable C(oom_protect_services) of the role lifeboat.oom.oom_protect.
        They are marked in the result.
    type: raw
  seconds:
    description:
      - After how many seconds the process is ended that grows, if the kernel has not done so; 1 to 3600.
    type: int
    default: 120
  collector:
    description:
      - How to look at the device, as O(lifeboat.oom.memory_facts#module:collector).
    type: str
    choices: [auto, native, bare]
    default: auto
"""

EXAMPLES = r"""
- name: Let memory run out on lab-kiosk-7
  lifeboat.oom.drill:
    confirm: lab-kiosk-7
    services: "{{ oom_protect_services }}"
  register: drill

- name: What must live has lived
  ansible.builtin.assert:
    that: drill.fates | selectattr('declared') | rejectattr('fate', 'eq', 'lived') | list == []
"""

RETURN = r"""
forecast:
  description: The forecast for a new process that grows without end, as in the facts of
    M(lifeboat.oom.memory_facts).
  returned: always
  type: dict
refused:
  description: Why a drill would be refused, in check mode; V(null) where it would not.
  returned: always
  type: str
killed:
  description: Each process that the kernel killed, in order. C(name) is its unit, or its own name outside of any;
    C(oom) counts how often memory had run out.
  returned: after a drill
  type: list
  elements: dict
  sample:
    - name: telemetry.service
      pid: 512
      comm: telemetry
      rss_kib: 34172
      oom_score_adj: 500
      oom: 1
fates:
  description: What became of each service that ran, C(lived), C(killed) (its main process, by the kernel) or C(ended)
    otherwise. C(lost) is how many other processes of it were killed, C(runs) whether it runs, maybe again. On a device
    without systemd they are the processes that process 1 has started.
  returned: after a drill
  type: list
  elements: dict
  sample:
    - name: kiosk.service
      declared: true
      score: -800
      fate: lived
      lost: 0
      runs: true
outcome:
  description: How it ended for the process that grew. V(killed) by the kernel, V(refused) more memory, V(panic) where
    the device has started anew, V(time is up), or V(ended) by something else.
  returned: after a drill
  type: str
inconclusive:
  description: What ended the drill before the forecast was put to the test, such as a daemon that kills before
    the kernel does, a limit of a control group, or the end of its time; V(null) where nothing did.
  returned: after a drill
  type: str
first_right:
  description: Whether those who died first were those who were named; V(null) where the drill was inconclusive.
  returned: after a drill
  type: bool
all_right:
  description: Whether all who died were named, in their order, and the outcome; V(null) where the drill was
    inconclusive.
  returned: after a drill
  type: bool
seconds:
  description: How long it grew, by the clock of the device.
  returned: after a drill
  type: float
no_answer:
  description: How long the controller waited for an answer at most (C(longest_seconds)) and before the drill
    (C(usual_seconds)); how long at most nothing could be started on the device (C(device_seconds), which is 0.2 or 1
    where all is well).
  returned: after a drill
  type: dict
  sample:
    longest_seconds: 3.12
    usual_seconds: 0.08
    device_seconds: 1.4
summary:
  description: The same for a person, line by line.
  returned: always
  type: list
  elements: str
"""
