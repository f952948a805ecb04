#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: One report about all hosts that were audited
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Reads the records that M(lifeboat.oom.audit) has written, of this run and of others, and makes of them C(index.html)
    with a page for each host, which open from disk without a network, and files for other programs, C(fleet.json),
    C(findings.csv), C(junit.xml), and C(lifeboat_oom.prom) for the textfile collector of the Prometheus node exporter.
  - Says which hosts of this run are as bad as O(fail_on). Failing is left to the caller.
  - A host that the play lost before it was audited is kept and shown as one that could not be audited (where psutil is
    installed on the controller).
  - A file among the records that is none is shown as a host that could not be audited.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
notes:
  - This is an action plugin, it runs on the controller. Run it once for all hosts.
options:
  report_dir:
    description:
      - The folder on the controller that holds the records and the report.
    type: str
    required: true
  fail_on:
    description:
      - What counts as bad. V(drift) is any drift, and anything declared that does not hold or could not be compared;
        V(warning) and V(critical) are findings of that severity or worse, and V(warning) includes drift.
    type: str
    choices: [none, drift, warning, critical]
    default: none
  hosts:
    description:
      - The hosts to summarise and to judge. Without it, those of the batch that the play is at, and those that it has
        lost.
    type: list
    elements: str
  history_days:
    description:
      - What the history (C(history.sqlite) beside the records) has seen longer ago than this many days is forgotten.
    type: int
    default: 90
  thresholds:
    description:
      - From where on something is worth a finding, as O(lifeboat.oom.audit#module:thresholds). For the fleet there is
        C(leak_package_hosts).
    type: raw
    version_added: 1.0.0
"""

EXAMPLES = r"""
- name: Report
  lifeboat.oom.fleet_report:
    report_dir: oom-report
    fail_on: drift
  run_once: true
  register: report
"""

RETURN = r"""
page:
  description: The page.
  returned: always
  type: str
records:
  description: The folder of the records.
  returned: always
  type: str
exports:
  description: The files for other programs.
  returned: always
  type: list
  elements: str
crossed:
  description: The hosts that are as bad as O(fail_on).
  returned: always
  type: list
  elements: str
summary:
  description: The hosts for a person, line by line; where they are more than 20, how many are how bad.
  returned: always
  type: list
  elements: str
"""
