# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that set one family of sysctls, and those that take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from unit.fake_host import FakeKernel
from unit.samples import RUNTIME

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge import converge

Declared = Dict[str, Dict[str, Any]]
OURS: Declared = {"overcommit": {"mode": "always", "ratio": 80}}
PANIC: Declared = {"reaction": {"panic_on_oom": "global", "force": True}}


def kernel(root: Path) -> FakeKernel:
    """A host with systemd, whose sysctls may be set."""
    found = FakeKernel(root)
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    found.has("/proc/meminfo", "MemTotal: 4000000 kB\nMemFree: 1000000 kB\nMemAvailable: 2000000 kB\n")
    found.has_folder("/etc/sysctl.d")
    return found


def present(host: FakeKernel, declared: Declared) -> dict[str, Any]:
    return _converged(host, declared, {"on_conflict": "override"})


def absent(host: FakeKernel, declared: Declared, check_mode: bool = False) -> dict[str, Any]:
    return _converged(host, {name: {} for name in declared}, {"state": "absent"}, check_mode)


def _converged(host: FakeKernel, declared: Declared, more: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
    ((name, options),) = declared.items()
    return converge(host, load_policy({name: {**options, **more}}), check_mode)[name]
