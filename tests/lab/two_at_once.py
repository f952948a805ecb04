# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once on one device: both modules write the same file, and neither may lose what the other has written.

``PYTHONPATH=tests python -m lab.two_at_once --pairs 200`` takes minutes, and says of each pair what was lost.
Over ssh two runs seldom meet within the moment that matters. So the modules lie on the device and are started there,
every other pair while somebody else has the lock, so that both wait for it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import ansible

from .process import LabError
from .runner import CHECKOUT, Ansible
from .uml import Lab, Machine

_HOME = "/root/two-at-once"
_OURS = "ansible_collections/lifeboat/oom/plugins"
# Each pair has other values than the one before, so that both have to write; who starts first alternates as well.
_ON_THE_DEVICE = r"""
import contextlib, fcntl, json, os, subprocess, sys, time
def waits(process):
    fds = "/proc/%d/fd" % process.pid
    with contextlib.suppress(OSError):
        return any(os.readlink(os.path.join(fds, fd)) == "/run/lifeboat-oom.lock" for fd in os.listdir(fds))
count = int(sys.argv[1])
file, foreign = "/etc/sysctl.d/99-zz-lifeboat-oom.conf", "vm.dirty_ratio = 10"
with open(file, "w") as stream:
    stream.write(foreign + "\n")
# More to read between our file and the writing of it: without a lock and a second look 3 pairs of 10 lose lines.
for number in range(300):
    with open("/etc/sysctl.d/zzz-vendor-%d.conf" % number, "w") as stream:
        stream.write("# nothing\n")
for number in range(count):
    odd = number % 2
    wanted = {
        "overcommit": {"ratio": 60 + odd, "admin_reserve_kbytes": 4096 + odd},
        "oom_reaction": {"panic_reboot_seconds": 10 + odd, "dump_tasks": bool(odd)},
    }
    values = {
        "vm.overcommit_ratio": 60 + odd, "vm.admin_reserve_kbytes": 4096 + odd,
        "kernel.panic": 10 + odd, "vm.oom_dump_tasks": odd,
    }
    gate = os.open("/run/lifeboat-oom.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if odd:
        fcntl.flock(gate, fcntl.LOCK_EX)
    runs = []
    for name in sorted(wanted, reverse=number % 4 < 2):
        module = "ansible_collections.lifeboat.oom.plugins.modules." + name
        words = [sys.executable, "-m", module]
        run = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        run.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": wanted[name]}).encode())
        run.stdin.close()
        runs.append(run)
    while odd and not all(run.poll() is not None or waits(run) for run in runs):
        time.sleep(0.05)
    os.close(gate)
    said = [run.stdout.read().decode() for run in runs]
    failed = [text for run, text in zip(runs, said) if run.wait() or not json.loads(text)["changed"]]
    lines = {"%s = %s" % item for item in values.items()}
    stands = {line for line in open(file).read().splitlines() if not line.startswith("#")}
    running = {"%s = %s" % (key, open("/proc/sys/" + key.replace(".", "/")).read().strip()) for key in values}
    left = [name for name in os.listdir("/etc/sysctl.d") if "lifeboat" in name and not file.endswith(name)]
    print(json.dumps([*failed, *sorted((lines | {foreign}) ^ stands), *sorted(lines ^ running), *left]), flush=True)
"""


def pairs(ansible_: Ansible, device: Machine, count: int) -> Iterator[list[str]]:
    """Of each pair what failed, was lost, or was left behind."""
    packed = ansible_.lab.folder / "two-at-once.tar"
    with tarfile.open(packed, "w") as tar:
        core = Path(ansible.__file__).parent
        for name in ("__init__.py", "release.py", "_vendor", "module_utils"):
            tar.add(core / name, f"ansible/{name}")
        for name in ("modules", "module_utils"):
            tar.add(CHECKOUT / "plugins" / name, f"{_OURS}/{name}")
    device.ssh(f"mkdir -p {_HOME}")
    unpacked = ansible_.module(device, "ansible.builtin.unarchive", {"src": str(packed), "dest": _HOME})
    if unpacked["failed"]:
        raise LabError(unpacked["msg"])
    for begun in range(0, count, 10):
        some = min(10, count - begun)
        out = device.ssh(f"cd {_HOME} && python3 - {some}", stdin=_ON_THE_DEVICE, timeout=300).stdout
        yield from map(json.loads, out.splitlines())


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="how many (default: %(default)s)")
    chosen = parser.parse_args(words)
    found: Counter[bool] = Counter()
    with Lab() as lab:
        for number, lost in enumerate(pairs(Ansible(lab), lab.up("shared"), chosen.pairs), 1):
            found[bool(lost)] += 1
            print(f"{number}: {'; '.join(lost) or 'nothing lost'}", flush=True)
    print(f"{found.total()} pairs, {found[True]} of them lost something")
    return 1 if found[True] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
