# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.packages import installed, parse_installed


def test_dpkg_is_asked_and_rpm_where_it_is_missing(tmp_path: Path) -> None:
    dpkg = {"dpkg-query --show": "a\t1.0\tinstalled\n", "rpm -q": "a\t2.0-1\n"}
    assert installed(FakeHost(tmp_path, dpkg), ["a"]) == [Package("a", "1.0")]
    assert installed(FakeHost(tmp_path, {"rpm -q": "a\t2.0-1\n"}), ["a"]) == [Package("a", "2.0-1")]


def test_nothing_is_installed_where_nobody_knows(tmp_path: Path) -> None:
    assert installed(FakeHost(tmp_path), ["a"]) == [] == installed(FakeHost(tmp_path), [])


def test_what_is_installed() -> None:
    assert parse_installed("a\t1.0\tinstalled\nb\t2.0\tconfig-files\n") == [Package("a", "1.0")]
    assert parse_installed("a\t32:1.0-1\npackage b is not installed\n") == [Package("a", "32:1.0-1")]
