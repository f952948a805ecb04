# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(leak_upgrade): what an upgrade has changed on a host, into the history."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import subject
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade as ServiceUpgrade
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    flag,
    items,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_NOT_KNOWN = "another version"
# What talks by the bus does not find back to it: it takes a reboot.
_NOT_RESTARTED = ("dbus.service", "dbus-broker.service")
# A host may name any number of processes.
_MOST_USERS, _MOST_TOLD, _MOST_TEXT = 10_000, 50, 100


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            argument_spec={
                "report_dir": {"type": "str", "required": True},
                "packages": {"type": "list", "elements": "dict", "required": True},
                "before": {"type": "dict", "required": True},
                "after": {"type": "dict"},
                "since": {"type": "int", "required": True},
                "done": {"type": "list", "elements": "dict", "default": []},
                "restart_others": {"type": "bool", "default": False},
            }
        )
        try:
            host = subject(self, task_vars or {})
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        packages, before, after = arguments["packages"], arguments["before"], arguments["after"]
        wanted, refused = proven(packages, before)
        told = [f"{one['package']} {one['version']}: not upgraded, {why}" for one, why in refused]
        if after is None:
            result.update(changed=False, wanted=wanted, summary=[clean(f"{host}: {line}") for line in told])
            return result
        check_mode = bool(self._task.check_mode)
        changed = {text(one, "item", "package") for one in arguments["done"] if flag(one, "changed")}
        found = Upgrade(
            packages,
            before,
            None if check_mode else after,
            changed,
            unproven=[one for one, _why in refused],
            restart_others=arguments["restart_others"],
        )
        if found.upgrades and not check_mode:
            try:
                _record(Path(arguments["report_dir"]), host, found.upgrades, arguments["since"])
            except LifeboatError as error:
                raise AnsibleActionFail(str(error)) from error
        result.update(
            changed=False,
            upgrades=found.upgrades,
            restart=found.restart,
            others=found.others,
            still_leaking=found.still_leaking,
            foreign=found.foreign,
            summary=[clean(f"{host}: {line}") for line in (*found.told(), *told)],
        )
        return result


def proven(
    packages: Sequence[Mapping[str, Any]], before: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], list[tuple[Mapping[str, Any], str]]]:
    """The packages of which this host itself shows that they leak here, and why not for the others that are here.

    Another device has named them. Here the version has to be installed, one of its files has to be what was named,
    and a service that leaks here, by this host's own audit, has to run it.
    """
    wanted: list[Mapping[str, Any]] = []
    refused: list[tuple[Mapping[str, Any], str]] = []
    for package in packages:
        name, version, units = text(package, "package"), text(package, "version"), items(package, "units")
        if not name or not version or text(before, "versions", name) != version:
            continue
        runs = [user for user in _users(before) if text(user, "unit") in units and not flag(user, "stale")]
        owners = (at(before, "owners", text(user, "file") or "") for user in runs)
        if any((text(owner, "package"), text(owner, "version")) == (name, version) for owner in owners):
            wanted.append(package)
        else:
            refused.append((package, f"on this host {', '.join(map(str, units)) or 'what leaks'} runs no file of it"))
    return wanted, refused


class Upgrade:
    """What has changed. Without I(after) (in check mode) it is what would: I(changed) are the packages that there are
    other versions of.
    """

    def __init__(
        self,
        packages: Sequence[Mapping[str, Any]],
        before: Mapping[str, Any],
        after: Mapping[str, Any] | None,
        changed: Collection[str | None],
        unproven: Collection[Mapping[str, Any]] = (),
        restart_others: bool = False,
    ) -> None:
        self._check_mode = after is None
        self.upgrades: list[dict[str, str]] = []
        self.still_leaking: list[str] = []
        self.foreign: list[str] = []
        for package in packages:
            name, leaking = text(package, "package") or "", text(package, "version")
            if leaking is None or text(before, "versions", name) != leaking:
                # Not here, or not the version that leaks; where it is of both architectures they go together.
                self.foreign += [f"{other} {leaking}" for other in _foreign(before, name, leaking)]
                continue
            now = text(after, "versions", name) if after is not None else _NOT_KNOWN if name in changed else None
            if package in unproven:
                continue
            if now in (None, leaking):
                self.still_leaking.append(f"{name} {leaking}")
                continue
            for unit in items(package, "units"):
                self.upgrades.append(
                    {"unit": str(unit), "package": name, "before": leaking, "after": str(now)[:_MOST_TEXT]}
                )
        # Also what an earlier run has replaced. In check mode nothing is yet: all who use it now would run the old one.
        users = _users(before if after is None else after)
        would = after is None and bool(self.upgrades)
        old = [user for user in users if would or flag(user, "stale")]
        # A unit within another one is known to the systemd of a user or a container alone.
        names = {text(user, "unit") or "" for user in old}
        services = {name for name in names if name.endswith(".service") and "/" not in name}.difference(_NOT_RESTARTED)
        own = {unit for package in packages for unit in items(package, "units")}
        self.restart = sorted(services if restart_others else services & own)
        self.others = [
            f"pid {user.get('pid')} ({text(user, 'comm')}) in {text(user, 'unit') or 'no unit'}"
            for user in old
            if text(user, "unit") not in self.restart
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


def _users(look: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return entries(look, "users")[:_MOST_USERS]


def _foreign(look: Mapping[str, Any], name: str, leaking: str | None) -> list[str]:
    """C(liba:armhf), where that is the version that leaks."""
    found = at(look, "foreign")
    known = found if isinstance(found, Mapping) else {}
    return sorted(other for other in known if other.partition(":")[0] == name and known[other] == leaking)


def _record(report_dir: Path, host: str, upgrades: Sequence[Mapping[str, str]], when: int) -> None:
    with open_history(report_dir) as history:
        history.keep_upgrades(host, [ServiceUpgrade(**one, at=when) for one in upgrades])
