# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same version of a package leaking on many hosts is one finding."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import LEAK_PACKAGE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.words import rate

# A fleet may name anything: no more packages than these, and of each the first hosts.
_MOST_PACKAGES, _MOST_NAMES = 10_000, 5


class LeakingPackages:
    """Is shown every host; a package counts by the unit that leaks: a service in Python is not Python."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._rates: dict[tuple[str, str, str], list[int]] = {}
        self._hosts: dict[tuple[str, str, str], list[str]] = {}

    def add(self, row: Row) -> None:
        for leak in row.leaks:
            if leak.package is None or leak.version is None:
                continue
            key = (leak.unit, leak.package, leak.version)
            if key not in self._rates and len(self._rates) >= _MOST_PACKAGES:
                continue
            self._rates.setdefault(key, []).append(leak.rate_bytes_per_hour)
            hosts = self._hosts.setdefault(key, [])
            if len(hosts) < _MOST_NAMES:
                hosts.append(row.host)

    def findings(self) -> tuple[Finding, ...]:
        """Those on the most hosts first."""
        return tuple(self._found())

    def _found(self) -> Iterator[Finding]:
        for key, rates in sorted(self._rates.items(), key=lambda each: (-len(each[1]), each[0])):
            if len(rates) < max(self._thresholds.leak_package_hosts, 1):
                return
            unit, package, version = key
            hosts = self._hosts[key]
            names = ", ".join(hosts) + (", …" if len(rates) > len(hosts) else "")
            observed = f"{len(rates)} hosts leak ({names}), {rate(median(rates))} in the middle"
            yield LEAK_PACKAGE.found(self._thresholds, f"{unit}: {package} {version}", observed)
