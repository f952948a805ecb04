# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we make of the text of a sysctl is what a real kernel makes of it, for generated texts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import kernel_version
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE, RATIO
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import taken

from .uml import Machine

TEXTS = 1000
KEYS = (*ALL_KEYS, "vm.swappiness")
_NUMBERS = ("0", "1", "2", "3", "7", "10", "99", "100", "101", "200", "201", "350000", "08", "0777", "00", "007")
_EDGES = tuple(
    spelled.format(edge + step)
    for edge in (2**31, 2**32, 2**63, 2**64)
    for step in (-1, 0, 1)
    for spelled in ("{}", "0x{:x}", "0{:o}")
)
_SIGNS = ("",) * 20 + ("-", "-", "+", "--", "- ")
_PREFIXES = ("",) * 20 + ("0x", "0X", "0", "0b", "0o", '"', "'", "0" * 15, "0" * 19, "0" * 20)
# Not as many as fill a page: of those kernels before December 2022 die (CVE-2022-4378).
_BLANKS = ("",) * 20 + (" ", "\t", "\n", "\v", "\f", "\r", "\udca0", "\u00a0", " " * 1000)
_TAILS = ("",) * 20 + (
    " # redis",
    "\t2",
    " 2",
    "\n2",
    ",2",
    ".",
    ".0",
    "x",
    '"',
    "M",
    " KiB",
    "\r",
    "\v",
    "_0",
    " " * 5000,
)
_WORDS = ("", " ", "-", "0x", "0xg", "x", "never", "\udcff", "1e3", "\u0661", "0x-1", "-0", "-0x0", "4 " * 3000)
# Runs on the device: each text is written as a loader does it, all of it, over a value that is known.
_WRITE = """\
import base64, json, os, sys
found = []
def put(path, text):
    handle = os.open(path, os.O_WRONLY)
    try:
        while text:
            done = os.write(handle, text)
            if not done:
                break
            text = text[done:]
    finally:
        os.close(handle)
for path, text in json.load(sys.stdin):
    before = open(path).read().strip()
    try:
        put(path, base64.b64decode(text))
    except OSError:
        pass
    found.append((before, open(path).read().strip()))
    put("/proc/sys/vm/overcommit_memory", b"0")
    put("/proc/sys/vm/panic_on_oom", b"0")
print(json.dumps(found))
"""


@pytest.mark.parametrize(("suite", "release"), [("bullseye", "5.10"), ("bookworm", "6.1"), ("trixie", "6.12")])
def test_a_real_kernel_reads_the_texts_as_computed(
    devices: Callable[..., list[Machine]], suite: str, release: str
) -> None:
    (device,) = devices(1, suite=suite, kernel=release)
    kernel = kernel_version(device.ssh("uname -r").stdout)
    pairs = [_pair(Random(number)) for number in range(TEXTS)]
    told = [("/proc/sys/" + key.replace(".", "/"), _encoded(text)) for key, text in pairs]
    command = f"echo {base64.b64encode(_WRITE.encode()).decode()} | base64 -d > /tmp/write.py; python3 /tmp/write.py"
    # In mode "never" nothing must be refused meanwhile.
    answer = device.ssh(f"sysctl -q {RATIO}=100000; {command}", stdin=json.dumps(told), timeout=120)
    computed = [taken(key, text, kernel) for key, text in pairs]
    wrong = [
        f"{key} = {text[:60]!r}: computed {mine}, the kernel had {before} and has {after}"
        for (key, text), mine, (before, after) in zip(pairs, computed, json.loads(answer.stdout), strict=True)
        # What is refused stays; up to 5.x the kernel says of some such texts that it had taken them.
        if (before if mine is None else mine) != after
        and not (key == MODE and len(text.split()) > 1 and mode_is_chance(kernel))
    ]
    refused = computed.count(None)
    print(f"{TEXTS} texts on {kernel}: {TEXTS - refused} taken, {refused} refused, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
    assert TEXTS // 5 < refused < TEXTS * 4 // 5, "the texts have become too plain"


def mode_is_chance(kernel: tuple[int, int]) -> bool:
    """Where something follows the number: overcommit_policy_handler() as it was until 5.15."""
    return (5, 8) <= kernel < (5, 15)


def _pair(random: Random) -> tuple[str, str]:
    text = random.choice(_WORDS)
    if random.random() < 0.9:
        number = random.choice(_NUMBERS if random.random() < 0.7 else _EDGES)
        text = random.choice(_SIGNS) + random.choice(_PREFIXES) + number
    key = random.choice(KEYS)
    if key == MODE and random.random() < 0.5:
        text = random.choice(("0", "1", "01", "0x1", "2", "0x2", "02"))
    text = random.choice(_BLANKS) + text + random.choice(_TAILS)
    return key, text + ("\n" if not text or random.random() < 0.5 else "")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
