# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import (
    FILES,
    Cgroup,
    Events,
    parse_cgroup_files,
    parse_memory_path,
    with_ancestors,
)

CAPTURES = Path(__file__).parent / "captures"
NONE = Events(None, None, None, None, None, None)
NO_LIMIT = "9223372036854771712\n"


def captured(folder: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (CAPTURES / folder).iterdir()}


def test_a_group_of_v2_is_read_as_the_kernel_shows_it() -> None:
    files = captured("x86_64-uml-6.1/cgroup-v2")
    assert set(files) == set(FILES[2])
    assert parse_cgroup_files("/a", 2, files) == Cgroup(
        path="/a",
        version=2,
        limit_kib=24 * 1024,
        high_kib=16 * 1024,
        current_kib=15503360 // 1024,
        peak_kib=24 * 1024,
        swap_limit_kib=4 * 1024,
        memsw_limit_kib=None,
        swap_kib=8,
        file_kib=(61440 + 2134016) // 1024,
        pids=1,
        oom_group=True,
        oom_kill_disable=None,
        events=Events(low=0, high=0, max=227, oom=5, oom_kills=2, group_kills=1),
    )


def test_a_group_of_v1_is_read_as_the_kernel_shows_it() -> None:
    files = captured("x86_64-linux-6.18/cgroup-v1")
    assert set(files) == set(FILES[1])
    assert parse_cgroup_files("/a", 1, files) == Cgroup(
        path="/a",
        version=1,
        limit_kib=8 * 1024,
        high_kib=None,
        current_kib=8151040 // 1024,
        peak_kib=8 * 1024,
        swap_limit_kib=None,
        memsw_limit_kib=16 * 1024,
        swap_kib=0,
        file_kib=7766016 // 1024,
        pids=None,
        oom_group=None,
        oom_kill_disable=True,
        events=Events(low=None, high=None, max=3518, oom=None, oom_kills=0, group_kills=None),
        swappiness=60,
    )


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_kernel_does_not_have_is_none_and_never_zero(version: int) -> None:
    assert parse_cgroup_files("/a", version, {}) == Cgroup("/a", version, *[None] * 11, events=NONE)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "text",
    ["", "\n", "-5\n", "many\n", "0x10\n", "5 6\n", "5\n6\n", "\udcff\x00", "\u00b2\n", "<b>5</b>\n", "oom_kill"],
)
def test_nonsense_is_none_and_never_zero(version: int, text: str) -> None:
    files = dict.fromkeys(FILES[version], text)
    found = parse_cgroup_files("/a", version, files)
    assert found == Cgroup("/a", version, *[None] * 11, events=NONE)


@given(st.sampled_from([1, 2]), st.data())
def test_any_text_is_taken(version: int, data: st.DataObject) -> None:
    text = st.text(st.sampled_from("0 9\n-x\u00b2\udcff")) | st.just("max") | st.just(NO_LIMIT)
    files = data.draw(st.dictionaries(st.sampled_from(FILES[version]), text))
    assert parse_cgroup_files("/a", version, files).path == "/a"


@pytest.mark.parametrize(
    ("version", "file", "text", "field", "value"),
    [
        (2, "memory.max", "max\n", "limit_kib", None),
        (2, "memory.max", "0\n", "limit_kib", 0),
        (2, "memory.max", "1048576", "limit_kib", 1024),
        (2, "memory.max", "5000\n", "limit_kib", 4),
        (2, "memory.max", "18446744073709551615\n", "limit_kib", None),
        (2, "memory.high", "max\n", "high_kib", None),
        (2, "memory.swap.max", "max\n", "swap_limit_kib", None),
        (2, "memory.swap.max", "0\n", "swap_limit_kib", 0),
        (1, "memory.limit_in_bytes", NO_LIMIT, "limit_kib", None),
        (1, "memory.limit_in_bytes", "9223372036854710272\n", "limit_kib", None),
        (1, "memory.limit_in_bytes", "9223372036854775807\n", "limit_kib", None),
        (1, "memory.limit_in_bytes", "8796093018112\n", "limit_kib", None),
        (1, "memory.limit_in_bytes", "4398046511104\n", "limit_kib", 4 << 30),
        (1, "memory.limit_in_bytes", "0\n", "limit_kib", 0),
        (1, "memory.memsw.limit_in_bytes", NO_LIMIT, "memsw_limit_kib", None),
    ],
    ids=[
        *["v2, none", "v2, nothing", "v2, no newline", "v2, part of a KiB", "v2, overflow", "high", "swap, none"],
        *["swap, nothing", "v1, none", "v1, none, pages of 64 KiB", "v1, none, before 3.19", "v1, none, 32 bits"],
        *["v1, 4 TiB", "v1, nothing", "memsw, none"],
    ],
)
def test_no_limit_is_none_in_every_way_a_kernel_says_it(
    version: int, file: str, text: str, field: str, value: int | None
) -> None:
    assert getattr(parse_cgroup_files("/a", version, {file: text}), field) == value


@pytest.mark.parametrize(
    ("version", "files", "field", "value"),
    [
        (2, {"memory.oom.group": "0\n"}, "oom_group", False),
        (2, {"memory.oom.group": "1"}, "oom_group", True),
        (1, {"memory.oom_control": "oom_kill_disable 0\nunder_oom 1\n"}, "oom_kill_disable", False),
        (1, {"memory.oom_control": "under_oom 1\n"}, "oom_kill_disable", None),
        (2, {"memory.stat": "active_file 4096\n"}, "file_kib", None),
        (2, {"memory.stat": "inactive_file 1024\nactive_file 4096\nfile 9\n"}, "file_kib", 5),
        (1, {"memory.stat": "active_file 4096\ninactive_file 1024\n"}, "file_kib", None),
        (1, {"memory.stat": "active_file 1\ntotal_active_file 4096\ntotal_inactive_file 1024\n"}, "file_kib", 5),
        (1, {"memory.stat": "swap 1\ntotal_swap 40960\n"}, "swap_kib", 40),
        (1, {"memory.usage_in_bytes": "4096", "memory.memsw.usage_in_bytes": "9999999"}, "swap_kib", None),
        (1, {"memory.stat": "total_cache 1\n"}, "swap_kib", None),
    ],
)
def test_what_the_files_say_is_told(version: int, files: dict[str, str], field: str, value: object) -> None:
    assert getattr(parse_cgroup_files("/a", version, files), field) == value


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n", Events(1, 2, 3, 4, 5, None)),
        ("oom_group_kill 6\noom_kill 5\noom 4\n", Events(None, None, None, 4, 5, 6)),
        ("oom_kill 18446744073709551615\n", Events(None, None, None, None, 2**64 - 1, None)),
        ("low 1\nhigh", Events(1, None, None, None, None, None)),
        ("oom_kill -1\n oom 4\nmax 3 3\nhigh  2\n", NONE),
    ],
    ids=["before 5.17", "reordered", "overflow", "truncated", "nonsense"],
)
def test_events_are_counted_where_the_kernel_does(text: str, events: Events) -> None:
    assert parse_cgroup_files("/a", 2, {"memory.events": text}).events == events


@pytest.mark.parametrize(
    ("text", "kills"),
    [("oom_kill_disable 0\nunder_oom 1\noom_kill 7\n", 7), ("oom_kill_disable 0\nunder_oom 1\n", None)],
    ids=["4.13", "before"],
)
def test_kills_of_v1_are_counted_where_the_kernel_does(text: str, kills: int | None) -> None:
    assert parse_cgroup_files("/a", 1, {"memory.oom_control": text}).events.oom_kills == kills


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/nginx.service\n", (2, "/system.slice/nginx.service")),
        ("4:memory:/docker/1\n1:name=systemd:/system.slice\n", (1, "/docker/1")),
        ("7:cpu,memory:/a\n0::/b\n", (1, "/a")),
        ("0::/b\n4:memory:/a\n", (1, "/a")),
        ("1:name=systemd:/a\n0::/b\n", (2, "/b")),
        ("3:memory_pressure:/a\n2:name=memory:/b\n", None),
        ("4:memory:/a:b::c\n", (1, "/a:b::c")),
        ("0::/x:memory:/y\n", (2, "/x:memory:/y")),
        ("0::/../up\n", (2, "/../up")),
        ("0::/a (deleted)\n", (2, "/a (deleted)")),
        ("0::/\x0b4:memory:/a\r\x85\u2028\n", (2, "/\x0b4:memory:/a\r\x85\u2028")),
        ("0::/<b>\udcff\n", (2, "/<b>\udcff")),
        ("0::/", (2, "/")),
        ("4:memory", None),
        ("0:", None),
        ("\n\n", None),
        ("", None),
    ],
    ids=[
        *["v2", "v1", "hybrid, mounted together", "hybrid, reordered", "hybrid, memory on v2", "other names"],
        *["colons, v1", "forged, v2", "outside", "deleted", "other separators", "other bytes", "no newline"],
        *["truncated", "truncated, v2", "empty lines", "empty"],
    ],
)
def test_memory_is_accounted_to_the_group_of_its_controller(text: str, path: tuple[int, str] | None) -> None:
    assert parse_memory_path(text) == path


def test_a_hostile_name_is_read_from_the_kernel() -> None:
    text = (CAPTURES / "x86_64-uml-6.1" / "cgroup").read_bytes().decode("utf-8", "surrogateescape")
    assert parse_memory_path(text) == (2, "/0:memory:a b\udcff.service")


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["/a/b/c"], ["/a", "/a/b", "/a/b/c"]),
        (["/a/b", "/a/c", "/a/b"], ["/a", "/a/b", "/a/c"]),
        (["/"], []),
        ([""], []),
        (["/", "/b", "/a"], ["/a", "/b"]),
        (["/a/"], ["/a"]),
        (["/x y:\udcff/<b>\t"], ["/x y:\udcff", "/x y:\udcff/<b>\t"]),
        ([], []),
    ],
    ids=["deep", "shared", "root", "empty path", "mixed", "slash at the end", "hostile names", "none"],
)
def test_each_group_and_all_above_it_come_once(paths: list[str], groups: list[str]) -> None:
    assert with_ancestors(paths) == groups


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/" + "a" * 2048, "characters of the path of a control group: found 2049, expected at most 2048"),
        ("/a" * 33, "depth of control group '/a/a.*': found 33, expected at most 32"),
    ],
    ids=["long", "deep"],
)
def test_a_path_that_no_kernel_has_is_refused(path: str, limit: str) -> None:
    with pytest.raises(TooMuch, match=f"^{limit}"):
        parse_memory_path(f"0::{path}\n")
    with pytest.raises(TooMuch, match=f"^{limit}"):
        with_ancestors([path])
