# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who reads our documentation and does what it says, on devices of the lab."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.blocks import CHECKOUT, plain_environment

from .access import Access
from .uml import Lab, Machine


def reader(
    lab: Lab, machines: Sequence[Machine], folder: Path, variables: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The environment of a reader in this folder, whose ``ssh`` and ``-i inventory`` know the machines."""
    programs = folder / "bin"
    programs.mkdir()
    _write_ssh(programs / "ssh", lab.access, machines)
    for program in Path(sys.executable).parent.glob("ansible*"):
        (programs / program.name).symlink_to(program)
    (folder / "inventory").mkdir()
    (folder / "inventory/lab.json").write_text(lab.inventory(machines, variables))
    return {
        **plain_environment(programs, folder),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }


def _write_ssh(path: Path, access: Access, machines: Sequence[Machine]) -> None:
    """An ssh that knows the machines by name; what Ansible asks of it has a -F of its own, and that one wins."""
    names = "".join(f"s/@{machine.name}$/@{machine.address}/;" for machine in machines)
    path.write_text(
        "#!/bin/bash\n"
        'for word in "$@"; do [ "$word" != -F ] || exec /usr/bin/ssh "$@"; done\n'
        f'host=$(echo "$1" | sed {shlex.quote(names)}); shift\n'
        f'exec /usr/bin/ssh -F {shlex.quote(str(access.config))} "$host" "$@"\n'
    )
    path.chmod(0o755)
