# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.lifeboat.oom.plugins.action import leak_upgrade
from ansible_collections.lifeboat.oom.plugins.action.leak_upgrade import Upgrade, proven
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.package_users import PackageUsers, User
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import FILE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import LeakyPackage

LIBRARY = "/usr/lib/liba.so"
PACKAGES = [
    LeakyPackage("liba", "1.0", 9, ("app.service", "web.service"), (LIBRARY,)),
    LeakyPackage("libb", "3.0", 9, ("app.service",), ()),
]


def look(liba: str | None, *users: User, libb: str | None = "3.1") -> PackageUsers:
    return PackageUsers({"liba": liba, "libb": libb}, users=users)


def user(unit: str | None, stale: bool) -> User:
    return User(7, "bash", unit, LIBRARY, stale)


def test_what_has_another_version_now_was_upgraded() -> None:
    after = look("1.1", user("app.service", True), user("web.service", False), user("session-3.scope", True))
    found = Upgrade(PACKAGES, look("1.0"), after, {"liba"})
    assert [(one["unit"], one["before"], one["after"]) for one in found.upgrades] == [
        ("app.service", "1.0", "1.1"),
        ("web.service", "1.0", "1.1"),
    ]
    assert found.restart == ["app.service"] and found.others == ["pid 7 (bash) in session-3.scope"]
    assert list(found.told()) == [
        "liba 1.0: upgraded to 1.1",
        "app.service runs the old code until it is restarted",
        "pid 7 (bash) in session-3.scope goes on with the old code",
    ]


def test_units_of_users_and_containers_are_not_restarted_here() -> None:
    inner = ("user@1000.service/app.service", "docker-5f0c.scope/web.service")
    found = Upgrade(PACKAGES, look("1.0"), look("1.1", *(user(unit, True) for unit in inner)), {"liba"})
    assert found.restart == []
    assert found.others == [f"pid 7 (bash) in {unit}" for unit in inner]


def test_the_bus_is_not_restarted_under_all_who_talk_by_it() -> None:
    found = Upgrade(PACKAGES, look("1.0"), look("1.1", user("dbus.service", True), user("app.service", True)), {"liba"})
    assert found.restart == ["app.service"] and found.others == ["pid 7 (bash) in dbus.service"]


def test_where_there_is_no_other_version_the_leak_stays() -> None:
    found = Upgrade(PACKAGES, look("1.0"), look("1.0", user("app.service", False)), set())
    assert (found.upgrades, found.restart, found.still_leaking) == ([], [], ["liba 1.0"])
    stays = "liba 1.0: there is no other version to be had here, or it is held; the leak stays"
    assert list(found.told()) == [stays]


def test_what_an_earlier_run_has_not_restarted_is_restarted() -> None:
    found = Upgrade(PACKAGES, look("1.1"), look("1.1", user("app.service", True)), set())
    assert (found.upgrades, found.restart) == ([], ["app.service"])


@pytest.mark.parametrize("version", ["0.9", None])
def test_a_host_without_that_version_is_left_alone(version: str | None) -> None:
    found = Upgrade(PACKAGES, look(version), look("1.1"), {"liba"})
    assert (found.upgrades, found.still_leaking, found.restart) == ([], [], [])


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_foreign_architecture_is_left_alone_and_told(check_mode: bool) -> None:
    foreign = {"liba:armhf": "1.0", "liba:i386": "0.9", "libother:armhf": "1.0"}
    before = replace(look(None), foreign=foreign)
    found = Upgrade(PACKAGES, before, None if check_mode else before, set())
    assert (found.upgrades, found.still_leaking, found.foreign) == ([], [], ["liba:armhf 1.0"])
    (line,) = found.told()
    assert line.startswith("liba:armhf 1.0: of a foreign architecture, which is not upgraded here")
    both = replace(look("1.0"), foreign=foreign)
    assert Upgrade(PACKAGES, both, look("1.1"), {"liba"}).foreign == []


def test_check_mode_tells_what_would_be() -> None:
    before = look("1.0", user("app.service", False))
    found = Upgrade(PACKAGES, before, None, {"liba"})
    assert found.restart == ["app.service"]
    assert next(found.told()) == "liba 1.0: would be upgraded to another version"
    assert Upgrade(PACKAGES, before, None, set()).still_leaking == ["liba 1.0"]


def shown(unit: str = "app.service", stale: bool = False, owner: str = "liba", version: str = "1.0") -> PackageUsers:
    """What the host shows by itself of the library."""
    return replace(look("1.0", user(unit, stale)), owners={LIBRARY: Package(owner, version)})


@pytest.mark.parametrize(
    ("before", "is_proven"),
    [
        (shown(), True),
        (shown("web.service"), True),
        (shown("ssh.service"), False),
        (shown("user@1000.service/app.service"), False),
        (shown(stale=True), False),
        (shown(owner="libc6"), False),
        (shown(version="1.0+local1"), False),
        (replace(shown(), users=()), False),
        (replace(shown(), owners={}), False),
    ],
    ids=[
        *("as named", "the other unit", "a unit that does not leak", "of a user", "replaced since"),
        *("of another package", "of another version", "nobody runs it", "nobody's"),
    ],
)
def test_a_host_has_to_show_that_the_package_leaks_there(before: PackageUsers, is_proven: bool) -> None:
    wanted, refused = proven(PACKAGES, before)
    assert [one.package for one in wanted] == (["liba"] if is_proven else [])
    assert [one.package for one, _why in refused] == ([] if is_proven else ["liba"])


def test_what_is_not_proven_is_neither_upgraded_nor_called_so() -> None:
    before = shown(owner="libc6")
    unproven = [one for one, _why in proven(PACKAGES, before)[1]]
    found = Upgrade(PACKAGES, before, look("1.1"), {"liba"}, unproven=unproven)
    assert (found.upgrades, found.still_leaking) == ([], [])


def test_services_that_did_not_leak_are_restarted_only_where_it_is_asked_for() -> None:
    after = look("1.1", user("app.service", True), user("ssh.service", True))
    found = Upgrade(PACKAGES, shown(), after, {"liba"})
    assert found.restart == ["app.service"] and found.others == ["pid 7 (bash) in ssh.service"]
    everyone = Upgrade(PACKAGES, shown(), after, {"liba"}, restart_others=True)
    assert everyone.restart == ["app.service", "ssh.service"] and everyone.others == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"versions": [], "users": 5, "foreign": ["liba:armhf"], "owners": "x"},
        {"versions": {"liba": ["1.0"]}, "users": [None, [], {"unit": 5, "file": {}}], "foreign": 3},
        {"versions": {"liba": "1.0"}, "users": [{"unit": "app.service", "file": []}], "owners": {"": 1}},
    ],
    ids=["nothing", "kinds", "kinds within", "no names"],
)
def test_whatever_a_host_says_is_no_error(tmp_path: Path, nonsense: dict[str, Any]) -> None:
    assert act(tmp_path, before=nonsense)["wanted"] == []
    found = act(tmp_path, before=nonsense, after=nonsense)
    assert (found["upgrades"], found["restart"]) == ([], [])


def act(folder: Path, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    options = {"packages": PACKAGES, "before": shown(), **options}
    given = json.loads(json.dumps(options, default=asdict))
    arguments = {"report_dir": str(folder), "since": 1_777_900_000, **given}
    task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, delegate_to=None)
    action = leak_upgrade.ActionModule(task, *[MagicMock()] * 5)
    result: dict[str, Any] = action.run(None, {"inventory_hostname": "gw"})
    return result


def test_first_it_is_chosen_then_remembered(tmp_path: Path) -> None:
    chosen = act(tmp_path)
    assert [one["package"] for one in chosen["wanted"]] == ["liba"] and not (tmp_path / FILE).exists()
    refused = act(tmp_path, before=shown(owner="libc6"))
    assert refused["wanted"] == [] and refused["summary"] == [
        "gw: liba 1.0: not upgraded, on this host app.service, web.service runs no file of it"
    ]
    done = ["liba"]
    after = look("1.1", user("app.service", True))
    assert act(tmp_path, check_mode=True, after=shown(), done=done)["summary"][0].startswith("gw: liba 1.0: would be")
    assert not (tmp_path / FILE).exists()
    remembered = act(tmp_path, after=after, done=done)
    assert remembered["restart"] == ["app.service"] and (tmp_path / FILE).exists()


def test_a_host_with_many_processes_is_told_in_a_few_lines(tmp_path: Path) -> None:
    after = look("v" * 10**6, *[user("session-3.scope", True)] * 50_000)
    told = act(tmp_path, after=after)
    assert len(told["summary"]) == 52 and told["summary"][-1].endswith("9950 more processes go on with the old code")
    assert len(told["upgrades"][0]["after"]) == 100
