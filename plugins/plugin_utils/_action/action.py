# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between ActionBase and the domain: the one place where an error on the controller becomes a failed task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable


class Action(ActionBase):  # type: ignore[misc]
    """What each action does: check its options by I(SPEC), then C(act())."""

    _supports_check_mode = True
    _supports_async = False
    SPEC: ClassVar[Mapping[str, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.variables: Mapping[str, Any] = task_vars or {}
        arguments = self.arguments()
        try:
            result.update(self.act(arguments))
        except LifeboatError as error:
            raise AnsibleActionFail(printable(str(error))) from error
        return result

    def arguments(self) -> Mapping[str, Any]:
        """Those of the task, checked by I(SPEC)."""
        _unused, arguments = self.validate_argument_spec(argument_spec=self.SPEC)
        return dict(arguments)

    @property
    def host(self) -> str:
        """The name of the host that what is found belongs to. Raises LifeboatError."""
        return host_of(self, self.variables)

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of the task. Raises LifeboatError."""
        raise NotImplementedError


def host_of(action: ActionBase, variables: Mapping[str, Any]) -> str:
    """Raises LifeboatError where the task is delegated: then what it finds is found on another host."""
    host, delegate = str(variables.get("inventory_hostname", "localhost")), action._task.delegate_to
    if delegate and delegate != host:
        raise LifeboatError(
            f"the task is delegated to {delegate}, and what it finds there would be taken for that of {host}; run it "
            f"with {delegate} among the hosts of the play"
        )
    return host
