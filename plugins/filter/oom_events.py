# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(oom_events): any text that holds kernel messages, to a list of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse


def oom_events(log: Any) -> list[dict[str, Any]]:
    """Events as dicts, oldest first. Source of the shape: C(OomReport).

    Raises C(AnsibleFilterError) if I(log) is neither text nor a list of lines.
    """
    if not isinstance(log, (str, list, tuple)):
        raise _refused(log, "")
    for number, line in enumerate([] if isinstance(log, str) else log, start=1):
        if not isinstance(line, str):
            raise _refused(line, f" as line {number}")
    return [event.as_dict() for event in parse(log).events]


def _refused(value: Any, where: str) -> AnsibleFilterError:
    found = "nothing" if value is None else f"a value of type {type(value).__name__}"
    return AnsibleFilterError(
        f"oom_events: found {found}{where}, expected text: "
        "pass the whole text, such as the stdout of journalctl, or a list of its lines"
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"oom_events": oom_events}
