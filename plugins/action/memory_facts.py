# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(memory_facts): by the module of this name, or without a Python on the host."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.limits import SECONDS, limited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import look
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import at

# Of what a device answers. Anything else may be for Ansible itself: hosts to add, facts that are variables of ours.
_TOLD = ("changed", "failed", "unreachable", "msg", "rc", "module_stdout", "module_stderr", "exception", "warnings")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Changes nothing, and leaves nothing on the host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            with limited(SECONDS):
                answer = look(self, arguments["collector"], arguments, questions(arguments), task_vars or {})
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        result.update((key, answer[key]) for key in _TOLD if key in answer)
        facts = at(answer, "ansible_facts", "memory_health")
        return result if facts is None else {**result, "ansible_facts": {"memory_health": facts}}
