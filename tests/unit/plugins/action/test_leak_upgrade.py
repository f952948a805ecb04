# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.action.leak_upgrade import Upgrade

PACKAGES = [
    {"package": "liba", "version": "1.0", "units": ["app.service", "web.service"]},
    {"package": "libb", "version": "3.0", "units": ["app.service"]},
]


def look(liba: str | None, *users: dict[str, Any], libb: str | None = "3.1") -> dict[str, Any]:
    return {"versions": {"liba": liba, "libb": libb}, "users": list(users)}


def user(unit: str | None, stale: bool) -> dict[str, Any]:
    return {"pid": 7, "comm": "bash", "unit": unit, "file": "/usr/lib/liba.so", "stale": stale}


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
    before = {**look(None), "foreign": foreign}
    found = Upgrade(PACKAGES, before, None if check_mode else before, set())
    assert (found.upgrades, found.still_leaking, found.foreign) == ([], [], ["liba:armhf 1.0"])
    (line,) = found.told()
    assert line.startswith("liba:armhf 1.0: of a foreign architecture, which is not upgraded here")
    both = {**look("1.0"), "foreign": foreign}
    assert Upgrade(PACKAGES, both, look("1.1"), {"liba"}).foreign == []


def test_check_mode_tells_what_would_be() -> None:
    before = look("1.0", user("app.service", False))
    found = Upgrade(PACKAGES, before, None, {"liba"})
    assert found.restart == ["app.service"]
    assert next(found.told()) == "liba 1.0: would be upgraded to another version"
    assert Upgrade(PACKAGES, before, None, set()).still_leaking == ["liba 1.0"]
