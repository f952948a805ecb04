# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.installed_packages import (
    installed,
    parse_dpkg,
    parse_rpm,
)

DPKG = "dpkg\t1.21\tinstalled\tamd64\n"


def test_dpkg_is_asked_and_rpm_where_it_is_missing(tmp_path: Path) -> None:
    dpkg = {"dpkg-query --show": DPKG + "a\t1.0\tinstalled\tamd64\n", "rpm -q": "a\t2.0-1\n"}
    assert installed(FakeHost(tmp_path, dpkg), ["a"]) == [Package("a", "1.0")]
    assert installed(FakeHost(tmp_path, dpkg), ["dpkg"]) == [Package("dpkg", "1.21")]
    assert installed(FakeHost(tmp_path, {"rpm -q": "a\t2.0-1\n"}), ["a"]) == [Package("a", "2.0-1")]


def test_nothing_is_installed_where_nobody_knows(tmp_path: Path) -> None:
    assert installed(FakeHost(tmp_path), ["a"]) == [] == installed(FakeHost(tmp_path), [])


def test_what_is_installed() -> None:
    found = parse_dpkg(DPKG + "a\t1.0\tinstalled\tall\nb\t2.0\tconfig-files\tamd64\n")
    assert found == [Package("dpkg", "1.21"), Package("a", "1.0")]
    assert parse_rpm("a\t32:1.0-1\npackage b is not installed\n") == [Package("a", "32:1.0-1")]


def test_a_package_of_another_architecture_is_not_the_one_of_the_host(tmp_path: Path) -> None:
    """Where liba:i386 alone is installed, to upgrade liba would install liba:amd64."""
    said = DPKG + "liba\t1.0\tinstalled\ti386\n"
    assert installed(FakeHost(tmp_path, {"dpkg-query --show": said}), ["liba"]) == [Package("liba:i386", "1.0")]
