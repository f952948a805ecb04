# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.packages import (
    Package,
    installed,
    owners,
    parse_apk,
    parse_dpkg_search,
    parse_installed,
    parse_rpm,
)

SEARCH = "dpkg-query --search"
SHOW = "dpkg-query --show --showformat=${binary:Package}\\t${Version}\\n"


def test_dpkg_knows_a_file_by_another_name_of_it(tmp_path: Path) -> None:
    found = "libtelemetry1:amd64: /usr/lib/x86_64-linux-gnu/libtelemetry.so.1\n"
    host = FakeHost(tmp_path, {SEARCH: found, SHOW: "libtelemetry1:amd64\t1.0-2\n"})
    path = "/lib/x86_64-linux-gnu/libtelemetry.so.1"
    assert owners(host, [path, "linux-vdso.so.1"]) == {path: Package("libtelemetry1", "1.0-2")}
    assert host.asked[0].startswith(f"{SEARCH} {path} /usr{path}")


def test_rpm_and_apk_where_there_is_no_dpkg(tmp_path: Path) -> None:
    rpm = FakeHost(tmp_path, {"rpm -qf": "glib2\t2.74.1-1.fc37\n"})
    assert owners(rpm, ["/usr/lib64/libglib-2.0.so.0"]) == {
        "/usr/lib64/libglib-2.0.so.0": Package("glib2", "2.74.1-1.fc37")
    }
    apk = FakeHost(tmp_path, {"apk info": "/usr/lib/libfoo.so.1 is owned by foo-libs-1.2.3-r0\n"})
    assert owners(apk, ["/usr/lib/libfoo.so.1"]) == {"/usr/lib/libfoo.so.1": Package("foo-libs", "1.2.3-r0")}


def test_no_package_manager_and_no_owner(tmp_path: Path) -> None:
    assert owners(FakeHost(tmp_path), ["/opt/app"]) == {} == owners(FakeHost(tmp_path), [])
    assert owners(FakeHost(tmp_path, {SEARCH: ""}), ["/opt/app"]) == {}
    assert installed(FakeHost(tmp_path), ["a"]) == [] == installed(FakeHost(tmp_path), [])


def test_what_dpkg_says() -> None:
    text = "diversion by dash from: /bin/sh\ndash: /bin/sh\na, b: /etc/shared\nlibc6:i386: /lib/x: y\nnothing\n"
    assert parse_dpkg_search(text) == {"/bin/sh": "dash", "/etc/shared": "a", "/lib/x: y": "libc6:i386"}


def test_what_rpm_and_apk_say() -> None:
    assert parse_rpm("file /opt/app is not owned by any package\n") is None
    assert parse_rpm("bind\t32:9.16-1\nbind\t32:9.16-1\n") == Package("bind", "32:9.16-1")
    assert parse_apk("ERROR: /opt/app: Could not find owner package\n") == {}


def test_what_is_installed() -> None:
    names = ["a", "b", "foo-libs"]
    assert parse_installed("a\t1.0\tinstalled\nb\t2.0\tconfig-files\n", names) == [Package("a", "1.0")]
    assert parse_installed("a\t1.0-1\npackage b is not installed\n", names) == [Package("a", "1.0-1")]
    assert parse_installed("foo-libs-1.2.3-r0\n", names) == [Package("foo-libs", "1.2.3-r0")]
