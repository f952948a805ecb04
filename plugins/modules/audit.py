#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Compare one host with what is declared for it, and say who would be killed next
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Looks at the host as M(lifeboat.oom.memory_facts) does, also where it has no Python, validates what is declared, and
    returns findings and the drift, which is the very plan that M(lifeboat.oom.converge) would
    carry out.
  - Writes everything that was seen to C(hosts/HOST.json) below O(report_dir) on the controller, the page of the host to
    C(pages/HOST.html), and its counters and the memory of its services to C(history.sqlite), which later audits are
    compared with. Where that file cannot be used the host is audited all the same, with a warning.
  - Never changes the device. A host that cannot be reached or read is a result too, and does not fail the task.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
notes:
  - This is an action plugin, it runs on the controller.
  - A delegated task is refused, as what it finds on another host would be filed as this one.
options:
  declared:
    description:
      - What is declared, as O(lifeboat.oom.converge#module:declared). A family that is not there is not compared.
    type: raw
  dropin:
    description:
      - The file name of our drop-ins on the host, where it is not the default one.
    type: str
  thresholds:
    description:
      - From where on something is worth a finding, as C(oom_audit_thresholds) of the role lifeboat.oom.oom_audit. The
        keys and their defaults are on R(the page of the findings,ansible_collections.lifeboat.oom.docsite.findings).
    type: raw
  sensitive:
    description:
      - Which services are missed more than they look, as O(lifeboat.oom.service_oom_score#module:sensitive_services).
    type: raw
  collector:
    description:
      - How to look at the host, as O(lifeboat.oom.memory_facts#module:collector).
    type: str
    choices: [auto, native, bare]
    default: auto
  timeout:
    description:
      - How many seconds one host may take. A host that takes longer, or whose answer takes more than 1 GiB of the
        controller's memory, is not audited. V(0) waits for ever.
    type: int
    default: 600
  report_dir:
    description:
      - The folder on the controller that holds the records and the report.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Audit
  lifeboat.oom.audit:
    declared:
      overcommit: "{{ oom_kernel_overcommit }}"
      services:
        services: "{{ oom_protect_services }}"
    report_dir: oom-report
  register: audit

- name: No drift is wanted
  ansible.builtin.assert:
    that: not audit.drift
"""

RETURN = r"""
reachable:
  description: Whether the host answered.
  returned: always
  type: bool
drift:
  description: Each value that differs from what is declared, with its layer and the reason.
  returned: always
  type: list
  elements: dict
services:
  description: The declared services in all layers, as M(lifeboat.oom.service_oom_score) returns them.
  returned: always
  type: list
  elements: dict
findings:
  description: What is wrong or about to be, the worst first.
  returned: always
  type: list
  elements: dict
  sample:
    - id: oom.protected_service_killed
      severity: critical
      subject: kiosk.service
      observed: 'killed 2026-03-01T04:11:09+00:00: kiosk.service: chromium (pid 811)'
      expected: no OOM kill
      message: the kernel killed a protected service for want of memory
      remedy: find what grew (see the forecast); give it a limit or more memory; if it leaks, no score cures it
new_findings:
  description: The keys of those findings that the host did not have at the audit before; none at the first audit.
  returned: always
  type: list
  elements: str
summary:
  description: The same for a person, line by line.
  returned: always
  type: list
  elements: str
record:
  description: The file with everything that was seen.
  returned: always
  type: str
"""
