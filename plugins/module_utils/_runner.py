# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between AnsibleModule and the domain: the one place where an error becomes a failed task."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable

Body = Callable[[Host, Mapping[str, Any], bool], Dict[str, Any]]


def run(argument_spec: Dict[str, Any], body: Body, needs_root: bool = True) -> None:
    """Run I(body) with the host, the parameters and check mode, and leave the process.

    I(body) returns the module's result; its C(warnings) are shown as such, and one with C(failed) and C(msg)
    fails the task with all that it holds.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True)
    host = Host()
    try:
        if needs_root and not host.is_root:
            raise LifeboatError(
                "this module reads and writes what only root may; log in as root, or set become: true for the task "
                "(in an inventory: ansible_become: true)"
            )
        result = body(host, module.params, module.check_mode)
    except Refused as error:
        module.fail_json(msg=str(error), refused=printable(error.numbers))
    except LifeboatError as error:
        module.fail_json(msg=printable(str(error)))
    for warning in result.pop("warnings", ()):
        module.warn(printable(warning))
    if result.get("failed"):
        module.fail_json(**printable(result))
    module.exit_json(**printable(result))
