# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, RowLeak
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages

LEAK = RowLeak("a.service", "a", "1", 1 << 20)


def row(host: str, **changes: Any) -> Row:
    return Row(host, leaks=(replace(LEAK, **changes),))


def found(*rows: Row, **thresholds: int) -> list[tuple[str, str]]:
    packages = LeakingPackages(Thresholds(**thresholds))
    for each in rows:
        packages.add(each)
    return [(finding.subject, finding.observed) for finding in packages.findings()]


def test_the_same_version_on_many_hosts_is_one_finding() -> None:
    rows = [row(f"h{number}", rate_bytes_per_hour=number << 20) for number in range(1, 8)]
    assert found(*rows, Row("well")) == [
        ("a.service: a 1", "7 hosts leak (h1, h2, h3, h4, h5, …), +4.0 MiB an hour in the middle")
    ]


def test_fewer_hosts_are_their_own_findings() -> None:
    rows = [row("h1"), row("h2")]
    assert found(*rows) == found() == []
    assert len(found(*rows, leak_package_hosts=2)) == len(found(*rows, leak_package_hosts=0)) == 1


def test_another_version_another_unit_and_no_package_do_not_count_together() -> None:
    assert found(row("h1"), row("h2"), row("h3", version="2")) == []
    assert found(row("h1"), row("h2"), row("h3", unit="b.service")) == []
    assert found(*[row(f"h{number}", package=None, version=None) for number in range(5)]) == []


def test_those_on_the_most_hosts_stand_first() -> None:
    rows = [row(f"h{number}", package="b") for number in range(4)] + [row(f"h{number}") for number in range(3)]
    assert [subject for subject, _observed in found(*rows)] == ["a.service: b 1", "a.service: a 1"]
