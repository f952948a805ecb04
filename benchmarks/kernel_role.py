# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role with nothing to change against a loop of ansible.posix.sysctl over the same keys, on a lab device."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lab.runner import Ansible, Run
from lab.uml import CACHE, Lab, Machine
from side_by_side import by_turns, checked, measured_on, timed

DECLARED: dict[str, Any] = {
    "oom_kernel_overcommit": {
        "mode": "never",
        "ratio": 90,
        "admin_reserve_kbytes": 8192,
        "user_reserve_kbytes": 16384,
    },
    "oom_kernel_reaction": {
        "panic_on_oom": "no",
        "panic_reboot_seconds": 10,
        "kill_allocating_task": False,
        "dump_tasks": True,
    },
}
# The same for the peer; the mode last, so that it is entered with its limit.
SYSCTLS = {
    "vm.overcommit_ratio": "90",
    "vm.admin_reserve_kbytes": "8192",
    "vm.user_reserve_kbytes": "16384",
    "vm.overcommit_memory": "2",
    "kernel.panic": "10",
    "vm.panic_on_oom": "0",
    "vm.oom_kill_allocating_task": "0",
    "vm.oom_dump_tasks": "1",
}
ROLE = [{"hosts": "all", "gather_facts": False, "roles": ["lifeboat.oom.oom_kernel"]}]
LOOP = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Set the sysctls, now and for the next boot",
                "ansible.posix.sysctl": {
                    "name": "{{ item.key }}",
                    "value": "{{ item.value }}",
                    "sysctl_set": True,
                    "sysctl_file": "/etc/sysctl.d/90-oom.conf",
                },
                "loop": "{{ sysctls | dict2items }}",
                "loop_control": {"label": "{{ item.key }}"},
            }
        ],
    }
]
# The PyPI package that belongs to our ansible-core: ansible 12 to 2.19, 11 to 2.18.
RELEASE = int(version("ansible-core").split(".")[1]) - 7
PEER = CACHE / "peer" / str(RELEASE)


def fetch_peer() -> str:
    """Take ansible.posix out of the PyPI package ansible, once, and let Ansible find it; its version."""
    posix = PEER / "ansible_collections" / "ansible" / "posix"
    if not posix.exists():
        posix.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PEER) as scratch:
            unpack(download(Path(scratch)), Path(scratch)).rename(posix)
    os.environ["PYTHONPATH"] = str(PEER)
    return str(json.loads((posix / "MANIFEST.json").read_text())["collection_info"]["version"])


def download(folder: Path) -> Path:
    words = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, *words, f"ansible=={RELEASE}.*"], check=True)
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> Path:
    prefix = "ansible_collections/ansible/posix/"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefix)])
    return folder / prefix


class Bench:
    """A device and both ways to declare its sysctls."""

    def __init__(self, ansible: Ansible, device: Machine) -> None:
        self._ansible = ansible
        self._device = device

    def role(self) -> Run:
        return self._ansible.playbook(ROLE, [self._device], variables=DECLARED)

    def loop(self) -> Run:
        return self._ansible.playbook(LOOP, [self._device], variables={"sysctls": SYSCTLS})

    def converge(self) -> None:
        """Let the role set the values and the loop find them set, so that both are known to mean the same."""
        checked(self.role(), changes=True)
        set_now = self._device.ssh(f"sysctl -n {' '.join(SYSCTLS)}").stdout.split()
        if set_now != list(SYSCTLS.values()):
            raise SystemExit(f"the role has set {set_now}, and the loop would set {SYSCTLS}")
        checked(self.loop(), changes=True)  # it writes a file of its own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (default: %(default)s)")
    chosen = parser.parse_args()
    posix = fetch_peer()
    with Lab() as lab:
        device = lab.up("bench", memory="512M")
        bench = Bench(Ansible(lab), device)
        bench.converge()
        ratios = by_turns(
            chosen.rounds,
            lambda: {"converged": timed(bench.role, changes=False)},
            lambda: {"converged": timed(bench.loop, changes=False)},
        )
        print(f"{len(SYSCTLS)} sysctls, rounds by turns: {chosen.rounds}, median (lowest to highest)")
        print(f"{measured_on(device)}; ansible.posix {posix}")
    print(f"converged, whole runs, loop / role: {ratios['converged']}")


if __name__ == "__main__":
    main()
