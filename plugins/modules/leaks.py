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
  - Names the packages that own the leak sites, by the profiles of these hosts.
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
  max_age_days:
    description:
      - Profiles that are older, in days, name no package, and audits that are older no candidate.
    type: int
    default: 30
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
      rate_bytes_per_hour: 1200000
targets:
  description: The services to profile, by host; of each the five that leak fastest.
  returned: always
  type: dict
  sample: {gw2: [telemetry.service]}
packages:
  description: The packages that own leak sites, by the profiles that are young enough.
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
candidates:
  description:
    - By host, those of RV(packages) with a unit that leaks there by the last audit of that host itself.
    - They were named by a device, maybe by another one. What is installed and runs on the host has to bear it out; see
      M(lifeboat.oom.leak_upgrade).
  returned: always
  type: dict
  sample:
    gw1:
      - package: libtelemetry1
        version: "1.0"
        bytes: 7090000
        units: [telemetry.service]
        files: [/lib/x86_64-linux-gnu/libtelemetry.so.1]
unused:
  description: Profiles that cannot be read or are too old, and hosts without an audit that is young enough, in words.
  returned: always
  type: list
  elements: str
  sample: ["oom-report/profiles/gw1/telemetry.service.json is not a profile: it holds no dictionary; remove it"]
summary:
  description: The leaks for a person, line by line.
  returned: always
  type: list
  elements: str
"""
