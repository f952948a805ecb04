# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one command that a host without Python is looked at with: C(collect.sh) and what it is to look for."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._door import TOO_LARGE_BYTES
from ansible_collections.lifeboat.oom.plugins.module_utils._health import (
    daemons,
    dormant,
    identity,
    log_sources,
    packages,
    sampler_log,
    services,
    sysctls,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import shell_pattern
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel import cgroups
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import ZRAM_FILES
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import prefilter
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.cmdline import CMDLINE, cmdline_pattern
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.kept import kept_patterns
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SOURCES
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import dropins, names, units
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import SEEN_FILE

_BODY = Path(__file__).with_name("collect.sh")
_KERNEL_FILES = (
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/zoneinfo",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/cpuinfo",
    "/proc/1/comm",
    "/proc/stat",
    "/proc/self/status",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/sys/fs/cgroup/cgroup.controllers",
    "/sys/fs/cgroup/unified/cgroup.controllers",
)


def render(questions: Questions, root: str = "") -> str:
    """The script that answers I(questions) about the host below I(root), as text for C(sh)."""
    lists = {
        "TEMPLATES": (name for name in questions.units if names.split(name).is_template),
        "KERNEL_FILES": _KERNEL_FILES,
        "ZRAM_FILES": ZRAM_FILES,
        "CGROUP_FILES": _any_name({*cgroups.FILES[1], *cgroups.FILES[2]}),
        "EXISTING": identity.CONTAINER_FILES,
        "FILES": (identity.CONTAINER_NAME, sampler_log.SAMPLES_FILE, SEEN_FILE),
        "OS_RELEASE": identity.OS_RELEASE,
        "OOMD_FILES": _below(daemons.OOMD_FOLDERS, "oomd.conf"),
        "OOMD_FOLDERS": _below(daemons.OOMD_FOLDERS, "oomd.conf.d"),
        "SYSCTL_PROGRAMS": sysctls.PROGRAMS,
        "SYSCTL_FOLDERS": dict.fromkeys(folder for source in SOURCES.values() for folder in source.folders),
        "SYSCTL_FILES": dict.fromkeys(source.last for source in SOURCES.values()),
        "SYSCTL_KEYS": map(proc_path, sysctls.KEYS_READ),
        "UNIT_FOLDERS": dropins.SEARCH_PATH,
        "SHOW_WORDS": units.SHOW,
        "DPKG_OWNERS_WORDS": packages.DPKG_OWNERS,
        "DPKG_VERSIONS_WORDS": packages.DPKG_VERSIONS,
        "RPM_OWNERS_WORDS": packages.RPM_OWNERS,
        "RPM_OWNERS_OF_ONE_WORDS": packages.RPM_OWNERS_OF_ONE,
    }
    words = {
        "ROOT": root,
        "DROPIN": questions.dropin,
        "SHARES": str(questions.shares),
        "OWN_SYSCTL_FILE": questions.own_sysctl_file,
        "DAEMONS": "|".join(daemons.DAEMONS),
        "SHOW": " ".join(units.SHOW),
        "DPKG_OWNERS": " ".join(packages.DPKG_OWNERS),
        "DPKG_VERSIONS": " ".join(packages.DPKG_VERSIONS),
        "RPM_OWNERS": " ".join(packages.RPM_OWNERS),
        "RPM_OWNERS_OF_ONE": " ".join(packages.RPM_OWNERS_OF_ONE),
        "LOG_WORDS": log_sources.WORDS,
        "LOG_LINES": prefilter.SHELL_PATTERN,
        "USER_NAMESPACE": services.USER_NAMESPACE,
        "OS_RELEASE_LINES": "^({})=.*".format("|".join(identity.OS_RELEASE_NAMES)),
        "SYSCTL_LINES": shell_pattern(kept_patterns(ALL_KEYS)),
        "UNIT_LINES": shell_pattern([*dropins.KEPT_PATTERNS, *daemons.KEPT_PATTERNS]),
        "CMDLINE": CMDLINE,
        "CMDLINE_WORD": cmdline_pattern(ALL_KEYS),
        "TOO_LARGE_DIGITS": str(len(str(TOO_LARGE_BYTES))),
        **{name: "\n".join(lines) for name, lines in lists.items()},
    }
    assignments = "".join(f"{name}={shlex.quote(value)}\n" for name, value in words.items())
    patterns = " ".join(shlex.quote(pattern) for pattern in units.patterns(questions.units))
    # What it starts must not read the script from standard input; what it prints past a pipe goes to 3.
    return f"{assignments}{_BODY.read_text(encoding='utf-8')}{_commands(questions)}main {patterns} 3>&1 < /dev/null\n"


def _commands(questions: Questions) -> str:
    logs = log_sources.argvs(questions.log_lines, questions.log_since)
    asked = (identity.DETECT_ARGV, services.VERSION_ARGV, services.MANAGER_ARGV, dormant.ARGV, dormant.PEAKS_ARGV)
    lines = [_command("run", argv) for argv in asked] + [_command("run_log", argv) for argv in logs]
    for path, argv in log_sources.files(questions.log_lines):
        lines.append(shlex.join(["log_file", path, " ".join(argv), *argv[:-1]]))
    return "commands() {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _command(how: str, argv: Sequence[str]) -> str:
    return shlex.join([how, " ".join(argv), *argv])


def _below(folders: Iterable[str], name: str) -> list[str]:
    return [f"{folder}/{name}" for folder in folders]


def _any_name(files: Iterable[str]) -> list[str]:
    """The words of find(1) for a file with any of these names."""
    return [word for name in sorted(files) for word in ("-o", "-name", name)][1:]
