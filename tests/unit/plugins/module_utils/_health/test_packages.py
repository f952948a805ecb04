# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost
from unit.samples import service

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import (
    RPM_OWNERS,
    RPM_OWNERS_OF_ONE,
    Package,
    ServicePackage,
    owners,
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
            {"/bin/sh": "a"},
        ),
        ("local diversion from: /a\nlocal diversion to: /a.distrib\nplain: /a\nb: /b\n", {"/b": "b"}),
        ("diversion by a from: /x\n", {}),
        ("", {}),
        ("no colon\n", {}),
    ],
    ids=["several", "colon in the path", "diverted", "by the administrator", "cut", "empty", "another shape"],
)
def test_what_dpkg_says_is_taken_apart(text: str, found: dict[str, str]) -> None:
    assert parse_dpkg_search(text) == found


# dpkg 1.21.22: browser-esr has put /usr/bin/browser aside, the administrator /usr/bin/plain, and a package that is not
# installed (any more) /usr/bin/tool.
DIVERTED = """\
diversion by browser-esr from: /usr/bin/browser
diversion by browser-esr to: /usr/bin/browser.real
browser, browser-esr: /usr/bin/browser
local diversion from: /usr/bin/plain
local diversion to: /usr/bin/plain.distrib
plain: /usr/bin/plain
diversion by nobodys from: /usr/bin/tool
diversion by nobodys to: /usr/bin/tool.old
tool: /usr/bin/tool
"""
DIVERTED_VERSIONS = "browser\t1.0\nbrowser-esr\t2.0\nplain\t3\ntool\t4\n"


def test_what_is_at_the_place_of_a_diverted_file(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {"dpkg-query --search --": DIVERTED, "dpkg-query --show --showformat": DIVERTED_VERSIONS})
    found = owners(host, ["/usr/bin/browser", "/usr/bin/plain", "/usr/bin/tool"])
    assert found == {"/usr/bin/browser": Package("browser-esr", "2.0")}


def test_where_a_diverted_file_is_it_is_its_packages(tmp_path: Path) -> None:
    """Of libraries that drivers divert programs have that one mapped; dpkg tells its owner under the other path."""
    asked = "diversion by browser-esr from: /usr/bin/browser\ndiversion by browser-esr to: /usr/bin/browser.real\n"
    commands = {
        "dpkg-query --search --": asked,
        "dpkg-query --search -- /usr/bin/browser": Finished((), 0, DIVERTED, ""),
        "dpkg-query --search -- /usr/bin/browser.real": asked,
        "dpkg-query --show --showformat": DIVERTED_VERSIONS,
    }
    assert owners(FakeHost(tmp_path, commands), ["/usr/bin/browser.real"]) == {
        "/usr/bin/browser.real": Package("browser", "1.0")
    }


ALPHA, BETA = Package("alpha", "1.0-1"), Package("beta", "2.0-1")


@pytest.mark.parametrize(
    ("paths", "stdout", "stderr", "found"),
    [
        ("/a /b", "alpha\t1.0-1\nbeta\t2.0-1\n", "", {"/a": ALPHA, "/b": BETA}),
        (
            "/a /b /gone",
            "alpha\t1.0-1\nbeta\t2.0-1\n",
            "error: file /gone: No such file or directory\n",
            {"/a": ALPHA, "/b": BETA},
        ),
        (
            "/a /alone /b",
            "alpha\t1.0-1\nfile /alone is not owned by any package\nbeta\t2.0-1\n",
            "",
            {"/a": ALPHA, "/b": BETA},
        ),
        ("/a /both /b", "alpha\t1.0-1\nalpha\t1.0-1\nbeta\t2.0-1\nbeta\t2.0-1\n", "", {"/a": ALPHA, "/b": BETA}),
        # As many lines as paths, and not one for each.
        ("/both /gone", "alpha\t1.0-1\nbeta\t2.0-1\n", "error: file /gone: No such file or directory\n", {}),
        ("/gone", "", "error: file /gone: No such file or directory\n", {}),
        ("/a", "", "error: cannot open Packages database in /var/lib/rpm\n", {}),
    ],
    ids=["one each", "not there", "nobody's", "of two", "as many lines", "none", "broken"],
)
def test_rpm_tells_the_others_too(
    tmp_path: Path, paths: str, stdout: str, stderr: str, found: dict[str, Package]
) -> None:
    """RPM 4.18.0."""
    alone = {"/a": "alpha\t1.0-1\n", "/b": "beta\t2.0-1\n", "/both": "alpha\t1.0-1\nbeta\t2.0-1\n", "/gone": ""}
    alone["/alone"] = "file /alone is not owned by any package\n"
    commands: dict[str, Answer] = {" ".join([*RPM_OWNERS_OF_ONE, path]): said for path, said in alone.items()}
    commands[" ".join(RPM_OWNERS)] = Finished((), 1, stdout, stderr)
    assert owners(FakeHost(tmp_path, commands), paths.split()) == found


def test_a_package_of_two_architectures_is_one(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {"rpm -qf": "alpha\t1.0-1\nalpha\t1.0-1\n"})
    assert owners(host, ["/both"]) == {"/both": ALPHA}


def test_a_file_is_known_as_before_the_merge_of_usr() -> None:
    assert spellings("/usr/bin/a") == ("/usr/bin/a", "/bin/a")
    assert spellings("/usr/lib64/a") == ("/usr/lib64/a", "/lib64/a")
    assert spellings("/opt/usr/bin/a") == ("/opt/usr/bin/a",)
