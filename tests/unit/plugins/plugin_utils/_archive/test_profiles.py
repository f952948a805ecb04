# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from unit.hostile import HOSTILE

from ansible_collections.lifeboat.oom.plugins.action import leaks
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.heap_profile import HeapProfile, HeapSite
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import (
    LeakyPackage,
    candidates,
    groups,
    heap_profile,
    leaky_packages,
    profiles_of,
    told,
    write_profile,
    young,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, RowLeak
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape

WHEN = "2026-05-01T00:00:00+00:00"
NOW = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())


def row(host: str, rate: int, version: str | None = "1.0", unit: str = "telemetry.service") -> Row:
    return Row(host, leaks=(RowLeak(unit, "telemetry" if version else None, version, rate),))


def site(package: str | None, size: int, kind: str = "grown", file: str = "/usr/lib/liba.so") -> HeapSite:
    return HeapSite(size, kind, "f()", object=file, package=package, version="1.0" if package else None)


def found(*sites: HeapSite, subject: str = "telemetry.service", host: str = "a", when: str = "now") -> HeapProfile:
    return HeapProfile(subject, "heaptrack", 8.1, sites, host, when, leaked_bytes=9 << 20)


def test_one_host_of_each_version_the_one_that_leaks_fastest() -> None:
    rows = [row("a", 5), row("b", 9), row("c", 7, "2.0"), Row("fine")]
    one, two = groups(rows)
    assert (one.version, one.hosts, one.chosen) == ("1.0", ("a", "b"), "b")
    assert (two.version, two.hosts, two.chosen) == ("2.0", ("c",), "c")
    assert one.told() == "b: telemetry.service of telemetry 1.0 leaks, as on 1 more"


def test_without_a_package_the_name_of_the_service_has_to_do() -> None:
    (one,) = groups([row("a", 5, None), row("b", 4, None)])
    assert (one.package, one.chosen, one.told()) == (None, "a", "a: telemetry.service leaks, as on 1 more")


def test_what_is_no_service_is_told_but_not_profiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [FiledRow(tmp_path, each, "") for each in (row("a", 5, None, "session-3.scope"), row("a", 5))]
    monkeypatch.setattr(leaks.RecordFiles, "rows", lambda _files: rows)
    action = leaks.ActionModule(MagicMock(args={"report_dir": str(tmp_path)}, async_val=0), *[MagicMock()] * 5)
    result = action.run(None, {"ansible_play_hosts_all": ["a"]})
    assert result["targets"] == {"a": ["telemetry.service"]}
    assert result["summary"][0].startswith("a: session-3.scope leaks; it is no service and is not profiled")


def test_a_profile_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    write_profile(tmp_path, found(site("liba", 1)))
    path = write_profile(tmp_path, found(when="later"))
    assert path == tmp_path / "profiles/a/telemetry.service.json"
    (only,) = profiles_of(tmp_path, "a")
    assert (only.host, only.profiled_at, only.sites) == ("a", "later", ())
    modes = [path.stat().st_mode & 0o777 for path in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert profiles_of(tmp_path / "none", "a") == []


def test_a_device_cannot_speak_for_another_host_or_moment(tmp_path: Path) -> None:
    """Neither in its answer nor in what a file says of itself."""
    forged = {"host": "b", "profiled_at": "2099-01-01T00:00:00+00:00", "schema": 7, "more": "x" * 99}
    path = write_profile(tmp_path, heap_profile({**asdict(found(site("liba", 1))), **forged}, "a", WHEN))
    record = json.loads(path.read_text())
    assert (record["host"], record["profiled_at"], record["schema"], "more" in record) == ("a", WHEN, 1, False)
    path.write_text(json.dumps({**record, "host": "b"}))
    (only,) = profiles_of(tmp_path, "a")
    assert only.host == "a" and profiles_of(tmp_path, "b") == []


@pytest.mark.parametrize(
    "answer",
    [
        found(*[site("liba", 1, file="/" + "f" * 10**6)] * 10**4, subject="s" * 10**6),
        found(*[replace(site("liba", 1), stack=("s" * 10**5,) * 1000)] * 200),
        replace(found(site("\udfff", 1), subject="\ud800"), tool="\x1b[2J"),
    ],
    ids=["lengths", "stacks", "surrogates"],
)
def test_whatever_a_device_says_is_kept_bounded(tmp_path: Path, answer: HeapProfile) -> None:
    path = write_profile(tmp_path, heap_profile(asdict(answer), "a", WHEN))
    assert path.stat().st_size < 8 << 20
    usable, unused = young(tmp_path, ["a"], NOW, 30)
    assert (len(usable), unused) == (1, []) and len(usable[0].sites) <= 100
    leaky_packages(usable, 10)
    assert told(usable[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"peak_bytes": -1, "sites_total": True, "stopped_by": 5, "raw_file": {}},
        {"sites": [[], None, {"bytes": "1", "calls": [], "line": {}, "stack": 5, "kind": {}, "package": 1}]},
    ],
    ids=["kinds", "kinds within sites"],
)
def test_of_a_file_what_is_right_is_read(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = write_profile(tmp_path, found(site("liba", 1), when=WHEN))
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    (only,), unused = young(tmp_path, ["a"], NOW, 30)
    assert (only.subject, only.peak_bytes, unused) == ("telemetry.service", None, [])
    assert only.sites == (() if "sites" in wrong else (site("liba", 1),))


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = write_profile(tmp_path, found(subject=name, host=name))
    assert path.parent.parent == tmp_path / "profiles" and json.loads(path.read_text())["sites"] == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "\udcff", "[" * 100_000, '{"peak_bytes": ' + "9" * 10_000 + "}", " " * (9 << 20)],
    ids=["empty", "cut", "a list", "no UTF-8", "deep", "digits", "large"],
)
def test_a_file_that_is_no_profile_is_told_and_the_others_are_read(tmp_path: Path, text: str) -> None:
    path = write_profile(tmp_path, found(site("liba", 1), host="b", when=WHEN))
    (tmp_path / "profiles/a").mkdir(parents=True)
    (tmp_path / "profiles/a/a.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    usable, (complaint,) = young(tmp_path, ["a", "b"], NOW, 30)
    assert [one.host for one in usable] == ["b"] and path.is_file()
    assert "a.json is not a profile: " in complaint


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "profiles/a").mkdir(parents=True)
    os.mkfifo(tmp_path / "profiles/a/a.json")
    (tmp_path / "profiles/a/b.json").symlink_to("/dev/zero")
    (tmp_path / "profiles/a/c.json").mkdir()
    usable, unused = young(tmp_path, ["a"], NOW, 30)
    assert usable == [] and len(unused) == 3


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("2026-05-01T00:00:00+00:00", None),
        ("2026-04-01T00:00:00+00:00", None),
        ("2026-03-31T23:59:59+00:00", "more than 30 days ago"),
        ("2026-05-03T00:00:01+00:00", "yet to come"),
        ("yesterday", "of no time that is known"),
        (None, "of no time that is known"),
    ],
)
def test_a_profile_has_its_time(tmp_path: Path, when: str | None, why: str | None) -> None:
    path = write_profile(tmp_path, found(site("liba", 1), when=WHEN))
    path.write_text(json.dumps({**json.loads(path.read_text()), "profiled_at": when}))
    usable, unused = young(tmp_path, ["a"], NOW, 30)
    assert len(usable) == (0 if why else 1)
    assert [why in one for one in unused] == ([True] if why else []) if why else unused == []


def test_only_the_hosts_that_are_asked_for_are_read(tmp_path: Path) -> None:
    for host in ("a", "b"):
        write_profile(tmp_path, found(site("liba", 1), host=host, when=WHEN))
    assert [one.host for one in young(tmp_path, ["b", "c"], NOW, 30)[0]] == ["b"]


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("-o", "1"),
        ("https://x/y.rpm", "1"),
        ("./a.deb", "1"),
        ("a b", "1"),
        ("lib*", "1"),
        ("{{ x }}", "1"),
        ("a", "1 2"),
    ],
)
def test_what_is_no_package_is_none(package: str, version: str) -> None:
    assert leaky_packages([found(replace(site(package, 80), version=version))], 10) == []


def test_a_host_has_the_candidates_that_its_own_audit_agrees_to() -> None:
    liba = LeakyPackage("liba", "1.0", 9, ("other.service", "telemetry.service"), ("/usr/lib/liba.so",))
    libb = LeakyPackage("libb", "1.0", 9, ("ssh.service",), ("/usr/lib/libb.so",))
    nobodys = LeakyPackage("libc", "1.0", 9, (), ("/usr/lib/libc.so",))
    (one,) = candidates(row("a", 5), [liba, libb, nobodys])
    assert one == replace(liba, units=("telemetry.service",))
    assert candidates(Row("fine"), [liba, libb, nobodys]) == []


def test_a_unit_of_a_user_is_not_the_systems() -> None:
    (group,) = groups([row("a", 5, unit="user@1000.service/telemetry.service")])
    assert not group.is_service
    (package,) = leaky_packages([found(site("liba", 80), subject="user@1000.service/telemetry.service")], 10)
    assert package.units == ()


def test_the_profiles_of_one_host(tmp_path: Path) -> None:
    for host, subject in (("gw", "1-a.service"), ("gw-1", "a.service"), ("g*", "a.service")):
        write_profile(tmp_path, found(subject=subject, host=host))
    (tmp_path / "profiles/gw/broken.json").write_text("{")
    assert [one.host for one in profiles_of(tmp_path, "gw")] == ["gw"]
    assert [one.host for one in profiles_of(tmp_path, "gw-1")] == ["gw-1"]
    assert [one.host for one in profiles_of(tmp_path, "g*")] == ["g*"]


def test_what_owns_a_tenth_of_the_leak_is_to_be_upgraded() -> None:
    sites = [site("liba", 80), site("liba", 10, file="/usr/lib/libb.so"), site("libc", 9), site(None, 1)]
    (one,) = leaky_packages([found(*sites)], 10)
    assert (one.package, one.version, one.bytes) == ("liba", "1.0", 90)
    assert one.files == ("/usr/lib/liba.so", "/usr/lib/libb.so") and one.units == ("telemetry.service",)
    assert [each.package for each in leaky_packages([found(*sites)], 9)] == ["liba", "libc"]


def test_memory_that_is_in_use_is_no_leak() -> None:
    assert leaky_packages([found(site("liba", 80, "reachable"), site("libb", 80, "held"))], 10) == []


def test_the_c_library_is_not_upgraded_for_who_is_not_known() -> None:
    sites = [site("libc6", 80, file="/usr/lib/x86_64-linux-gnu/libc.so.6"), site("liba", 20)]
    assert [each.package for each in leaky_packages([found(*sites)], 10)] == ["liba"]
    assert leaky_packages([found(*sites)], 21) == []


def test_profiles_of_several_services_are_taken_together() -> None:
    both = [found(site("liba", 80)), found(site("liba", 20), subject="other.service"), found(subject="pid 3")]
    (one,) = leaky_packages(both, 10)
    assert (one.bytes, one.units) == (100, ("other.service", "telemetry.service"))


@pytest.mark.parametrize(
    "result",
    [{}, {"subject": 5}, {"sites": 3}, {"sites": [None]}, {"sites": [{"bytes": -1, "kind": "lost"}]}, {"seconds": "1"}],
    ids=repr,
)
def test_what_a_device_says_is_checked_before_it_is_kept(result: dict[str, Any]) -> None:
    good = {**asdict(found(site("liba", 1))), "steps": [], "invocation": {}}
    assert heap_profile(good, "b", "then") == replace(found(site("liba", 1)), host="b", profiled_at="then")
    with pytest.raises(WrongShape, match="heap_profile"):
        heap_profile(result if not result else {**good, **result}, "b", "then")


def test_it_is_told_in_lines() -> None:
    lines = told(replace(found(site("liba", 7 << 20), site(None, 1 << 20)), peak_bytes=11 << 20))
    assert lines == [
        "a: telemetry.service: 9.0 MiB leaked, 11.0 MiB at its peak in 8.1 s (heaptrack)",
        "  7.0 MiB grown by f(), liba 1.0",
        "  1.0 MiB grown by f(), /usr/lib/liba.so",
    ]
    assert all("\x1b" not in line for line in told(found(site("\x1b", 1), host="\x1b[2J")))
