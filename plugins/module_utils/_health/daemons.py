# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that kill before the kernel does: each has an idea of its own of who should die."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import HIDDEN, setting_pattern
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import read_section
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import is_share

# By the name of the process, which the kernel cuts after 15 bytes.
DAEMONS = ("earlyoom", "systemd-oomd", "nohang", "oomd", "bustd", "lmkd", "low-memory-moni")
OOMD_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
_DURATION = re.compile("[0-9.][0-9. \ta-zA-Z\u00b5\u03bc]*")
# A number, or an option; collect.sh has the same. What else a command line holds may be a password.
_PLAIN_WORD = re.compile("-?[A-Za-z]?[0-9,.%]{0,12}|--[A-Za-z-]*=?[0-9,.%]{0,12}")


@dataclass(frozen=True)
class OomDaemon:
    """A daemon that kills before the kernel does, and runs."""

    name: str
    """Name of its process, such as C(earlyoom)."""

    pid: int
    """Number of its process."""

    unit: Optional[str]
    """Its systemd unit; null outside of any."""

    arguments: Tuple[str, ...]
    """What it was started with: options and numbers; in place of each other word C(...), for it may be a password."""

    settings: Mapping[str, str]
    """What its files set, by key: for systemd-oomd the keys of oomd.conf(5), for others nothing."""


def read_daemons(host: Door, processes: Sequence[Process]) -> Tuple[OomDaemon, ...]:
    return tuple(_daemon(host, process) for process in processes if process.comm in DAEMONS)


def _daemon(host: Door, process: Process) -> OomDaemon:
    try:
        with host.process(process.pid) as folder:
            words = parse_cmdline(folder.read("cmdline"))[1:]
    except Missing:
        words = ()
    arguments = tuple(word if _PLAIN_WORD.fullmatch(word) else HIDDEN for word in words)
    settings = _oomd_settings(host) if process.comm == "systemd-oomd" else {}
    return OomDaemon(process.comm, process.pid, process.unit, arguments, settings)


def parse_cmdline(text: str) -> Tuple[str, ...]:
    """The words of C(/proc/PID/cmdline). Each ends with NUL, but the last need not: a process may overwrite them."""
    words = text.split("\0")
    return tuple(words if words[-1] else words[:-1])


def _oomd_settings(host: Door) -> Dict[str, str]:
    """The main file that comes first, then the drop-ins of all folders by name, each masking equal names below it."""
    mains = (host.read_if_there(folder + "/oomd.conf") for folder in OOMD_FOLDERS)
    # One that is empty, or a link to /dev/null, hides those below it as well.
    texts = [next((text for text in mains if text is not None), "")]
    chosen: Dict[str, str] = {}
    for folder in OOMD_FOLDERS:
        for name in host.names(folder + "/oomd.conf.d"):
            if name.endswith(".conf"):
                chosen.setdefault(name, folder + "/oomd.conf.d/" + name)
    texts += [host.read_if_there(chosen[name]) or "" for name in sorted(chosen)]
    return {key: value for key, value in parse_oomd(texts).items() if key in _TAKES}


def parse_oomd(texts: Sequence[str]) -> Dict[str, str]:
    """What section C([OOM]) of the files sets, the last one wins; an empty value takes it back.

    A value that systemd refuses, such as one with a remark behind it, leaves the one before.
    """
    found: Dict[str, str] = {}
    for text in texts:
        for _line, key, value in read_section(text, "OOM"):
            if not value or _TAKES.get(key, bool)(value):
                found[key] = value
    return {key: value for key, value in found.items() if value}


def _is_duration(value: str) -> bool:
    return value == "infinity" or _DURATION.fullmatch(value) is not None


_TAKES: Mapping[str, Callable[[str], bool]] = {
    "SwapUsedLimit": is_share,
    "SwapUsedLimitPercent": is_share,
    "DefaultMemoryPressureLimit": is_share,
    "DefaultMemoryPressureLimitPercent": is_share,
    "DefaultMemoryPressureDurationSec": _is_duration,
    "PrekillHookTimeoutSec": _is_duration,
}
# Extended regular expressions for the lines of C(oomd.conf) that matter.
KEPT_PATTERNS = (setting_pattern(_TAKES, ["infinity"]), "\\[OOM\\][^!-~]*$")
