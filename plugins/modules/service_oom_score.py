#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_oom_score
short_description: Set the OOM score of systemd services, and see that it holds
version_added: 0.1.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Gives each service the C(oom_score_adj) that it is declared with, by a drop-in C(zz-lifeboat-oom.conf) of its
    unit and, at once, in its running processes.
  - All services of one call share one question to systemd and at most one C(daemon-reload).
  - After the change all layers are read again, and each service gets a verdict from what its processes really
    have in C(/proc), not from what C(systemctl show) says.
  - Services are never restarted. A process that has set a score of its own is left alone and reported as
    V(self_adjusted).
  - Protecting a service means that another one dies in its place. The module M(lifeboat.oom.memory_facts) says
    which.
attributes:
  check_mode:
    support: full
    description: Answers with what a real run would do, from the same plan.
  diff_mode:
    support: full
    description: Shows each value that changes, with its layer.
options:
  services:
    description:
      - The services and their scores. One unit is declared once.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The unit, such as V(nginx), V(nginx.service) or V(getty@tty1.service). A name without a type is a
            service.
        type: str
        required: true
      oom_score_adj:
        description:
          - The score, from V(-1000) (never killed) to V(1000) (killed first). It moves the service in the kill
            order by a thousandth of all memory for each point.
          - With V(-1000) everything that the service starts can not be killed either, and a service that leaks
            takes the whole device with it. Prefer V(-900).
          - Has to be a number; a YAML boolean is refused.
        type: raw
        required: true
"""

EXAMPLES = r"""
- name: The kiosk lives, the metrics may go first
  lifeboat.oom.service_oom_score:
    services:
      - name: kiosk
        oom_score_adj: -800
      - name: node-exporter
        oom_score_adj: 500
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
  description: The services after the run, in the order of O(services).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The canonical name of what was declared.
      type: str
    unit:
      description: The unit that systemd knows under that name.
      type: str
    declared:
      description: The declared score.
      type: int
    dropin:
      description: The score in our drop-in, V(null) without one.
      type: str
    winner:
      description: File, line and value of the assignment that wins among all files of the unit.
      type: dict
    loaded:
      description: The score that systemd will give the service at its next start.
      type: int
    running:
      description: The scores of its running processes, each once.
      type: list
      elements: int
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
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_services import (
    converge_services,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.runner import run


def main() -> None:
    argument_spec = {
        "services": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "oom_score_adj": {"type": "raw", "required": True},
            },
        },
    }
    run(argument_spec, converge_services)


if __name__ == "__main__":
    main()
