# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the profiler, validated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import size_bytes

HEAPTRACK, MEMCHECK, MASSIF = TOOLS = ("heaptrack", "valgrind_memcheck", "valgrind_massif")
_DAY = 86_400


@dataclass(frozen=True)
class Request:
    """One of I(unit), I(pid) and I(command) is given. I(warm_up) and I(duration) are seconds from when it runs.

    I(timeout) is seconds from the first change to when all has to be taken back. I(max_memory_bytes) is C(None) where
    it follows from what is available.
    """

    tool: str
    unit: Optional[str]
    pid: Optional[int]
    command: Tuple[str, ...]
    duration: int
    warm_up: int
    timeout: int
    max_disk_bytes: int
    max_memory_bytes: Optional[int]
    top: int
    keep_raw: bool

    @property
    def subject(self) -> str:
        """What is profiled, for people and as a key; of a command the program, for an argument may be a password."""
        return self.unit or (f"pid {self.pid}" if self.pid else self.command[0])


def request(params: Mapping[str, Any]) -> Request:
    """Raises InvalidPolicy, naming the option."""
    unit, pid, command = params["unit"], params["pid"], params["command"] or ()
    given = [name for name in ("unit", "pid", "command") if params[name] not in (None, "", [])]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise InvalidPolicy(f"unit, pid, command: found {found}, expected one: say what to profile")
    _check_tool(params, given[0])
    duration = whole_number("duration", params["duration"], 1, _DAY)
    warm_up = duration // 3 if params["warm_up"] is None else whole_number("warm_up", params["warm_up"], 0, _DAY)
    if warm_up >= duration:
        raise InvalidPolicy(f"warm_up: found {warm_up} s, expected less than duration, {duration} s")
    timeout = whole_number("timeout", params["timeout"], 1, 2 * _DAY)
    if timeout <= duration:
        raise InvalidPolicy(
            f"timeout: found {timeout} s, expected more than duration, {duration} s: starting and stopping take time"
        )
    return Request(
        tool=params["tool"],
        unit=names.canonical(unit) if unit else None,
        pid=None if pid is None else whole_number("pid", pid, 2, 2**22),
        command=tuple(command),
        duration=duration,
        warm_up=warm_up,
        timeout=timeout,
        max_disk_bytes=_size("max_disk", params["max_disk"]),
        max_memory_bytes=_size("max_memory", params["max_memory"]) if params["max_memory"] else None,
        top=whole_number("top", params["top"], 1, 100),
        keep_raw=bool(params["keep_raw"]),
    )


def _check_tool(params: Mapping[str, Any], given: str) -> None:
    if given == "pid" and params["tool"] != HEAPTRACK:
        raise InvalidPolicy(
            f"pid: found tool {params['tool']}, which cannot attach to a process that runs; expected heaptrack: name "
            "the unit instead, which is restarted into the tool, or use heaptrack"
        )
    if given == "pid" and not params["confirm_attach"]:
        raise InvalidPolicy(
            "confirm_attach: found false, expected true: attaching stops the process for a moment, runs code in it, "
            "and may crash it, then or later. Name the unit instead, which is restarted, or set confirm_attach: true"
        )
    if given == "unit" and names.parse(params["unit"]).type != "service":
        raise InvalidPolicy(f"unit: found {params['unit']!r}, expected a service")
    if given == "unit" and names.parse(params["unit"]).is_template:
        raise InvalidPolicy(f"unit: found the template {params['unit']!r}, expected one of its instances")


def _size(where: str, value: Any) -> int:
    size = size_bytes(str(value))
    if not size:
        raise InvalidPolicy(f"{where}: found {value!r}, expected a size such as 512M")
    return size
