# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(memory_facts): by the module of this name, or without a Python on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action, host_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.limits import SECONDS, limited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import look, told_facts

# Of what a device answers. Anything else may be for Ansible itself: hosts to add, facts that are variables of ours.
_TOLD = ("changed", "failed", "unreachable", "msg", "rc", "module_stdout", "module_stderr", "exception", "warnings")


class ActionModule(Action):
    """Changes nothing, and leaves nothing on the host."""

    SPEC = ARGUMENTS

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._task.delegate_facts:
            host_of(self, self.variables)
        with limited(SECONDS):
            answer = look(self, arguments["collector"], arguments, questions(arguments), self.variables)
        told = {key: answer[key] for key in _TOLD if key in answer}
        facts = told_facts(answer)
        return told if facts is None else {**told, "ansible_facts": {"memory_health": facts}}
