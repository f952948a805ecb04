# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to say of a module that was killed, of which Ansible says that it found no JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import CGROUP, OomReport
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

# A shell adds 128 to the number of SIGKILL; Python's own subprocesses have it below 0.
_KILLED = (137, -9)
_LAST_LINES = "dmesg 2> /dev/null | tail -n 300"
# How Ansible's own words about it are called.
_MISLEADING = ("module_stdout", "module_stderr", "exception")


def explained(action: ActionBase, result: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a module; where it was killed with words that say so, and by what if the kernel log tells."""
    if "invocation" in result or not result.get("failed") or not _was_killed(result):
        return dict(result)
    told = {name: value for name, value in result.items() if name not in _MISLEADING}
    return {**told, "msg": f"the module was killed (signal 9) while it ran on the host, {_by_what(action)}"}


def _was_killed(result: Mapping[str, Any]) -> bool:
    said = f"{result.get('module_stdout') or ''}\n{result.get('module_stderr') or ''}".split("\n")
    return result.get("rc") in _KILLED or any(line.strip() == "Killed" for line in said)


def _by_what(action: ActionBase) -> str:
    events: tuple[OomReport, ...] = ()
    with contextlib.suppress(AnsibleError):  # who cannot be reached now says nothing
        events = parse(str(action._low_level_execute_command(_LAST_LINES)["stdout"])).events
    for event in reversed(events):
        for victim in event.victims:
            if "python" in (victim.comm or ""):
                where = event.limit_cgroup or "its control group"
                why = f"at the limit of {where}" if event.scope == CGROUP else "for want of memory"
                return clean(f"by the kernel {why}: {victim.label} with {victim.rss_kib} KiB")
    return (
        "the kernel log does not say by what; see what ends processes there: an OOM daemon, a limit of the session, "
        "a watchdog"
    )
