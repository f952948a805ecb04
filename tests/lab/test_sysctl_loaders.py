# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we say that files set at boot is what a real loader leaves a real kernel with, refused values among them.

tests/precedence compares far more files with the loaders alone; here the kernel has its say.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from random import Random

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import kernel_version
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader, proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES, MODE, RATIO, VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState, boot_values
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile

from .test_sysctl_values import mode_is_chance
from .uml import Machine

TREES = 200
COMMANDS: dict[Loader, str] = {
    "systemd": "/lib/systemd/systemd-sysctl",
    "procps": "sysctl --system",
    "procps3": "sysctl --system",
    "busybox": "sysctl -p",
}
# What the keys have before each load; the ratio, which comes later, zeroes the other limit.
RESTING = {**dict.fromkeys(ALL_KEYS, "3"), MODE: "0", "vm.panic_on_oom": "0", RATIO: "50"}
_PLACES = ("/etc/sysctl.d/10-a.conf", "/run/sysctl.d/50-b.conf", "/usr/lib/sysctl.d/90-c.conf", "/etc/sysctl.conf")
_TAKEN = ("1", "01", "0x1", "1 # redis", "1\t2", "1 1")
_REFUSED = ('"0"', "+1", "1.", "words", "1,1", "08", "0x", "-")
# Mode 2 and a limit that is too low would end what measures.
_OF_KEY = {MODE: ("0", "7", "-1"), RATIO: ("60", "0x50", "070 # %"), KBYTES: ("350000", "-5", "9999999 x")}


@pytest.mark.parametrize(
    ("loader", "suite", "kernel"),
    [
        ("systemd", "bullseye", "5.10"),
        ("systemd", "bookworm", "6.1"),
        ("systemd", "trixie", "6.12"),
        ("procps3", "bullseye", "5.10"),
        ("procps", "bookworm", "6.1"),
        ("procps", "trixie", "6.12"),
        ("busybox", "busybox", "6.1"),
    ],
)
def test_a_real_loader_leaves_the_kernel_as_computed(
    devices: Callable[..., list[Machine]], loader: Loader, suite: str, kernel: str
) -> None:
    (device,) = devices(1, suite=suite, kernel=kernel)
    version = kernel_version(device.ssh("uname -r").stdout)
    trees = [_tree(Random(number), version) for number in range(TREES)]
    # Debian's link, by which systemd reads that file as well.
    script = "rm -f /etc/sysctl.d/99-sysctl.conf\n" + "".join(_load(tree, COMMANDS[loader]) for tree in trees)
    lines = device.ssh("sh", stdin=script, timeout=300).stdout.splitlines()
    wrong = [
        f"{tree}:\ncomputed {_computed(tree, loader, version)},\nthe kernel has {_observed(line)}"
        for tree, line in zip(trees, lines, strict=True)
        if _computed(tree, loader, version) != _observed(line)
    ]
    print(f"{loader} of {suite} on {kernel}: {TREES} trees, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:5])


def _tree(random: Random, kernel: tuple[int, int]) -> dict[str, str]:
    return {
        place: "".join(_line(random, kernel) for _unused in range(random.randint(1, 5)))
        for place in random.sample(_PLACES, random.randint(1, len(_PLACES)))
    }


def _line(random: Random, kernel: tuple[int, int]) -> str:
    key = random.choice(ALL_KEYS if random.random() < 0.5 else (MODE, RATIO, KBYTES))
    values: Sequence[str] = random.choice((_TAKEN, _REFUSED, _OF_KEY.get(key, _TAKEN)))
    if key == MODE and mode_is_chance(kernel):
        values = [value for value in values if len(value.split()) == 1]
    name = random.choice((key, key, key, key.replace(".", "/"), "-" + key))
    if random.random() < 0.1:
        name, values = "vm.overcommit_*", (*_TAKEN[:3], *_REFUSED)
    return f"{name} = {random.choice(values)}\n"


def _load(tree: Mapping[str, str], command: str) -> str:
    """Words for sh: put the files there, give the keys what they rest at, load, say what they have now."""
    folders = " ".join(sorted({path.rpartition("/")[0] for path in tree}))
    paths = [proc_path(key) for key in ALL_KEYS]
    return "".join(
        [
            f"mkdir -p {folders}\n",
            *[f"printf %s {shlex.quote(text)} > {path}\n" for path, text in tree.items()],
            *[f"echo {value} > {proc_path(key)}\n" for key, value in RESTING.items()],
            f"{command} > /dev/null 2>&1 < /dev/null\n",
            f"echo $(cat {' '.join(paths)})\n",
            f"rm -f {' '.join(tree)}\n",
        ]
    )


def _observed(line: str) -> dict[str, str]:
    return dict(zip(ALL_KEYS, line.split(), strict=True))


def _computed(tree: Mapping[str, str], loader: Loader, kernel: tuple[int, int]) -> dict[str, str]:
    state = SysctlState(
        loader=loader,
        own_path="",
        files=tuple(SysctlFile(path, text) for path, text in tree.items()),
        # A pattern is expanded in the order in which the kernel lists them.
        runtime=dict.fromkeys(sorted(ALL_KEYS), "0"),
        read_only=(),
        cmdline=RESTING,
        kernel=kernel,
    )
    return {**dict.fromkeys(ALL_KEYS, "0"), **boot_values(state, ALL_KEYS, VOIDS)}
