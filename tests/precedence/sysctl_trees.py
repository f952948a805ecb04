# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random trees of sysctl files, hostile ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from precedence.sysctl_machine import CREDENTIAL, KEYS, Link, Tree

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import swapped

_NAMES = ("10-a.conf", "50-b.conf", "9.conf", "99-sysctl.conf", "99-zz.conf", "B.conf", "a.conf", "é.conf")
_UNREAD_NAMES = (".hidden.conf", ".conf", "20-c.conf~", "20-c.conf.dpkg-old", "README", "conf")
_PATTERNS = (
    "vm.overcommit_*",
    "vm/panic_on_oom*",
    "*/panic*",
    "*.panic_on_*",
    "net.ipv4.conf.*.rp_filter",
    "net/ipv4/conf/*/forwarding",
    "net.ipv4.conf.eth0*.*",
    "net/ipv4/conf/eth0.[0-9]00/*",
    "net/ipv4/conf/[!e]*/rp_filter",
    "net/ipv4/conf/[^e]*/rp_filter",
    "vm.overcommit_rati?",
    "net/ipv4/conf/{all,eth0}/rp_*",
    "vm.{overcommit_ratio,nothing}",
    "vm.*.nothing",
    "*",
)
_VALUES = (
    "0",
    "1",
    "2",
    "50",
    "80",
    "-1",
    "4194304",
    "1 2\t3",
    "a=b",
    "=",
    "5 # five",
    "0x1",
    "02",
    "+1",
    "1.",
    '"0"',
    "7",
    "words",
    "é",
    "\udcff",
    "99" * 20,
    "7" * 1500,
)
_SPACES = ("", "", "", " ", "\t", "  ", "\v")
_ENDS = ("\n",) * 12 + ("\r\n", "\r\n", "\n\n", "\r", "\n\r", "\0", " \n")
_MASKS = (Link("/dev/null"), Link("nowhere"), "")
_NOISE = (
    "# vm.overcommit_memory = 1",
    " ; vm.overcommit_memory = 1",
    "#",
    "",
    "   ",
    "vm.overcommit_memory 2",
    "vm.overcommit_memory",
    "x",
    "=",
    "= 5",
    "==",
    "-",
    "-=1",
    "[section]",
    "vm.overcommit_memory = \\",
    "vm.over\\",
    "vm.missing = 1",
    "vm = 1",
    "-vm.missing",
    "-vm.overcommit_memory\nvm.overcommit_ratio = 1\nvm.overcommit_memory =",
    "\0vm.overcommit_memory=1",
    "vm.overcommit_ratio=1\0vm.overcommit_memory=2",
    "vm.overcommit_ratio=1\rvm.overcommit_memory=2",
)


def random_tree(random: Random, folders: Sequence[str]) -> Tree:
    """Files in I(folders), C(/etc/sysctl.conf), the link to it, and the credential of systemd."""
    tree: dict[str, str | Link] = {}
    for _unused in range(random.randint(1, 8)):
        name = random.choice(_NAMES if random.random() < 0.9 else _UNREAD_NAMES)
        tree[f"{random.choice(folders)}/{name}"] = _content(random)
    if random.random() < 0.5:
        tree["/etc/sysctl.conf"] = _content(random)
    if random.random() < 0.3:
        tree["/etc/sysctl.d/99-sysctl.conf"] = Link("../sysctl.conf")
    if random.random() < 0.1:
        tree[str(CREDENTIAL)] = _text(random)
    return tree


def _content(random: Random) -> str | Link:
    return random.choice(_MASKS) if random.random() < 0.15 else _text(random)


def _text(random: Random) -> str:
    text = "".join(_line(random) + random.choice(_ENDS) for _unused in range(random.randint(1, 6)))
    return text if random.random() < 0.5 else text.rstrip("\r\n")


def _line(random: Random) -> str:
    kind = random.random()
    if kind < 0.15:
        return random.choice(_NOISE)
    if kind < 0.25:
        return "-" + _name(random)
    minus = "-" if random.random() < 0.2 else ""
    value = random.choice(_VALUES)
    before, around, after, end = random.choices(_SPACES, k=4)
    return f"{before}{minus}{_name(random)}{around}={after}{value}{end}"


def _name(random: Random) -> str:
    if random.random() < 0.15:
        return random.choice(_PATTERNS)
    key = random.choice(KEYS[:4] if random.random() < 0.6 else KEYS)
    path = swapped(key)
    if random.random() < 0.85:
        return random.choice((key, path))
    return random.choice(
        (
            key.replace(".", "..", 1),
            path.replace("/", "//", 1),
            path.replace("/", "/./", 1),
            path.replace("/", "/../", 1),
            f"{path.split('/')[0]}/../{path}",
            "/" + path,
            "." + key,
            key + ".",
            path + "/",
            key.replace("/", "."),
            path.replace("/", ".", 1),
            "-" + key,
            "- " + key,
        )
    )
