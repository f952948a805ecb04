# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(leak_upgrade): what an upgrade has changed on a host, into the history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.package_users import PackageUsers
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import LeakyPackage
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade as ServiceUpgrade
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import salvage

_NOT_KNOWN = "another version"
# What talks by the bus does not find back to it: it takes a reboot.
_NOT_RESTARTED = ("dbus.service", "dbus-broker.service")
# A host may name any number of processes.
_MOST_USERS, _MOST_TOLD, _MOST_TEXT = 10_000, 50, 100


class ActionModule(Action):
    _requires_connection = False
    SPEC: ClassVar = {
        "report_dir": {"type": "str", "required": True},
        "packages": {"type": "list", "elements": "dict", "required": True},
        "before": {"type": "dict", "required": True},
        "after": {"type": "dict"},
        "since": {"type": "int", "required": True},
        "done": {"type": "list", "elements": "str", "default": []},
        "restart_others": {"type": "bool", "default": False},
    }

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        packages = [salvage(LeakyPackage, one) for one in arguments["packages"]]
        before, after = salvage(PackageUsers, arguments["before"]), arguments["after"]
        wanted, refused = proven(packages, before)
        told = [f"{one.package} {one.version}: not upgraded, {why}" for one, why in refused]
        if after is None:
            return {"changed": False, "wanted": [asdict(one) for one in wanted], "summary": self._summary(told)}
        check_mode = bool(self._task.check_mode)
        found = Upgrade(
            packages,
            before,
            None if check_mode else salvage(PackageUsers, after),
            arguments["done"],
            unproven=[one for one, _why in refused],
            restart_others=arguments["restart_others"],
        )
        if found.upgrades and not check_mode:
            with open_history(Path(arguments["report_dir"])) as history:
                upgrades = [ServiceUpgrade(**one, at=arguments["since"]) for one in found.upgrades]
                history.keep_upgrades(self.host, upgrades)
        return {
            "changed": False,
            "upgrades": found.upgrades,
            "restart": found.restart,
            "others": found.others,
            "still_leaking": found.still_leaking,
            "foreign": found.foreign,
            "summary": self._summary([*found.told(), *told]),
        }

    def _summary(self, lines: Iterable[str]) -> list[str]:
        return [clean(f"{self.host}: {line}") for line in lines]


def proven(
    packages: Iterable[LeakyPackage], before: PackageUsers
) -> tuple[list[LeakyPackage], list[tuple[LeakyPackage, str]]]:
    """The packages of which this host itself shows that they leak here, and why not for the others that are here.

    Another device has named them. Here the version has to be installed, one of its files has to be what was named,
    and a service that leaks here, by this host's own audit, has to run it.
    """
    wanted: list[LeakyPackage] = []
    refused: list[tuple[LeakyPackage, str]] = []
    for package in packages:
        if before.versions.get(package.package) != package.version:
            continue
        runs = [user.file for user in before.users if user.unit in package.units and not user.stale]
        if Package(package.package, package.version) in map(before.owners.get, runs):
            wanted.append(package)
        else:
            refused.append((package, f"on this host {', '.join(package.units) or 'what leaks'} runs no file of it"))
    return wanted, refused


class Upgrade:
    """What has changed. Without I(after) (in check mode) it is what would: I(changed) are the packages that there are
    other versions of.
    """

    def __init__(
        self,
        packages: Sequence[LeakyPackage],
        before: PackageUsers,
        after: PackageUsers | None,
        changed: Collection[str],
        unproven: Collection[LeakyPackage] = (),
        restart_others: bool = False,
    ) -> None:
        self._check_mode = after is None
        self.upgrades: list[dict[str, str]] = []
        self.still_leaking: list[str] = []
        self.foreign: list[str] = []
        for package in packages:
            name, leaking = package.package, package.version
            if before.versions.get(name) != leaking:
                # Not here, or not the version that leaks; where it is of both architectures they go together.
                self.foreign += [f"{other} {leaking}" for other in _foreign(before, name, leaking)]
                continue
            now = after.versions.get(name) if after is not None else _NOT_KNOWN if name in changed else None
            if package in unproven:
                continue
            if now in (None, leaking):
                self.still_leaking.append(f"{name} {leaking}")
                continue
            for unit in package.units:
                self.upgrades.append({"unit": unit, "package": name, "before": leaking, "after": str(now)[:_MOST_TEXT]})
        # Also what an earlier run has replaced. In check mode nothing is yet: all who use it now would run the old one.
        would = after is None and bool(self.upgrades)
        old = [user for user in (after or before).users[:_MOST_USERS] if would or user.stale]
        # A unit within another one is known to the systemd of a user or a container alone.
        names = {user.unit or "" for user in old}
        services = {name for name in names if name.endswith(".service") and "/" not in name}.difference(_NOT_RESTARTED)
        own = {unit for package in packages for unit in package.units}
        self.restart = sorted(services if restart_others else services & own)
        self.others = [
            f"pid {user.pid} ({user.comm}) in {user.unit or 'no unit'}" for user in old if user.unit not in self.restart
        ]

    def told(self) -> Iterator[str]:
        would = "would be " if self._check_mode else ""
        for package, before, after in sorted({(one["package"], one["before"], one["after"]) for one in self.upgrades}):
            yield f"{package} {before}: {would}upgraded to {after}"
        for unit in self.restart:
            yield f"{unit} runs the old code until it is restarted"
        for other in self.others[:_MOST_TOLD]:
            yield f"{other} goes on with the old code"
        if len(self.others) > _MOST_TOLD:
            yield f"{len(self.others) - _MOST_TOLD} more processes go on with the old code"
        for package in self.still_leaking:
            yield f"{package}: there is no other version to be had here, or it is held; the leak stays"
        for package in self.foreign:
            yield f"{package}: of a foreign architecture, which is not upgraded here; do it by hand, the leak stays"


def _foreign(look: PackageUsers, name: str, leaking: str) -> list[str]:
    """C(liba:armhf), where that is the version that leaks."""
    known = [other for other, version in look.foreign.items() if version == leaking]
    return sorted(other for other in known if other.partition(":")[0] == name)
