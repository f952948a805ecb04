#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leak_upgrade
short_description: Choose the packages to upgrade that leak, remember it, and say what has to be restarted
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Without O(after), chooses the packages of which the host itself shows that they leak there. The version that leaks
    has to be installed, and one of the services that leak has to run a file that is of this package there.
  - With O(after), compares what M(lifeboat.oom.package_users) told of the host before the upgrade and after it.
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
    description:
      - The packages that may leak on this host, as M(lifeboat.oom.leaks) returns them in
        RV(lifeboat.oom.leaks#module:candidates).
    type: list
    elements: dict
    required: true
  before:
    description: What M(lifeboat.oom.package_users) returned before the upgrade.
    type: dict
    required: true
  after:
    description: What it returned after the upgrade. Without it nothing is remembered.
    type: dict
  since:
    description:
      - When the upgrade began, in seconds since the epoch. What was started later counts as new to the audits, so it
        may be earlier, but not later, than the first restart.
    type: int
    required: true
  done:
    description:
      - The names of those of RV(wanted) that the upgrade has changed; in check mode, of which there is another version.
    type: list
    elements: str
    default: []
  restart_others:
    description:
      - Whether RV(restart) has all services that run the old code, and not only those that leak.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Choose what to upgrade here
  lifeboat.oom.leak_upgrade:
    report_dir: oom-report
    packages: "{{ leaks.candidates[inventory_hostname] | default([]) }}"
    before: "{{ before }}"
    since: "{{ leaks.now }}"
  register: chosen

- name: Remember the upgrade
  lifeboat.oom.leak_upgrade:
    report_dir: oom-report
    packages: "{{ leaks.candidates[inventory_hostname] | default([]) }}"
    before: "{{ before }}"
    after: "{{ after }}"
    since: "{{ leaks.now }}"
    done: "{{ upgraded.results | selectattr('changed') | map(attribute='item.package') }}"
  register: upgrade
"""

RETURN = r"""
wanted:
  description: Those of O(packages) of which the host shows that they leak there.
  returned: without O(after)
  type: list
  elements: dict
upgrades:
  description: The packages that have another version now, once for each service that they leaked in.
  returned: with O(after)
  type: list
  elements: dict
  sample:
    - {unit: telemetry.service, package: libtelemetry1, before: "1.0", after: "1.1"}
restart:
  description: The services that still run the old code and leak; with O(restart_others) those that do not leak as well.
  returned: with O(after)
  type: list
  elements: str
  sample: [telemetry.service]
others:
  description: Other processes that still run it, such as login sessions.
  returned: with O(after)
  type: list
  elements: str
  sample: ["pid 4711 (bash) in session-3.scope"]
still_leaking:
  description: Packages whose leaking version is still installed, because there is no other one to be had.
  returned: with O(after)
  type: list
  elements: str
foreign:
  description: Packages whose leaking version is installed for another architecture alone, which is not upgraded.
  returned: with O(after)
  type: list
  elements: str
  sample: ["libtelemetry1:armhf 1.0"]
summary:
  description: The same for a person, line by line.
  returned: always
  type: list
  elements: str
"""
