#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leak_upgrade
short_description: Remember the upgrade of a package that leaked, and say what has to be restarted
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Compares what M(lifeboat.oom.package_users) told of a host before an upgrade and after it.
  - Writes the upgrade into the history of audits, so that the next ones can say whether the leak is gone.
  - Does not restart anything.
extends_documentation_fragment:
  - lifeboat.oom.attributes
notes:
  - This is an action plugin, it runs on the controller.
attributes:
  check_mode:
    support: full
    description: Writes nothing, and tells what O(done) says would be upgraded.
  diff_mode:
    support: none
    description: Nothing changes on a device.
options:
  report_dir:
    description: The folder on the controller that holds the history.
    type: str
    required: true
  packages:
    description: The packages that leak, as M(lifeboat.oom.leaks) returns them.
    type: list
    elements: dict
    required: true
  before:
    description: What M(lifeboat.oom.package_users) returned before the upgrade.
    type: dict
    required: true
  after:
    description: What it returned after the upgrade.
    type: dict
    required: true
  since:
    description:
      - When the upgrade began, in seconds since the epoch. What was started later counts as new to the audits, so it
        may be earlier, but not later, than the first restart.
    type: int
    required: true
  done:
    description:
      - The results of the upgrade, a loop over O(packages); in check mode they tell whether there is another version.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Remember the upgrade
  lifeboat.oom.leak_upgrade:
    report_dir: oom-report
    packages: "{{ leaks.packages }}"
    before: "{{ before }}"
    after: "{{ after }}"
    since: "{{ leaks.now }}"
    done: "{{ upgraded.results }}"
  register: upgrade
"""

RETURN = r"""
upgrades:
  description: The packages that have another version now, once for each service that they leaked in.
  returned: always
  type: list
  elements: dict
  sample:
    - {unit: telemetry.service, package: libtelemetry1, before: "1.0", after: "1.1"}
restart:
  description: The services that still run the old code.
  returned: always
  type: list
  elements: str
  sample: [telemetry.service]
others:
  description: Processes outside of services that still run it, such as login sessions.
  returned: always
  type: list
  elements: str
  sample: ["pid 4711 (bash) in session-3.scope"]
still_leaking:
  description: Packages whose leaking version is still installed, because there is no other one to be had.
  returned: always
  type: list
  elements: str
foreign:
  description: Packages whose leaking version is installed for another architecture alone, which is not upgraded.
  returned: always
  type: list
  elements: str
  sample: ["libtelemetry1:armhf 1.0"]
summary:
  description: The same for a person, line by line.
  returned: always
  type: list
  elements: str
"""
