# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab for people: machines that stay up between commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import kernel
from .kind import Kind
from .process import LabError
from .uml import Lab, Machine


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("--name", default="lab", help="another lab beside the first (default: %(default)s)")
    parser.add_argument("--suite", default=Kind.suite, help="Debian release, or busybox (default: %(default)s)")
    kernels = ", ".join(kernel.SUITES)
    parser.add_argument("--kernel", default=Kind.kernel, help=f"{kernels} or a program (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("image", help="build the image, unless it is there")
    up = commands.add_parser("up", help="boot machines side by side")
    up.add_argument("names", nargs="+", metavar="NAME")
    up.add_argument("--memory", default="384M", help="of each (default: %(default)s)")
    up.add_argument("--swap", help="size of a swap disk, as 128M (default: none)")
    ssh = commands.add_parser("ssh", help="a shell on a machine, or one command")
    ssh.add_argument("machine", metavar="NAME")
    ssh.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    console = commands.add_parser("console", help="what a machine's kernel wrote")
    console.add_argument("machine", metavar="NAME")
    commands.add_parser("inventory", help="print the inventory of the machines that are up")
    down = commands.add_parser("down", help="end machines; without a name all, and the lab")
    down.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args(words)


def _named(lab: Lab, name: str) -> Machine:
    machines = lab.machines
    if name not in machines:
        raise LabError(f"no machine {name}; up are: {', '.join(machines) or 'none'}")
    return machines[name]


def _write_inventory(lab: Lab) -> Path:
    path = lab.folder / "inventory.yml"
    path.write_text(lab.inventory())
    return path


def _up(lab: Lab, chosen: argparse.Namespace) -> None:
    with lab:
        lab.up_many(chosen.names, memory=chosen.memory, swap=chosen.swap)
        inventory = _write_inventory(lab)
    for machine in lab.machines.values():
        print(f"{machine.name}  {machine.address}")
    print(f"ansible-playbook -i {os.path.relpath(inventory)} PLAYBOOK")
    print(f"ssh -F {os.path.relpath(lab.access.config)} {machine.address}")


def _down(lab: Lab, chosen: argparse.Namespace) -> None:
    if not lab.folder.exists():
        return
    if not chosen.names:
        lab.close()
        return
    for machine in [_named(lab, name) for name in chosen.names]:
        machine.down()
    _write_inventory(lab)


def _ssh(lab: Lab, chosen: argparse.Namespace) -> None:
    command = _named(lab, chosen.machine).ssh_command(*chosen.words)
    os.execvp(command[0], command)


def main(words: Sequence[str]) -> int:
    chosen = _arguments(words)
    lab = Lab(name=chosen.name, suite=chosen.suite, kernel=chosen.kernel, keep=True)
    try:
        match chosen.command:
            case "image":
                print(lab.build_image())
            case "up":
                _up(lab, chosen)
            case "ssh":
                _ssh(lab, chosen)
            case "console":
                print(_named(lab, chosen.machine).console(None))
            case "inventory":
                print(lab.inventory(), end="")
            case "down":
                _down(lab, chosen)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
