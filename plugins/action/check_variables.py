# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(check_variables): refuse what begins like a variable of ours and is none. Touches no device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._variables.faults import faults


class ActionModule(Action):
    _requires_connection = False
    SPEC: ClassVar = {}

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found = list(faults(self.variables, self._templar.template))
        return {"changed": False, **({"failed": True, "msg": ". ".join(found)} if found else {})}
