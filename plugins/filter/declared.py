# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(declared): what the variables of a host declare, by family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.inventory import declared_by
from ansible_collections.lifeboat.oom.plugins.plugin_utils._variables.faults import of_names


def declared(variables: Any, state: str = "present", role: str = "") -> dict[str, Any]:
    """Raises AnsibleFilterError naming the variables that disagree or are misspelled."""
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError(
            f"declared: found {type(variables).__name__}, expected a dictionary: name of the variable → its value"
        )
    if state not in ("present", "absent"):
        raise AnsibleFilterError(f"declared: found the state {state!r}, expected present or absent")
    for fault in of_names(variables):
        raise AnsibleFilterError(fault)
    try:
        return declared_by(variables, state, role)
    except InvalidPolicy as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"declared": declared}
