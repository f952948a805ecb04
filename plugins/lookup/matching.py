# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(matching): the hosts of a play, at least one."""

from __future__ import annotations

DOCUMENTATION = """
name: matching
short_description: The hosts of a play, at least one
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - For C(hosts) of a play. It gives the pattern back as it is, and fails where no host matches it within C(--limit).
    Without it, Ansible skips such a play, and the run is a success.
options:
  _terms:
    description: The pattern.
    required: true
"""

EXAMPLES = """
- name: Audit the kiosks, and fail where there are none
  hosts: "{{ query('lifeboat.oom.matching', 'kiosks') }}"
"""

RETURN = """
_raw:
  description: The pattern.
  type: list
"""

from collections.abc import Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.plugins.lookup.inventory_hostnames import LookupModule as Hostnames

# What does not run the play needs no host either.
_ONLY_LOOKS = ("syntax", "listhosts", "listtasks", "listtags")


class LookupModule(LookupBase):  # type: ignore[misc]
    """Asked while the play has no hosts yet; then the hosts of the play are those within the limit."""

    def run(self, terms: list[Any], variables: Mapping[str, Any], **_options: Any) -> list[Any]:
        patterns: list[Any] = self._flatten(terms)
        if any(context.CLIARGS.get(name) for name in _ONLY_LOOKS):
            return patterns
        found: list[str] = Hostnames(loader=self._loader).run(patterns, variables)
        limit = variables.get("ansible_limit")
        if limit is not None:
            found = [host for host in found if host in variables["ansible_play_hosts_all"]]
        if not found:
            within = f" within --limit {limit}" if limit is not None else ""
            raise AnsibleLookupError(
                f"found no host that matches {','.join(map(str, patterns))}{within}, expected at least one; look at "
                "the inventory, oom_hosts and --limit"
            )
        return patterns
