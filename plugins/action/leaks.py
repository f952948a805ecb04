# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(leaks): from the audits and profiles that were kept to whom to profile and what to upgrade. Touches no device."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import groups, leaky_packages, profiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            argument_spec={
                "report_dir": {"type": "str", "required": True},
                "hosts": {"type": "list", "elements": "str"},
                "share_pct": {"type": "int", "default": 10},
            }
        )
        report_dir = Path(arguments["report_dir"])
        hosts = arguments["hosts"] or (task_vars or {}).get("ansible_play_hosts_all", [])
        try:
            found = groups((filed.row for filed in RecordFiles(report_dir).rows()), frozenset(hosts))
            packages = leaky_packages(profiles(report_dir), arguments["share_pct"])
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        targets: dict[str, list[str]] = {}
        for group in found:
            if group.is_service:
                targets.setdefault(group.chosen, []).append(group.unit)
        result.update(
            changed=False,
            groups=[group.as_dict() for group in found],
            targets=targets,
            packages=[package.as_dict() for package in packages],
            now=int(time.time()),
            files=sorted({file for package in packages for file in package.files}),
            summary=[clean(group.told()) for group in found] or ["no leak was found by the last audits of these hosts"],
        )
        return result
