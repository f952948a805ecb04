# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profilers as they are installed: their programs, what starts with them, and how they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Iterable, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import OS_RELEASE, parse_os_release
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import HEAPTRACK, MEMCHECK
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.quoting import quoted

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# How to install, by the family of the distribution, and what valgrind needs beside itself: it must find the symbols
# of the C library's loader, which most distributions strip.
_INSTALL: Mapping[str, Tuple[str, Mapping[str, str]]] = {
    "debian": ("apt install", {"valgrind": "valgrind libc6-dbg"}),
    "fedora": ("dnf install", {"valgrind": "valgrind glibc-debuginfo"}),
    "rhel": ("dnf install", {"heaptrack": "heaptrack (from EPEL)"}),
    "suse": ("zypper install", {"valgrind": "valgrind glibc-debuginfo"}),
    "arch": ("pacman -S", {}),
    "alpine": ("apk add", {"valgrind": "valgrind musl-dbg"}),
}
_LIB_REL_PATH = re.compile(r'^LIB_REL_PATH="([^"$`]+)"$', re.MULTILINE)
# A service that fails or ends with the profiler is no reason to reboot the host. To OnFailure= a drop-in can only add.
HARMLESS = ("[Unit]", "FailureAction=none", "StartLimitAction=none", "SuccessAction=none")
_RAW = "raw"
_CALLERS = "--num-callers=30"
# Of VALGRIND_OPTS and .valgrindrc some make it write nothing, or something else.
_ALONE = "--command-line-only=yes"


@dataclass(frozen=True)
class Tool:
    """How a program is started with the profiler: I(words) before its own, I(environment), I(settings) of its unit.

    I(factor) is how much more memory it takes then, about. I(library) is where heaptrack has its own files.
    """

    name: str
    words: Tuple[str, ...]
    environment: Mapping[str, str]
    settings: Mapping[str, str]
    factor: float
    library: Optional[str] = None

    def output(self, folder: str, pid: Optional[int]) -> str:
        """The file that the profiler writes for the main process."""
        return f"{folder}/{_RAW}" if self.name == HEAPTRACK else f"{folder}/{pid}.out"


def tool(host: Door, name: str, folder: str) -> Tool:
    """The profiler I(name), to write into I(folder). Raises Unsupported where it is not installed."""
    if name == HEAPTRACK:
        return _heaptrack(host, folder)
    valgrind = program(host, "valgrind")
    # Of the processes that it starts each writes a file of its own.
    words = [valgrind, _ALONE, "--trace-children=yes", "--child-silent-after-fork=yes", _CALLERS]
    if name == MEMCHECK:
        words += ["--tool=memcheck", "--leak-check=full", "--show-leak-kinds=all", "--undef-value-errors=no"]
        words += ["--xml=yes", f"--xml-file={folder}/%p.out"]
    else:
        words += ["--tool=massif", "--detailed-freq=1", "--time-unit=ms", f"--massif-out-file={folder}/%p.out"]
    # It makes the code that it runs, and is too slow for a watchdog.
    settings = {"MemoryDenyWriteExecute": "no", "WatchdogSec": "0"}
    return Tool(name, tuple(words), {}, settings, factor=2.5)


def forking(tool: Tool, unit: str) -> Tool:
    """The tool for a service that goes on as a child of what was started. Raises Unsupported where it cannot follow."""
    if tool.name == HEAPTRACK:
        raise Unsupported(
            f"{unit} has Type=forking: it goes on as a child of the process that is started, and heaptrack follows "
            "that process alone; use valgrind_memcheck"
        )
    return replace(tool, words=(*tool.words, "--child-silent-after-fork=no"))  # the last one counts


def program(host: Door, name: str, package: Optional[str] = None) -> str:
    """The path of a program. Raises Unsupported, saying how to install it."""
    found = next((folder + "/" + name for folder in _PATH if host.exists(folder + "/" + name)), None)
    if found is None:
        raise Unsupported(f"{name} is not installed on this host; {install_hint(host, package or name)}")
    return found


def install_hint(host: Door, package: str) -> str:
    """How to install a package here, for people."""
    texts = (host.read_if_there(path) for path in OS_RELEASE)
    release = parse_os_release(next((text for text in texts if text is not None), ""))
    families = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    families += ["suse" for family in families if "suse" in family]
    family = next((family for family in families if family in _INSTALL), None)
    if family is None:
        return f"install the package {package} of your distribution"
    command, names = _INSTALL[family]
    return f"install it: {command} {names.get(package, package)}"


def _heaptrack(host: Door, folder: str) -> Tool:
    script = program(host, "heaptrack")
    program(host, "heaptrack_print", "heaptrack")
    # The script is beside its library, under a path that differs by distribution and stands in it.
    inside = _LIB_REL_PATH.search(host.read(script))
    parts = (script.rpartition("/")[0] + "/" + (inside.group(1) if inside else "../lib/heaptrack")).split("/")
    while ".." in parts:
        up = parts.index("..")
        del parts[max(up - 1, 1) : up + 1]
    library = "/".join(parts)
    preload = library + "/libheaptrack_preload.so"
    if not host.exists(preload):
        raise Unsupported(f"heaptrack is here, but not {preload}; {install_hint(host, 'heaptrack')}")
    environment = {"LD_PRELOAD": preload, "DUMP_HEAPTRACK_OUTPUT": f"{folder}/{_RAW}"}
    return Tool(HEAPTRACK, (), environment, {}, factor=1.3, library=library)


def dropin(tool: Tool, exec_start: Optional[str], timeout: int, writable: Optional[str], preloaded: str) -> str:
    """The drop-in that starts a unit with the profiler; I(exec_start) as the unit's files have it, C(None) to keep it.

    I(preloaded) is what the unit itself preloads. I(writable) is the folder that a sandbox has to let it write to.
    """
    lines = [
        "# Made by lifeboat.oom.heap_profile for one run, and taken back by it.",
        *HARMLESS,
        "[Service]",
        "Restart=no",
        f"TimeoutStartSec={timeout}",
    ]
    lines += [f"{key}={value}" for key, value in sorted(tool.settings.items())]
    lines += [f"ReadWritePaths={writable}"] if writable else []
    for key, value in sorted(tool.environment.items()):
        both = value + ":" + preloaded if key == "LD_PRELOAD" and preloaded else value
        lines.append("Environment=" + quoted(f"{key}={both}"))
    if exec_start is not None and tool.words:
        lines += ["ExecStart=", "ExecStart=" + in_front(tool.words, exec_start)]
    return "\n".join(lines) + "\n"


def in_front(words: Tuple[str, ...], exec_start: str) -> str:
    """The command of a unit with these words before it, its prefixes (C(-), C(+), ...) before all.

    Raises Unsupported for the prefix C(@), which gives the program another name.
    """
    rest = exec_start.lstrip("-:+!|")
    prefixes = exec_start[: len(exec_start) - len(rest)]
    if rest.startswith("@"):
        raise Unsupported(
            "ExecStart= of the unit has an '@' in front, which gives the program another name; valgrind cannot, "
            "use heaptrack"
        )
    return prefixes + " ".join(word.replace("%", "%%") for word in words) + " " + rest


def commands(values: Iterable[str]) -> Tuple[str, ...]:
    """The commands of a unit from the values of all its C(ExecStart=): an empty one forgets those before."""
    found: Tuple[str, ...] = ()
    for value in values:
        found = (*found, value) if value else ()
    return found
