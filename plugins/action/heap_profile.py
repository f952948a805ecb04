# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(heap_profile): the module on the device, and its result kept on the controller beside the audits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import heap_profile, told, write_profile
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.killed_module import explained


class ActionModule(Action):
    def arguments(self) -> Mapping[str, Any]:
        """Unchecked: the module does that."""
        return dict(self._task.args)

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        host, options = self.host, dict(arguments)
        report_dir = options.pop("report_dir", None)
        result = explained(self, self._execute_module("lifeboat.oom.heap_profile", options, task_vars=self.variables))
        if result.get("failed") or result.get("unreachable") or "sites" not in result:
            return result
        profile = heap_profile(result, host, datetime.now(UTC).isoformat(timespec="seconds"))
        result["summary"] = told(profile)
        if report_dir:
            result["warnings"] = [*result.get("warnings", ()), *RecordFiles(Path(report_dir)).make()]
            result["record"] = str(write_profile(Path(report_dir), profile))
        return result
