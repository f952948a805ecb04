# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(heap_profile): the module on the device, and its result kept on the controller beside the audits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import host_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import heap_profile, told, write_profile
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.killed_module import explained


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        try:
            host = host_of(self, task_vars or {})
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        arguments = dict(self._task.args)
        report_dir = arguments.pop("report_dir", None)
        result = explained(self, self._execute_module("lifeboat.oom.heap_profile", arguments, task_vars=task_vars))
        if result.get("failed") or result.get("unreachable") or "sites" not in result:
            return result
        when = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            profile = heap_profile(result, host, when)
            result["summary"] = told(profile)
            if report_dir:
                result["warnings"] = [*result.get("warnings", ()), *RecordFiles(Path(report_dir)).make()]
                result["record"] = str(write_profile(Path(report_dir), profile))
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        return result
