# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap devices and compressed memory: C(/proc/swaps), C(/sys/block/zram*)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

# Only blanks and tabs part the columns: the kernel escapes no other separator in a name.
_ROW = re.compile(r"^([^ \t]+)[ \t]+([a-z]+)[ \t]+(\d+)[ \t]+(\d+)[ \t]+(-?\d+)$")
_OCTAL = re.compile(r"\\([0-7]{3})")
# The columns of mm_stat; before 4.1 each had a file of its own.
ZRAM_FILES = ("disksize", "comp_algorithm", "mm_stat", "orig_data_size", "compr_data_size", "mem_used_total")


@dataclass(frozen=True)
class SwapDevice:
    """A line of C(/proc/swaps). Source: proc(5)."""

    name: str
    """Path of the device or file."""

    type: str
    """C(partition) or C(file)."""

    size_kib: int
    """Its size in KiB."""

    used_kib: int
    """What lies there, in KiB."""

    priority: int
    """Its number; of the highest the kernel takes first."""


@dataclass(frozen=True)
class Zram:
    """Compressed memory that serves as a disk.

    Source: Documentation/admin-guide/blockdev/zram.rst.
    """

    name: str
    """Name of the device, such as C(zram0)."""

    disk_kib: int
    """C(disksize): how much can be put in, in KiB."""

    original_kib: Optional[int]
    """C(orig_data_size): what was put in, in KiB; null where it does not say."""

    compressed_kib: Optional[int]
    """C(compr_data_size): the same compressed, in KiB; null where it does not say."""

    used_kib: Optional[int]
    """C(mem_used_total): RAM that it takes, in KiB; null where it does not say."""

    limit_kib: Optional[int]
    """C(mem_limit): RAM that it may take, in KiB; null where none is set, or the kernel (before 4.1) does not tell it
    here.
    """

    algorithm: Optional[str]
    """How it compresses, such as C(zstd); null where it does not say."""


def parse_swaps(text: str) -> Tuple[SwapDevice, ...]:
    """Read C(/proc/swaps). Blanks in a name stand there as octal numbers.

    Raises LifeboatError where not even its first line is there: that is no such table, and not a host without swap.
    """
    first, *lines = text.split("\n")
    if not first.startswith("Filename"):
        raise LifeboatError(
            f"/proc/swaps begins with {first[:40]!r}, expected the line 'Filename Type Size Used Priority'"
        )
    rows = map(_ROW.match, lines)
    return tuple(
        SwapDevice(
            _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), row.group(1)),
            row.group(2),
            int(row.group(3)),
            int(row.group(4)),
            int(row.group(5)),
        )
        for row in rows
        if row
    )


def parse_zram(name: str, files: Mapping[str, Optional[str]]) -> Optional[Zram]:
    """One device from its files by name, C(None) where it is not set up (size 0)."""

    def kib(text: Optional[str]) -> Optional[int]:
        return int(text) // 1024 if text is not None and text.strip().isdecimal() else None

    disk_kib = kib(files.get("disksize"))
    if not disk_kib:
        return None
    columns = (files.get("mm_stat") or "").split()
    single = [files.get(each) for each in ("orig_data_size", "compr_data_size", "mem_used_total")]
    original, compressed, used = columns[:3] if len(columns) >= 4 else single
    chosen = re.search(r"\[(\S+)\]", files.get("comp_algorithm") or "")
    return Zram(
        name=name,
        disk_kib=disk_kib,
        original_kib=kib(original),
        compressed_kib=kib(compressed),
        used_kib=kib(used),
        limit_kib=(kib(columns[3]) or None) if len(columns) >= 4 else None,
        algorithm=chosen.group(1) if chosen else None,
    )
