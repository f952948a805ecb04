# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real grep finds in a text, as the collecting script asks it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def pieces_of(grep: Sequence[str], pattern: str, path: Path) -> tuple[bytes, dict[int, list[str]]]:
    """All that it printed, and the pieces of each line by its number."""
    argv = [*grep, "-a", "-n", "-o", "-E", "-e", pattern, "/dev/null", str(path)]
    done = subprocess.run(argv, capture_output=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    found: dict[int, list[str]] = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        number, _unused, piece = line[len(str(path)) + 1 :].partition(":")
        found.setdefault(int(number), []).append(piece)
    return done.stdout, found
