# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost, FakeKernel
from unit.samples import RUNTIME

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import find_loader, read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES, MODE, RATIO

BUSYBOX_SAYS = Finished(
    (), 1, "", "sysctl: unrecognized option '--version'\nBusyBox v1.36.1 (2025-01-01) multi-call binary.\n"
)


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    """A device with systemd that nobody has tuned."""
    found = FakeKernel(tmp_path)
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    return found


def files(host: FakeHost, own_path: str = SYSCTL_FILE) -> dict[str, str | None]:
    return {found.path: found.text for found in read_sysctls(host, own_path, whole=True).files}


def test_an_untouched_device_has_only_running_values(host: FakeHost) -> None:
    state = read_sysctls(host, SYSCTL_FILE)
    assert (state.loader, state.own_path, state.files) == ("systemd", SYSCTL_FILE, ())
    assert state.runtime == RUNTIME
    assert state.read_only == ()
    assert state.cmdline == {}


def test_a_key_that_the_kernel_lacks_is_not_there(host: FakeHost) -> None:
    (Path(host.root) / "proc/sys/vm/overcommit_kbytes").unlink()
    assert set(RUNTIME) - set(read_sysctls(host, SYSCTL_FILE).runtime) == {KBYTES}


def test_blanks_of_the_kernel_do_not_count(host: FakeHost) -> None:
    host.has("/proc/sys/vm/overcommit_ratio", " 80\t\n\n")
    assert read_sysctls(host, SYSCTL_FILE).runtime[RATIO] == "80"


@pytest.mark.parametrize("text", ["", "much", "1 2", "0x2", "9" * 21, "\u0661"], ids=ascii)
def test_what_no_kernel_shows_is_refused(host: FakeHost, text: str) -> None:
    host.has("/proc/sys/vm/overcommit_ratio", text)
    with pytest.raises(HostError, match=r"^/proc/sys/vm/overcommit_ratio: found '.*', expected a number"):
        read_sysctls(host, SYSCTL_FILE)


def test_a_container_is_read_only(host: FakeHost) -> None:
    host.read_only = {"/proc/sys/vm/overcommit_memory", "/proc/sys/vm/overcommit_ratio"}
    assert read_sysctls(host, SYSCTL_FILE).read_only == (RATIO, MODE)


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        ("quiet sysctl.vm.overcommit_ratio=80 sysctl/vm/panic_on_oom=1\n", {RATIO: "80", "vm.panic_on_oom": "1"}),
        ("sysctl.vm.overcommit_ratio=80 sysctl.vm.overcommit_ratio=70", {RATIO: "70"}),
        ("sysctl.vm.overcommit_memory=0x2 sysctl.vm.overcommit_memory=+1", {MODE: "2"}),
        ('sysctl.vm.overcommit_memory="02 # secure"', {MODE: "2"}),
        ("sysctl.net.ipv4.ip_forward=1 vm.overcommit_ratio=80", {}),
        ("", {}),
    ],
    ids=["ours", "the last wins", "as the kernel reads it", "with a remark", "others", "empty"],
)
def test_the_command_line_of_the_kernel_is_a_layer(host: FakeHost, cmdline: str, expected: dict[str, str]) -> None:
    host.has("/proc/cmdline", cmdline)
    assert read_sysctls(host, SYSCTL_FILE).cmdline == expected


@pytest.mark.parametrize(("release", "expected"), [("5.7.19", {}), ("5.8.0-1-amd64", {MODE: "2"})])
def test_an_old_kernel_ignores_sysctls_on_its_command_line(
    host: FakeHost, release: str, expected: dict[str, str]
) -> None:
    host.has("/proc/cmdline", "sysctl.vm.overcommit_memory=2")
    host.has("/proc/sys/kernel/osrelease", release + "\n")
    assert read_sysctls(host, SYSCTL_FILE).cmdline == expected


def test_all_files_of_the_loader_are_read(host: FakeHost) -> None:
    host.has("/etc/sysctl.d/10-a.conf", "a=1\n")
    host.has("/usr/lib/sysctl.d/50-b.conf", b"b=\xff\n")
    host.has("/run/sysctl.d/notes.txt", "c=1\n")
    host.has("/etc/sysctl.conf", "d=1\n")
    assert files(host) == {"/etc/sysctl.d/10-a.conf": "a=1\n", "/usr/lib/sysctl.d/50-b.conf": "b=\udcff\n"}


def test_our_file_is_read_once_and_also_where_no_loader_looks(host: FakeHost) -> None:
    host.has(SYSCTL_FILE, "a=1\n")
    host.has("/etc/elsewhere.conf", "b=1\n")
    assert files(host) == {SYSCTL_FILE: "a=1\n"}
    assert files(host, "/etc/elsewhere.conf") == {SYSCTL_FILE: "a=1\n", "/etc/elsewhere.conf": "b=1\n"}


def test_a_name_that_is_taken_without_a_text_is_none(host: FakeHost) -> None:
    host.has_link("/etc/sysctl.d/mask.conf", "/dev/null")
    host.has_link("/etc/sysctl.d/dangling.conf", "nowhere")
    host.has_folder("/etc/sysctl.d/folder.conf")
    host.has("/etc/sysctl.d/empty.conf")
    host.has("/etc/real", "a=1\n")
    host.has_link("/etc/sysctl.d/link.conf", "../real")
    assert files(host) == {
        "/etc/sysctl.d/mask.conf": None,
        "/etc/sysctl.d/dangling.conf": None,
        "/etc/sysctl.d/folder.conf": None,
        "/etc/sysctl.d/empty.conf": "",
        "/etc/sysctl.d/link.conf": "a=1\n",
    }


def test_a_file_that_may_not_be_read_is_an_error_that_names_it(host: FakeHost) -> None:
    host.has("/etc/sysctl.d/secret.conf", "a=1\n")
    host.failing["read", "/etc/sysctl.d/secret.conf"] = HostError("cannot read secret.conf", "secret.conf")
    with pytest.raises(HostError, match=r"secret\.conf"):
        read_sysctls(host, SYSCTL_FILE)


@pytest.mark.parametrize(
    ("version", "loader"),
    [
        ("systemd 219\n", "systemd-219"),
        ("systemd 232\n", "systemd-243"),
        ("systemd 239 (239-82.el8_10.5)\n", "systemd-244"),
        ("systemd 241 (241)\n", "systemd-243"),
        ("systemd 244 (v244.5)\n", "systemd-244"),
        ("systemd 245 (245.4-4ubuntu3.24)\n", "systemd"),
        ("what\n", "systemd"),
    ],
    ids=["CentOS 7", "Debian 9", "RHEL 8", "Debian 10", "Fedora 31", "Ubuntu 20.04", "it does not say"],
)
def test_an_old_systemd_reads_less(host: FakeHost, version: str, loader: str) -> None:
    host.has_folder("/run/systemd/system")
    host.commands["systemctl --version"] = version
    assert find_loader(host) == loader


@pytest.mark.parametrize(
    ("target", "version", "loader"),
    [
        (None, "sysctl from procps-ng 4.0.4\n", "procps"),
        (None, "sysctl from procps-ng 3.3.17\n", "procps3"),
        (None, "sysctl from procps-ng 3.3.16\n", "procps3-run-first"),
        (None, "sysctl from procps-ng 3.3.9\n", "procps3-run-first"),
        (None, "sysctl (procps version 3.2.8)\n", "procps3-run-first"),
        (None, "sysctl from procps-ng UNKNOWN\n", "procps"),
        (None, "", "procps"),
        (None, Missing("cannot run it", "sysctl"), "procps"),
        ("/bin/busybox", BUSYBOX_SAYS, "busybox"),
        ("../bin/busybox", BUSYBOX_SAYS, "busybox"),
        ("/bin/busybox.nosuid", BUSYBOX_SAYS, "busybox"),
        (None, BUSYBOX_SAYS, "busybox"),
    ],
    ids=[
        *["Debian 12", "Debian 11", "Ubuntu 20.04", "CentOS 7", "CentOS 6", "built by hand", "silent", "not to be run"],
        *["Alpine", "OpenWrt", "Yocto: /bin/busybox.nosuid", "a copy or a hard link"],
    ],
)
def test_without_systemd_the_loader_is_what_sysctl_is(
    tmp_path: Path, target: str | None, version: Answer, loader: str
) -> None:
    host = FakeHost(tmp_path, {"/sbin/sysctl --version": version})
    if target is None:
        host.has("/sbin/sysctl")
    else:
        host.has_link("/sbin/sysctl", target)
    assert find_loader(host) == loader


@pytest.mark.parametrize(
    ("there", "loader"),
    [
        (["/run/systemd/system/x", "/sbin/sysctl"], "systemd"),
        (["/usr/lib/systemd/systemd-sysctl"], "systemd"),
        ([], "busybox"),
    ],
    ids=["booted with systemd", "an image of one", "nothing at all"],
)
def test_systemd_loads_where_it_is_the_init(tmp_path: Path, there: list[str], loader: str) -> None:
    host = FakeHost(tmp_path, {"/sbin/sysctl --version": BUSYBOX_SAYS})
    for path in there:
        host.has(path)
    assert find_loader(host) == loader


def test_busybox_reads_one_file(tmp_path: Path) -> None:
    host = FakeKernel(tmp_path)
    host.runs_with(RUNTIME)
    host.has_link("/sbin/sysctl", "/bin/busybox")
    host.has("/etc/sysctl.d/10-a.conf", "a=1\n")
    host.has("/etc/sysctl.conf", "b=1\n")
    assert files(host) == {"/etc/sysctl.conf": "b=1\n"}


@pytest.mark.parametrize(
    "text", ["vm.*" + "{a,b}" * 18 + " = 1\n", "vm.x = 1\n" * 60_000, "\n" * 1_100_000], ids=["braces", "lines", "size"]
)
def test_what_nobody_can_compute_is_not_read(host: FakeHost, text: str) -> None:
    host.has("/etc/sysctl.d/10-a.conf", text)
    with pytest.raises(TooMuch, match="expected at most"):
        read_sysctls(host, SYSCTL_FILE)


def test_of_so_many_files_none_is_read(host: FakeHost) -> None:
    for number in range(1001):
        host.has(f"/etc/sysctl.d/{number}.conf")
    with pytest.raises(TooMuch, match=r"^sysctl files: found 1002, expected at most 1000"):
        read_sysctls(host, SYSCTL_FILE)
