#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_oom_score
short_description: Set the OOM score of systemd services, and see that it holds
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Gives each service the C(oom_score_adj) and the memory settings that it is declared with, by a drop-in of its unit,
    and the score at once to its running processes.
  - All services of one call share one question to systemd and at most one C(daemon-reload).
  - After the change all layers are read again, and each service gets a verdict from what its processes really have in
    C(/proc), not from what C(systemctl show) says.
  - A process that has set a score of its own is left alone and reported as V(self_adjusted). A main process has set
    its own if it was started with the score that is loaded and now has another one. If a run of this boot has seen it
    with the loaded score, somebody else may have changed it, so it gets that score back, twice at most.
  - Protecting a service means that another one dies in its place. RV(kill_order) says which, before and after, and a
    protection that leaves the kernel nothing sensible to kill is refused.
extends_documentation_fragment:
  - lifeboat.oom.attributes
attributes:
  check_mode:
    support: full
    description: Answers with what a real run would do, from the same plan.
  diff_mode:
    support: full
    description: Shows each value that changes with its layer, the drop-ins, and the kill order.
notes:
  - One run at a time changes a device. Another one waits up to five minutes, sees then what the first has left, or says
    who is there.
options:
  services:
    description:
      - The services. One unit is declared once, also where it has several names.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The unit, such as V(nginx), V(nginx.service), V(getty@tty1.service), or a template such as V(app@.service)
            for all its instances. A name without a type is a service. Services, sockets, mounts and swaps can have a
            score.
        type: str
        required: true
      oom_score_adj:
        description:
          - The score, from V(-1000) (never killed) to V(1000) (killed first). It moves the service in the kill order by
            a thousandth of all memory for each point.
          - With V(-1000) everything that the service starts can not be killed either, and a service that leaks takes
            the whole device with it. Prefer V(-900).
          - A service that starts other people's programs gives them its score, so V(-500) or less is refused for it.
            Such services are C(sshd), which keeps its listener at V(-1000) by itself, cron, container engines,
            agents, login and session managers.
          - Has to be a number; a YAML boolean is refused. Required unless O(services[].state=absent).
        type: raw
      oom_policy:
        description:
          - What systemd does with the rest of the service when the kernel has killed one of its processes. Known from
            systemd 243.
        type: str
        choices: [continue, stop, kill]
      memory_min:
        description:
          - Memory that the kernel never reclaims from the service, such as V(64M) or V(10%). Too much of it starves
            everything else. Known from systemd 240.
        type: raw
      memory_low:
        description:
          - Memory that the kernel reclaims from the service only when there is no other. Known from systemd 231.
        type: raw
      managed_oom_preference:
        description:
          - Whether C(systemd-oomd) avoids or omits the service. Known from systemd 248.
        type: str
        choices: [none, avoid, omit]
      state:
        description:
          - V(absent) removes our drop-in, and its folder if that was made for it, and gives the processes back the
            score that they would have had. By default V(present).
        type: str
        choices: [present, absent]
  exclusive:
    description:
      - Whether our drop-in is removed, as with V(absent), from every unit that is not in O(services).
    type: bool
    default: false
  apply:
    description:
      - How running processes get the score. V(live) writes it into the main process and into those that still have
        the score which they inherited. V(restart) restarts the services whose processes have another score, and
        repeats no restart that did not help.
        V(none) leaves them until somebody does; RV(restart_needed) names them.
    type: str
    choices: [live, restart, none]
    default: live
  missing:
    description:
      - What to do about a unit that is not installed, or masked. V(error) fails before anything is changed, V(warn)
        leaves it alone, V(write) writes the drop-in for the day when it comes.
    type: str
    choices: [error, warn, write]
    default: error
  dropin:
    description:
      - The file name of our drop-ins. Names of all folders are read in their order and the last one wins, so it has to
        sort late.
    type: str
    default: zz-lifeboat-oom.conf
  skip_unknown:
    description:
      - Leave out settings that the systemd of the host does not know, with a warning, where it would be an error.
    type: bool
    default: false
  max_protected_pct:
    description:
      - How much of the RAM processes with a score of -900 or less may hold, in percent.
      - With more the kernel finds too little to kill, and the device stalls where it could have lost one service.
    type: raw
    default: 60
  sensitive_services:
    description:
      - What for, and the services that are there for it. A warning is louder where such a service becomes the next
        victim. Replaces the built-in list of logging, monitoring, time, network and remote access.
    type: dict
  force:
    description:
      - Apply also what a guard refuses, such as V(-900) for C(sshd), whose sessions inherit it. The reasons become
        warnings.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The kiosk lives, the metrics may go first
  lifeboat.oom.service_oom_score:
    services:
      - name: kiosk
        oom_score_adj: -800
        memory_low: 128M
      - name: node-exporter
        oom_score_adj: 500

- name: All workers may die, none of them takes the others along
  lifeboat.oom.service_oom_score:
    services:
      - name: worker@.service
        oom_score_adj: 300
        oom_policy: continue

- name: Take everything back
  lifeboat.oom.service_oom_score:
    services: []
    exclusive: true
"""

RETURN = r"""
plan:
  description: Each value that differed, with its layer (V(drop-in), V(loaded), V(running)).
  returned: always
  type: list
  elements: dict
  sample:
    - subject: kiosk.service
      layer: drop-in
      key: OOMScoreAdjust
      before: null
      after: "-800"
      why: /etc/systemd/system/kiosk.service.d/zz-lifeboat-oom.conf is not there
services:
  description: The services after the run, in the order of O(services), then those that O(exclusive) removed.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The canonical name of what was declared.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    declared:
      description: The declared settings as systemd calls them.
      type: dict
    dropin:
      description: Path and settings of our drop-in, V(null) without one.
      type: dict
    units:
      description: >-
        The units behind the name (for a template its loaded instances), each with the line that wins on disk, the
        loaded score, and the scores of its running processes, each once.
      type: list
      elements: dict
    verdict:
      description: >-
        V(ok), V(missing), V(differs), V(overridden), V(needs_reload), V(needs_restart), V(self_adjusted),
        V(not_permitted), V(masked) or V(not_found).
      type: str
    culprit:
      description: The file or the process that is to blame for the verdict.
      type: str
before:
  description: The same before the run.
  returned: always
  type: list
  elements: dict
restart_needed:
  description: >-
    The units whose processes get the score only when they are restarted; with V(absent), or O(exclusive), the units
    that may still give the score of our drop-in to what they start, as C(sshd) does.
  returned: always
  type: list
  elements: str
kill_order:
  description: >-
    The first ten processes that the kernel would kill, before and after. In check mode C(after) is computed.
  returned: always
  type: dict
  sample:
    before:
      - {unit: kiosk.service, comm: kiosk, pid: 811, points: 38000, rss_kib: 152000, swap_kib: 0, oom_score_adj: 0}
    after:
      - {unit: exporter.service, comm: exporter, pid: 64, points: 51000, rss_kib: 2100, swap_kib: 0, oom_score_adj: 500}
protection:
  description: The numbers of the guards; what processes with a score of -900 or less hold, and what the others do.
  returned: always
  type: dict
  sample:
    protected_kib: 161000
    protected_pct: 43.5
    killable_kib: 64000
    ram_kib: 370000
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.family_module import run_family


def main() -> None:
    run_family("services")


if __name__ == "__main__":
    main()
