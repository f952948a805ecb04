# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python interpreters of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# What a controller of this collection needs; devices need less.
CONTROLLER_MINIMUM = (3, 11)


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def find(version: str) -> Path | None:
    """The interpreter of a version such as ``3.7``, itself and not a version manager's stand-in for it."""
    for candidate in _candidates(version):
        asked = subprocess.run(
            [candidate, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.executable)"],
            capture_output=True,
            text=True,
            check=False,
        )
        found, _unused, path = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and found == version:
            return Path(path)
    return None


def _candidates(version: str) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from (str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True))
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
