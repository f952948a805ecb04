# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(leaks): from the audits and profiles that were kept to whom to profile and what to upgrade. Touches no device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive import profiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

# Profiles take minutes each, one after the other: the services that a single host may name.
_MOST_TARGETS = 5
_MOST_TOLD = 10


class ActionModule(Action):
    _requires_connection = False
    SPEC: ClassVar = {
        "report_dir": {"type": "str", "required": True},
        "hosts": {"type": "list", "elements": "str"},
        "share_pct": {"type": "int", "default": 10},
        "max_age_days": {"type": "int", "default": 30},
    }

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        report_dir = Path(arguments["report_dir"])
        play = frozenset(arguments["hosts"] or self.variables.get("ansible_play_hosts_all", []))
        hosts = sorted(play)
        now, days = int(time.time()), arguments["max_age_days"]
        if not report_dir.is_dir():
            raise LifeboatError(
                f"report_dir: there is no folder {report_dir.resolve()}, so no audit was kept there; run "
                "lifeboat.oom.audit first, or say where its report is"
            )
        rows = [filed.row for filed in RecordFiles(report_dir).rows() if filed.row.host in play]
        usable, unused = profiles.young(report_dir, hosts, now, days)
        found, packages = profiles.groups(rows), profiles.leaky_packages(usable, arguments["share_pct"])
        services: dict[str, list[str]] = {}
        for group in sorted(found, key=lambda group: -group.rate_bytes_per_hour):
            if group.is_service:
                services.setdefault(group.chosen, []).append(group.unit)
        told = [clean(group.told()) for group in found]
        told += [
            clean(f"{host}: {len(units)} services; the {_MOST_TARGETS} that leak fastest are profiled, not {units[-1]}")
            for host, units in sorted(services.items())
            if len(units) > _MOST_TARGETS
        ]
        # What another device says is a hint. Whom it is for is said by each host: in its own audit, then by a look.
        audited = [row for row in rows if row.level != LEVELS[-1] and not profiles.too_old(row.audited_at, now, days)]
        own = {row.host: [asdict(one) for one in profiles.candidates(row, packages)] for row in audited}
        return {
            "changed": False,
            "groups": [asdict(group) for group in found],
            "targets": {host: units[:_MOST_TARGETS] for host, units in services.items()},
            "packages": [asdict(package) for package in packages],
            "candidates": {host: packages for host, packages in own.items() if packages},
            "now": now,
            "summary": told or ["no leak was found by the last audits of these hosts"],
            "unused": _told(unused, [host for host in hosts if host not in own] if packages else [], days),
        }


def _told(unused: list[str], not_audited: list[str], days: int) -> list[str]:
    found = unused[:_MOST_TOLD]
    if len(unused) > _MOST_TOLD:
        found.append(f"{len(unused) - _MOST_TOLD} more profiles are not used")
    if not_audited:
        names = ", ".join(not_audited[:_MOST_TOLD]) + (", ..." if len(not_audited) > _MOST_TOLD else "")
        found.append(
            clean(f"no audit of the last {days} days says that these hosts leak, so none is upgraded: {names}", 1000)
        )
    return found
