# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import (
    Distribution,
    HostInfo,
    parse_os_release,
    read_host_info,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

# Of Debian 12.
DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
DETECT = "systemd-detect-virt"
V2, HYBRID, V1 = "cgroup.controllers", "unified/cgroup.controllers", "memory/memory.usage_in_bytes"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path, {DETECT: "kvm\n"})
    found.has("/proc/sys/kernel/osrelease", "6.1.0-21-arm64\n")
    found.has("/proc/sys/kernel/random/boot_id", "4f0c1d2e-0000-4000-8000-000000000001\n")
    found.has("/proc/uptime", "86400.52 170000.01\n")
    found.has("/proc/1/comm", "systemd\n")
    found.has("/usr/lib/os-release", DEBIAN)
    found.has(f"/sys/fs/cgroup/{V2}", "memory pids\n")
    return found


def look(host: FakeHost) -> HostInfo:
    info, failures = read_host_info(host, 252)
    assert failures == ()
    return info


def test_a_host_says_which_it_is(host: FakeHost) -> None:
    assert look(host) == HostInfo(
        boot_id="4f0c1d2e-0000-4000-8000-000000000001",
        uptime_seconds=86400.52,
        kernel="6.1.0-21-arm64",
        arch=os.uname().machine,
        page_kib=4,
        systemd_version=252,
        init="systemd",
        cgroups="v2",
        distribution=Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
        virtualisation="kvm",
    )


def test_this_machine_says_which_it_is() -> None:
    info, failures = read_host_info(Host(), None)
    assert failures == ()
    assert info.kernel == platform.release()
    assert info.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    assert info.uptime_seconds is not None and info.uptime_seconds > 0
    script = '. /etc/os-release; printf "%s\n" "$ID" "$VERSION_ID" "$PRETTY_NAME"'
    name, version, title = subprocess.run(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    assert info.distribution == Distribution(name, version or None, title)


def test_a_host_that_says_least_is_none_and_never_empty(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.has("/proc/sys/kernel/osrelease", "2.6.32\n")
    assert look(host) == HostInfo(None, None, "2.6.32", os.uname().machine, 4, 252)
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/1/comm", "/etc/os-release", "/run/systemd/container"):
        host.has(path, "\n")
    assert look(host) == HostInfo(
        None, None, "2.6.32", os.uname().machine, 4, 252, distribution=Distribution(None, None, None)
    )


def test_a_host_without_a_kernel_is_no_host(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="osrelease"):
        read_host_info(FakeHost(tmp_path), None)


@pytest.mark.parametrize(
    "text", ["", "\n", "many", "-5.0 3.0", "nan 3.0", "inf inf", "1e5 3", "86400", "8640", "\udcff"]
)
def test_an_uptime_that_is_none_is_named(host: FakeHost, text: str) -> None:
    host.has("/proc/uptime", text)
    info, failures = read_host_info(host, None)
    assert info.uptime_seconds is None
    assert [str(failure) for failure in failures] == [f"found {text!r} in /proc/uptime, expected seconds as 86400.52"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/proc/1/comm", "init"),
        ("/proc/uptime", "uptime_seconds"),
        ("/proc/sys/kernel/random/boot_id", "boot_id"),
        ("/etc/os-release", "distribution"),
        ("/run/systemd/container", "virtualisation"),
    ],
)
def test_what_may_not_be_seen_is_named_and_the_rest_is_there(host: FakeHost, path: str, field: str) -> None:
    """Where C(/proc) is mounted with hidepid=1, process 1 is seen and its files give EPERM (tried on 6.1)."""
    del host.commands[DETECT]
    host.failing["read", path] = ReadOnly(f"cannot read {path}: Operation not permitted", path)
    info, failures = read_host_info(host, None)
    assert [failure.path for failure in failures] == [path]
    assert getattr(info, field) is None
    assert (info.kernel, info.cgroups) == ("6.1.0-21-arm64", "v2")


@pytest.mark.parametrize("comm", ["init", "a) R 1\\n(", "\udcff", " "])
def test_the_init_keeps_its_name(host: FakeHost, comm: str) -> None:
    host.has("/proc/1/comm", comm + "\n")
    assert look(host).init == comm


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([V2], "v2"),
        ([HYBRID, V1], "hybrid"),
        ([V1], "v1"),
        (["nothing-known/x"], "v1"),
        (["unified/x", V1], "v1"),
        ([], None),
    ],
    ids=["v2", "hybrid", "v1", "v1 without memory", "v1, a group of that name", "none"],
)
def test_the_kind_of_control_groups(host: FakeHost, files: list[str], word: str | None) -> None:
    (Path(host.root) / "sys/fs/cgroup" / V2).unlink()
    for file in files:
        host.has(f"/sys/fs/cgroup/{file}")
    assert look(host).cgroups == word


def test_a_version_that_is_set_to_nothing_is_none(host: FakeHost) -> None:
    host.has("/etc/os-release", "ID=arch\nVERSION_ID=\n")
    assert look(host).distribution == Distribution("arch", None, None)


def test_the_administrators_os_release_comes_first(host: FakeHost) -> None:
    host.has("/etc/os-release", "ID=ours\n")
    assert look(host).distribution == Distribution("ours", None, None)
    Path(host.real("/etc/os-release")).unlink()
    host.has_link("/etc/os-release", "not/there")
    assert look(host).distribution == Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("ID=alpine\n", {"ID": "alpine"}),
        ("ID=\"a\"\nVERSION_ID='3.19'\n", {"ID": "a", "VERSION_ID": "3.19"}),
        ("  ID=a \r\n", {"ID": "a"}),
        ("ID=a", {"ID": "a"}),
        ("ID=a\nID=b\n", {"ID": "b"}),
        ('PRETTY_NAME="The \\"Best\\" \\$ \\` \\\\ \\n"\n', {"PRETTY_NAME": 'The "Best" $ ` \\ \\n'}),
        ("ID='a\\$b'\n", {"ID": "a\\$b"}),
        ("ID=a\\$b\n", {"ID": "a$b"}),
        ("ID=\nVERSION_ID=\"\"\nNAME=''\n", {"ID": "", "VERSION_ID": "", "NAME": ""}),
        ("# ID=a\n\n;ID=b\n", {}),
        ("PRETTY_NAME=\"<b>x</b>='y'\"\n", {"PRETTY_NAME": "<b>x</b>='y'"}),
        ('ID="open\n', {"ID": '"open'}),
        ('ID="\n', {"ID": '"'}),
        ("ID=\udcff\x00\x85ID=b\n", {"ID": "\udcff\x00\x85ID=b"}),
        ("ID\n=a\nI D=a\n", {}),
        ("", {}),
    ],
    ids=[
        *["plain", "quotes", "blanks", "no end", "last wins", "escapes", "none in single", "escape, plain"],
        "nothing set",
        *["comments", "markup", "truncated", "a quote", "other bytes", "no assignment", "empty"],
    ],
)
def test_os_release_is_read_as_a_shell_would(text: str, fields: dict[str, str]) -> None:
    assert parse_os_release(text) == fields


@pytest.mark.parametrize(
    ("answer", "files", "word"),
    [
        ("kvm\n", {"/.dockerenv": ""}, "kvm"),
        (Finished((), 1, "none\n", ""), {}, "none"),
        (Finished((), 1, "", "Failed to check for virtualization"), {"/.dockerenv": ""}, "docker"),
        (None, {"/run/systemd/container": "systemd-nspawn\n", "/.dockerenv": ""}, "systemd-nspawn"),
        (None, {"/run/systemd/container": "\n", "/run/.containerenv": ""}, "podman"),
        (None, {"/.dockerenv": ""}, "docker"),
        (None, {"/proc/cpuinfo": "processor\t: 0\nvendor_id\t: User Mode Linux\n"}, "uml"),
        (None, {"/proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\n"}, None),
        (None, {}, None),
        (HostError("systemd-detect-virt did not end within 60 s", DETECT), {"/.dockerenv": ""}, "docker"),
    ],
    ids=[
        *["machine", "none", "no answer", "container's manager", "empty name", "docker", "uml", "not told", "nothing"],
        "hangs",
    ],
)
def test_what_it_runs_on(host: FakeHost, answer: Answer | None, files: dict[str, str], word: str | None) -> None:
    host.commands = {} if answer is None else {DETECT: answer}
    for path, text in files.items():
        host.has(path, text)
    assert look(host).virtualisation == word
