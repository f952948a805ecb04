#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leaks
short_description: Which leaks to profile where, and which packages leak
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Reads what the last audits (M(lifeboat.oom.audit)) and the profiles (M(lifeboat.oom.heap_profile)) have left
    in the folder of the report.
  - Groups hosts on which the same service leaks in the same version of its package, and chooses the one of each
    that leaks fastest.
  - Names the packages that own the leak sites.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
notes:
  - This is an action plugin, it runs on the controller. Run it once for all hosts.
options:
  report_dir:
    description: The folder on the controller that holds the records and the profiles.
    type: str
    required: true
  hosts:
    description: The hosts to choose from. Without it, the hosts of the play.
    type: list
    elements: str
  share_pct:
    description:
      - A package is named where it owns at least this share of what leaks in a profile, in percent.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Choose what to profile
  lifeboat.oom.leaks:
    report_dir: oom-report
  run_once: true
  register: leaks
"""

RETURN = r"""
groups:
  description: The leaks, with the hosts of each and the one that is chosen.
  returned: always
  type: list
  elements: dict
  sample:
    - unit: telemetry.service
      package: telemetry
      version: "1.0"
      hosts: [gw1, gw2]
      chosen: gw2
targets:
  description: The services to profile, by host.
  returned: always
  type: dict
  sample: {gw2: [telemetry.service]}
packages:
  description: The packages that own leak sites, by the profiles that there are.
  returned: always
  type: list
  elements: dict
  sample:
    - package: libtelemetry1
      version: "1.0"
      bytes: 7090000
      units: [telemetry.service]
      files: [/lib/x86_64-linux-gnu/libtelemetry.so.1]
now:
  description: When this was, in seconds since the epoch.
  returned: always
  type: int
files:
  description: The files of all of them.
  returned: always
  type: list
  elements: str
summary:
  description: The leaks for a person, line by line.
  returned: always
  type: list
  elements: str
"""
