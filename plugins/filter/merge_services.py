# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(merge_services): one list out of all C(oom_protect_services*) of a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import merge_declared


def merge_services(variables: Any, override: str | None = None, family: str | None = None) -> list[dict[str, Any]]:
    """Merge service lists by unit. Raises AnsibleFilterError naming the variables that disagree or are misspelled."""
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError(
            f"merge_services: found {type(variables).__name__}, expected a dictionary: name of the variable → its list"
        )
    try:
        return merge_declared(variables, override, family)
    except InvalidPolicy as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"merge_services": merge_services}
