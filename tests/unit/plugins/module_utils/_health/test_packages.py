# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import FakeHost
from unit.samples import service

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import (
    ServicePackage,
    parse_dpkg_search,
    read_packages,
    spellings,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState

NGINX = ServicePackage("nginx.service", "/usr/sbin/nginx", "nginx-core", "1.22.1-9")
OWNERS = "nginx-core:arm64: /usr/sbin/nginx\nsystemd: /lib/systemd/systemd-x\n"
DPKG = {
    "dpkg-query --search --": Finished((), 1, OWNERS, ""),
    "dpkg-query --show --showformat": "nginx-core:arm64\t1.22.1-9\nsystemd\t252.39-1~deb12u1\n",
}


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path, DPKG)
    found.has_link("/proc/100/exe", "/usr/sbin/nginx")
    found.has_link("/proc/101/exe", "/usr/lib/systemd/systemd-x")
    found.has_link("/proc/102/exe", "/opt/mine")
    found.has_link("/proc/103/exe", "/usr/sbin/nginx (deleted)")
    return found


def units(*pids: int | None) -> tuple[ServiceState, ...]:
    names = {100: "nginx.service", 101: "x.service", 102: "mine.service", 103: "old.service", None: "none.service"}
    return tuple(service(names.get(pid, "gone.service"), main_pid=pid) for pid in pids)


def test_a_service_has_the_package_of_its_program(host: FakeHost) -> None:
    assert read_packages(host, units(100)) == (NGINX,)
    (asked, shown) = host.asked
    assert asked == "dpkg-query --search -- /usr/sbin/nginx /sbin/nginx"
    assert shown.endswith(" -- nginx-core:arm64 systemd")


def test_all_are_asked_about_at_once_and_who_has_none_is_left_out(host: FakeHost) -> None:
    found = read_packages(host, units(100, 101, 102, 103, 104, None))
    assert found == (
        NGINX,
        ServicePackage("x.service", "/usr/lib/systemd/systemd-x", "systemd", "252.39-1~deb12u1"),
    )
    assert len(host.asked) == 2


def test_what_is_installed_is_not_what_runs(host: FakeHost) -> None:
    assert read_packages(host, units(103)) == ()
    assert host.asked == []


def test_without_a_package_manager_nothing_is_known(tmp_path: Path) -> None:
    bare = FakeHost(tmp_path)
    bare.has_link("/proc/100/exe", "/usr/sbin/nginx")
    assert read_packages(bare, units(100)) is None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("nginx\t1.20.1-14.el9\n", (ServicePackage("nginx.service", "/usr/sbin/nginx", "nginx", "1.20.1-14.el9"),)),
        ("file /usr/sbin/nginx is not owned by any package\n", ()),
        ("a\t1\nb\t2\n", ()),
        ("", ()),
    ],
    ids=["owned", "nobody's", "of two packages", "nothing"],
)
def test_rpm_is_asked_where_there_is_no_dpkg(tmp_path: Path, said: str, found: tuple[ServicePackage, ...]) -> None:
    host = FakeHost(tmp_path, {"rpm -qf": said})
    host.has_link("/proc/100/exe", "/usr/sbin/nginx")
    assert read_packages(host, units(100)) == found


def test_a_command_that_does_not_end_is_an_error(host: FakeHost) -> None:
    host.commands["dpkg-query --search --"] = HostError("dpkg-query did not end within 60 s", "dpkg-query")
    with pytest.raises(HostError, match="did not end"):
        read_packages(host, units(100))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("libc6:amd64, libc6:i386: /etc/ld.so.conf.d\n", {"/etc/ld.so.conf.d": "libc6:amd64"}),
        ("a: /x: y\n", {"/x: y": "a"}),
        (
            "diversion by a from: /bin/sh\ndiversion by a to: /bin/sh.distrib\ndash: /bin/sh\n",
            {"/bin/sh": "dash"},
        ),
        ("", {}),
        ("no colon\n", {}),
    ],
    ids=["several", "colon in the path", "diverted", "empty", "another shape"],
)
def test_what_dpkg_says_is_taken_apart(text: str, found: dict[str, str]) -> None:
    assert parse_dpkg_search(text) == found


def test_a_file_is_known_as_before_the_merge_of_usr() -> None:
    assert spellings("/usr/bin/a") == ("/usr/bin/a", "/bin/a")
    assert spellings("/usr/lib64/a") == ("/usr/lib64/a", "/lib64/a")
    assert spellings("/opt/usr/bin/a") == ("/opt/usr/bin/a",)
