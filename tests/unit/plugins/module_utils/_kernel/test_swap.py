# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import (
    ZRAM_FILES,
    SwapDevice,
    Zram,
    parse_swaps,
    parse_zram,
)

CAPTURE = Path(__file__).parent / "captures" / "x86_64-uml-6.1" / "swaps"
HEADER = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
ROW = "/dev/sda2                               partition\t{size}\t{used}\t{priority}\n"
# Documentation/admin-guide/blockdev/zram.rst: orig_data_size compr_data_size mem_used_total mem_limit mem_used_max
# same_pages pages_compacted huge_pages.
MM_STAT = " 104857600 26214400 31457280        0 31500000      120        7        3\n"


def test_swaps_are_read_as_the_kernel_shows_them() -> None:
    assert parse_swaps(CAPTURE.read_text(encoding="utf-8")) == (
        SwapDevice("/dev/ubdb", "partition", 65532, 0, -2),
        SwapDevice("/swap file", "file", 8188, 0, -3),
        SwapDevice("/tab\there\\x", "file", 8188, 256, 5),
    )


def test_a_host_without_swap_has_none() -> None:
    assert parse_swaps(HEADER) == parse_swaps(HEADER.rstrip("\n")) == ()


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        (r"/a\040b\011c\012d\134e", "/a b\tc\nd\\e"),
        (r"/a\134040", r"/a\040"),
        (r"/swapfile\040(deleted)", "/swapfile (deleted)"),
        ("/\udcff\udc80", "/\udcff\udc80"),
        ("/\u0142\u00f3d\u017a", "/\u0142\u00f3d\u017a"),
        ("/a\x0bb\x0cc\rd\x1ce\x85f\u00a0g\u2028h", "/a\x0bb\x0cc\rd\x1ce\x85f\u00a0g\u2028h"),
        ("/<b>&amp;", "/<b>&amp;"),
        (r"/a\04", r"/a\04"),
        (r"/a\08x", r"/a\08x"),
        ("/" + "a" * 300, "/" + "a" * 300),
    ],
    ids=[
        *["escapes", "an escaped backslash", "deleted", "other bytes", "letters", "other separators", "markup"],
        *["short escape", "no octal number", "long"],
    ],
)
def test_a_name_is_what_the_file_is_called(shown: str, name: str) -> None:
    (swap,) = parse_swaps(HEADER + shown + " file\t\t4092\t\t8\t\t-2\n")
    assert swap == SwapDevice(name, "file", 4092, 8, -2)


def test_no_number_is_too_large() -> None:
    (swap,) = parse_swaps(HEADER + ROW.format(size=2**64, used=2**64 - 1, priority=32767))
    assert (swap.size_kib, swap.used_kib, swap.priority) == (2**64, 2**64 - 1, 32767)


@pytest.mark.parametrize(
    "row",
    [
        *[
            "/dev/sda2 partition 5 6\n",
            "/dev/sda2\n",
            "partition 5 6 7 8 9\n",
            ROW.format(size="x", used=0, priority=0),
        ],
        *[ROW.format(size=-1, used=0, priority=0), ROW.format(size=1, used=0, priority=0)[:-3], "\n", "\udcff\x00\n"],
    ],
    ids=["no priority", "only a name", "too many", "no number", "negative", "truncated", "empty", "other bytes"],
)
def test_a_row_that_is_none_does_not_hide_the_others(row: str) -> None:
    text = HEADER + ROW.format(size=5, used=1, priority=-2)
    assert [swap.size_kib for swap in parse_swaps(HEADER + row.rstrip("\n") + "\n" + text[len(HEADER) :])] == [5]


@pytest.mark.parametrize(
    "text",
    ["", "\n", "cat: /proc/swaps: No such file\n", ROW.format(size=5, used=1, priority=-2), HEADER[:4], "\udcff\x00"],
    ids=["empty", "empty line", "message of a program", "no header", "truncated", "other bytes"],
)
def test_what_is_no_table_is_an_error_and_not_no_swap(text: str) -> None:
    with pytest.raises(LifeboatError, match=r"^/proc/swaps begins with .*, expected the line 'Filename Type Size"):
        parse_swaps(text)


def test_compressed_memory_is_read_from_its_columns() -> None:
    files = {"disksize": "524288000\n", "comp_algorithm": "lzo lzo-rle [zstd] lz4\n", "mm_stat": MM_STAT}
    assert parse_zram("zram0", files) == Zram(
        name="zram0",
        disk_kib=512000,
        original_kib=102400,
        compressed_kib=25600,
        used_kib=30720,
        limit_kib=None,
        algorithm="zstd",
    )


def test_before_4_1_each_column_is_a_file() -> None:
    files = {
        "disksize": "524288000\n",
        "comp_algorithm": "[lzo] lz4\n",
        "orig_data_size": "104857600\n",
        "compr_data_size": "26214400\n",
        "mem_used_total": "31457280\n",
        "mm_stat": None,
    }
    assert set(files) == set(ZRAM_FILES)
    assert parse_zram("zram1", files) == Zram("zram1", 512000, 102400, 25600, 30720, None, "lzo")
    assert parse_zram("zram1", {"disksize": "524288000"}) == Zram("zram1", 512000, None, None, None, None, None)


@pytest.mark.parametrize(
    ("mm_stat", "sizes"),
    [
        ("4096 2048 1024 8192\n", (4, 2, 1, 8)),
        ("0 0 0 0 0 0 0 0 0\n", (0, 0, 0, None)),
        (f"{2**64 - 1} 0 0 1024\n", (2**54 - 1, 0, 0, 1)),
        ("4096 2048 1024\n", (None, None, None, None)),
        ("4096 x -1 1e3\n", (4, None, None, None)),
        ("\u00b2 \udcff <b> \x00", (None, None, None, None)),
        ("", (None, None, None, None)),
        ("\n", (None, None, None, None)),
    ],
    ids=["a limit", "nothing in it", "overflow", "truncated", "no numbers", "hostile", "empty", "empty line"],
)
def test_a_column_that_is_no_number_is_none(mm_stat: str, sizes: tuple[int | None, ...]) -> None:
    zram = parse_zram("zram0", {"disksize": "1048576", "mm_stat": mm_stat})
    assert zram is not None
    assert (zram.original_kib, zram.compressed_kib, zram.used_kib, zram.limit_kib) == sizes


@pytest.mark.parametrize("size", [None, "0\n", "", "\n", "-1", "many", "\u00b2", "\udcff"], ids=ascii)
def test_a_device_that_is_not_set_up_is_none(size: str | None) -> None:
    assert parse_zram("zram0", {"disksize": size, "mm_stat": "0 0 0 0 0 0 0 0 0\n"}) is None
    assert parse_zram("zram0", {}) is None


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("[lzo-rle] lzo lz4 ", "lzo-rle"),
        ("lzo", None),
        ("lzo [", None),
        ("[]", None),
        ("[\udcff]", "\udcff"),
        ("", None),
    ],
    ids=["first", "none chosen", "truncated", "no name", "other bytes", "empty"],
)
def test_the_algorithm_is_the_chosen_one(text: str, algorithm: str | None) -> None:
    zram = parse_zram("zram0", {"disksize": "1048576", "comp_algorithm": text})
    assert zram is not None and zram.algorithm == algorithm


@given(st.dictionaries(st.sampled_from(ZRAM_FILES), st.none() | st.text(st.sampled_from("0 19\n-x\u00b2\udcff[]"))))
def test_any_text_is_taken(files: dict[str, str | None]) -> None:
    parse_zram("zram0", files)
    parse_swaps(HEADER + "".join(text or "" for text in files.values()))
