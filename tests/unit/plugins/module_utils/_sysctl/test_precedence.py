# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file is read when, and which write is the last."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import (
    SysctlFile,
    boot_writes,
    read_order,
    sources,
    winner,
)

MODE, RATIO, KBYTES = "vm.overcommit_memory", "vm.overcommit_ratio", "vm.overcommit_kbytes"
VLAN = "net.ipv4.conf.eth0/100.forwarding"
KEYS = (KBYTES, MODE, RATIO, "kernel.panic", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.eth0.forwarding", VLAN)
CREDENTIAL = "/run/credentials/systemd-sysctl.service/sysctl.extra"


def writes(loader: str, *files: tuple[str, str | None]) -> list[tuple[str, str]]:
    found = boot_writes([SysctlFile(path, text) for path, text in files], loader, KEYS)
    return [(write.key, write.value) for write in found]


def conf(loader: str, text: str) -> list[tuple[str, str]]:
    """The writes of one file that every loader reads, where systemd has its usual link to it."""
    path = "/etc/sysctl.d/99-sysctl.conf" if loader == "systemd" else "/etc/sysctl.conf"
    return writes(loader, (path, text))


@pytest.mark.parametrize(
    ("loader", "first", "last"),
    [
        pytest.param("systemd", "/etc/sysctl.d", CREDENTIAL, id="systemd"),
        pytest.param("systemd-244", "/etc/sysctl.d", CREDENTIAL, id="an older systemd"),
        pytest.param("systemd-219", "/etc/sysctl.d", "/etc/sysctl.conf", id="Red Hat brings sysctl.conf back"),
        pytest.param("procps", "/etc/sysctl.d", "/etc/sysctl.conf", id="procps"),
        pytest.param("procps3", "/etc/sysctl.d", "/etc/sysctl.conf", id="procps 3.3.17"),
        pytest.param("procps3-run-first", "/run/sysctl.d", "/etc/sysctl.conf", id="procps up to 3.3.16"),
    ],
)
def test_sources(loader: str, first: str, last: str) -> None:
    assert (sources(loader).folders[0], sources(loader).last) == (first, last)
    assert sorted(sources(loader).folders) == sorted(sources("systemd").folders)


def test_busybox_reads_one_file() -> None:
    assert (sources("busybox").folders, sources("busybox").last) == ((), "/etc/sysctl.conf")


def test_an_unknown_loader_is_named() -> None:
    with pytest.raises(Unsupported, match="'openrc'"):
        boot_writes([], "openrc", KEYS)


ETC, RUN, LOCAL, USR, LIB = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
EVERYWHERE = [f"{folder}/sysctl.d/50-a.conf" for folder in (LIB, USR, LOCAL, RUN, ETC)]


@pytest.mark.parametrize(
    ("paths", "loader", "expected"),
    [
        pytest.param([], "systemd", [], id="nothing"),
        pytest.param(EVERYWHERE, "systemd", EVERYWHERE[4:], id="etc hides all"),
        pytest.param(EVERYWHERE[:4], "systemd", EVERYWHERE[3:4], id="run hides usr"),
        pytest.param(EVERYWHERE[:3], "procps", EVERYWHERE[2:3], id="usr local hides usr"),
        pytest.param(EVERYWHERE[:2], "procps", EVERYWHERE[1:2], id="usr hides lib"),
        pytest.param(EVERYWHERE, "procps3-run-first", EVERYWHERE[3:4], id="run hides etc up to 3.3.16"),
        pytest.param(EVERYWHERE, "busybox", [], id="busybox reads no folder"),
        pytest.param(
            ["/etc/sysctl.d/99-z.conf", "/usr/lib/sysctl.d/10-a.conf", "/run/sysctl.d/9.conf"],
            "systemd",
            ["/usr/lib/sysctl.d/10-a.conf", "/run/sysctl.d/9.conf", "/etc/sysctl.d/99-z.conf"],
            id="by name, whatever the folder; 9 after 10",
        ),
        pytest.param(
            ["/etc/sysctl.d/a.conf", "/etc/sysctl.d/é.conf", "/etc/sysctl.d/B.conf", "/etc/sysctl.d/\udcff.conf"],
            "systemd",
            ["/etc/sysctl.d/B.conf", "/etc/sysctl.d/a.conf", "/etc/sysctl.d/é.conf", "/etc/sysctl.d/\udcff.conf"],
            id="by bytes",
        ),
        pytest.param(
            [
                "/etc/sysctl.d/a.conf~",
                "/etc/sysctl.d/a.conf.dpkg-old",
                "/etc/sysctl.d/sub/a.conf",
                "a.conf",
                "/etc/a.conf",
            ],
            "procps",
            [],
            id="other names and places",
        ),
        pytest.param(["/etc/sysctl.d/.a.conf"], "systemd", [], id="systemd skips hidden files"),
        pytest.param(
            ["/etc/sysctl.d/.a.conf", "/etc/sysctl.d/.conf"],
            "procps",
            ["/etc/sysctl.d/.a.conf", "/etc/sysctl.d/.conf"],
            id="procps reads hidden files",
        ),
        pytest.param(["/etc/sysctl.conf"], "systemd", [], id="systemd does not read sysctl.conf"),
        pytest.param(
            ["/etc/sysctl.conf", "/etc/sysctl.d/99-zz.conf"],
            "procps",
            ["/etc/sysctl.d/99-zz.conf", "/etc/sysctl.conf"],
            id="procps reads it last",
        ),
        pytest.param(
            [CREDENTIAL, "/etc/sysctl.d/99-zz.conf"],
            "systemd",
            ["/etc/sysctl.d/99-zz.conf", CREDENTIAL],
            id="systemd reads its credential last",
        ),
    ],
)
def test_read_order(paths: list[str], loader: str, expected: list[str]) -> None:
    assert list(read_order(paths, loader)) == expected


@pytest.mark.parametrize("loader", ["systemd", "procps", "procps3"])
@pytest.mark.parametrize("mask", [None, "", "# empty\n"])
def test_a_mask_hides_the_file_of_the_same_name(loader: str, mask: str | None) -> None:
    vendor = ("/usr/lib/sysctl.d/50-a.conf", f"{MODE} = 1")
    assert writes(loader, vendor) == [(MODE, "1")]
    assert writes(loader, vendor, ("/etc/sysctl.d/50-a.conf", mask)) == []


def test_debian_12_brings_sysctl_conf_back_by_a_link() -> None:
    files = (
        ("/etc/sysctl.conf", f"{RATIO} = 50"),
        ("/etc/sysctl.d/99-sysctl.conf", f"{RATIO} = 50"),
        ("/etc/sysctl.d/99-salt.conf", f"{RATIO} = 60"),
        ("/etc/sysctl.d/99-zz-oom.conf", f"{RATIO} = 80"),
    )
    assert writes("systemd", *files)[-1] == (RATIO, "80")
    assert writes("procps", *files)[-1] == (RATIO, "50")


@pytest.mark.parametrize(
    ("text", "systemd", "procps"),
    [
        pytest.param(
            f"{RATIO}=80\n{MODE}=2\n{RATIO}=90",
            [(MODE, "2"), (RATIO, "90")],
            [(RATIO, "80"), (MODE, "2"), (RATIO, "90")],
            id="another value moves to the end",
        ),
        pytest.param(
            f"{RATIO}=80\n{KBYTES}=9\n{RATIO}=80",
            [(RATIO, "80"), (KBYTES, "9")],
            [(RATIO, "80"), (KBYTES, "9"), (RATIO, "80")],
            id="the same value stays in its place",
        ),
        pytest.param(
            f"{RATIO}=80\n{KBYTES}=9\nvm/overcommit_ratio=80",
            [(RATIO, "80"), (KBYTES, "9")],
            [(RATIO, "80"), (KBYTES, "9"), (RATIO, "80")],
            id="however it is spelled",
        ),
        pytest.param(f"{RATIO}=80\n-{RATIO}", [], [(RATIO, "80")], id="systemd takes an excluded line back"),
        pytest.param(f"-{RATIO}\n{RATIO}=80", [(RATIO, "80")], [(RATIO, "80")], id="set after an exclusion"),
        pytest.param(
            f"-{RATIO}\n{MODE}=2\n{RATIO}=",
            [(MODE, "2"), (RATIO, "")],
            [(MODE, "2"), (RATIO, "")],
            id="empty is a value",
        ),
        pytest.param(
            f"{MODE}=2\nvm.overcommit_*=7\n-{KBYTES}",
            [(MODE, "2"), (RATIO, "7")],
            [(MODE, "2"), (RATIO, "7")],
            id="a pattern skips what is named, before or after it",
        ),
        pytest.param(
            "vm.overcommit_*=7\n-vm.overcommit_*",
            [],
            [(KBYTES, "7"), (MODE, "7"), (RATIO, "7")],
            id="systemd takes an excluded pattern back",
        ),
        pytest.param(
            "vm.overcommit_*=7\n-vm.overcommit_[kr]*",
            [(KBYTES, "7"), (MODE, "7"), (RATIO, "7")],
            [(KBYTES, "7"), (MODE, "7"), (RATIO, "7")],
            id="excluding another pattern does nothing",
        ),
        pytest.param(
            "net.ipv4.conf.*.forwarding=1",
            [(key, "1") for key in KEYS[4:]],
            [(key, "1") for key in (KEYS[4], VLAN, KEYS[5])],
            id="a wildcard matches a name with a dot in it, which sorts before a slash",
        ),
        pytest.param("*=1\nvm*=1\n*/*/*=1", [], [], id="and no separator"),
        pytest.param(
            "kernel.{panic,nothing}*=1", [("kernel.panic", "1")], [], id="braces are for systemd, with a wildcard"
        ),
        pytest.param("kernel.{panic,nothing}=1", [], [], id="braces with no wildcard"),
        pytest.param("vm.overcommit_[!km]*=1", [(RATIO, "1")], [(RATIO, "1")], id="not these letters"),
        pytest.param("vm.overcommit_[^km]*=1", [(RATIO, "1")], [(RATIO, "1")], id="not these letters, the other way"),
        pytest.param("vm.overcommit_[z-a]*=1\nvm.[=1\nvm.*[=1", [], [], id="broken patterns"),
        pytest.param("vm.missing = 1\nvm=1", [], [], id="no such key"),
        pytest.param(f".{RATIO}=1\n{RATIO}.=2", [(RATIO, "2")], [(RATIO, "1")], id="a key that needs tidying"),
        pytest.param("kernel/../vm/overcommit_ratio=1", [], [(RATIO, "1")], id="procps follows dots"),
        pytest.param("/../../etc/motd=1\nvm/../../../x=1", [], [], id="but not out of proc"),
        pytest.param("net.ipv4.conf.eth0/100.forwarding=1", [(VLAN, "1")], [(VLAN, "1")], id="VLAN with dots"),
        pytest.param("net.ipv4.conf.eth0.100.forwarding=1", [], [], id="VLAN with dots alone"),
    ],
)
def test_writes_in_their_order(text: str, systemd: list[tuple[str, str]], procps: list[tuple[str, str]]) -> None:
    assert conf("systemd", text) == systemd
    assert conf("procps", text) == procps


@pytest.mark.parametrize("loader", ["systemd-244", "systemd-243", "systemd-219"])
def test_an_old_systemd_knows_no_patterns(loader: str) -> None:
    text = f"vm.overcommit_* = 1\n{MODE} = 1\n-{MODE}\nkernel.panic = 5\n{MODE} = 2\n"
    assert writes(loader, ("/etc/sysctl.d/a.conf", text)) == [("kernel.panic", "5"), (MODE, "2")]


def test_systemd_expands_as_listed_and_procps_sorted() -> None:
    keys = (RATIO, MODE, KBYTES)
    order = {
        loader: [write.key for write in boot_writes([SysctlFile("/etc/sysctl.d/a.conf", "vm.*=1")], loader, keys)]
        for loader in ("systemd", "procps", "procps3")
    }
    assert order == {"systemd": [RATIO, MODE, KBYTES], "procps": [KBYTES, MODE, RATIO], "procps3": []}


def test_an_equal_line_later_is_the_one_to_blame() -> None:
    files = [
        SysctlFile(f"/etc/sysctl.d/{name}.conf", f"\n-{RATIO}=80" if name == "a" else f"{RATIO}=80") for name in "ab"
    ]
    assert boot_writes(files, "systemd", KEYS) == (
        Assignment(RATIO, "80", "/etc/sysctl.d/b.conf", 1, ignore_failure=True),
    )


def test_a_write_by_a_pattern_says_where_the_pattern_stands() -> None:
    found = boot_writes([SysctlFile("/etc/sysctl.d/a.conf", "#\nvm.*ratio = 1")], "procps", KEYS)
    assert found == (Assignment(RATIO, "1", "/etc/sysctl.d/a.conf", 2),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{RATIO}=80\n{MODE}=2", [(RATIO, "80"), (MODE, "2")], id="in order"),
        pytest.param(f"vm.missing=1\nbroken\n{MODE}=2", [(MODE, "2")], id="goes on after what it does not know"),
        pytest.param(f"-{MODE}=2", [], id="a minus is part of the name"),
        pytest.param("vm.overcommit_*=1", [], id="no patterns"),
        pytest.param("net.ipv4.conf.eth0.100.forwarding=1", [(VLAN, "1")], id="VLAN with dots alone"),
        pytest.param("net.ipv4.conf.eth0/100.forwarding=1", [(VLAN, "1")], id="VLAN with dots and a slash"),
        pytest.param("net/ipv4/conf/eth0.100/forwarding=1", [(VLAN, "1")], id="VLAN with slashes"),
        pytest.param("/vm/overcommit_ratio=1", [], id="a path from the root is not a sysctl"),
        pytest.param("vm//overcommit_ratio=1", [(RATIO, "1")], id="doubled slash"),
    ],
)
def test_busybox(text: str, expected: list[tuple[str, str]]) -> None:
    assert conf("busybox", text) == expected


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        pytest.param("procps", [RATIO, "kernel.panic"], id="procps goes on"),
        pytest.param("busybox", [RATIO], id="busybox stops"),
    ],
)
def test_a_write_that_the_kernel_refuses(loader: str, expected: list[str]) -> None:
    files = [SysctlFile("/etc/sysctl.conf", f"{RATIO}=80\n{MODE}=7\nkernel.panic=9")]
    found = boot_writes(files, loader, KEYS, refuses=lambda write: write.key == MODE and write.value not in "012")
    assert [write.key for write in found] == expected


def test_systemd_does_not_fall_back_to_the_line_before() -> None:
    files = [SysctlFile("/etc/sysctl.d/a.conf", f"{MODE}=2\n{MODE}=7")]
    assert boot_writes(files, "systemd", KEYS, refuses=lambda write: write.value == "7") == ()
    assert len(boot_writes(files, "procps", KEYS, refuses=lambda write: write.value == "7")) == 1


def test_only_the_keys_that_matter_to_the_caller() -> None:
    files = [SysctlFile("/etc/sysctl.d/a.conf", f"kernel.panic=1\n{MODE}=2\nvm.*=3")]
    assert [write.key for write in boot_writes(files, "systemd", (MODE,))] == [MODE]
    assert boot_writes(files, "systemd", ()) == ()


@pytest.mark.parametrize("key", [RATIO, "vm/overcommit_ratio", "/vm//overcommit_ratio/"])
def test_winner_is_the_last_write(key: str) -> None:
    files = [SysctlFile(f"/etc/sysctl.d/{name}.conf", f"{RATIO} = {name}") for name in "21"]
    found = winner(boot_writes(files, "procps", KEYS), key)
    assert found == Assignment(RATIO, "2", "/etc/sysctl.d/2.conf", 1)


def test_no_winner() -> None:
    assert winner((), RATIO) is None
    assert winner(boot_writes([SysctlFile("/etc/sysctl.d/a.conf", f"{MODE}=1")], "systemd", KEYS), RATIO) is None


@pytest.mark.parametrize("loader", ["systemd", "procps"])
@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (f"vm.*{'x' * 300} = 1", "at most 255"),
        ("vm.a* = 1\nvm.b* = 1\n" * 600, "at most 1000"),
        ("\n" * 1_100_000, "at most 1048576"),
        ("vm.x = 1\n" * 60_000, "at most 50000"),
        ("nonsense\n" * 60_000, "at most 50000"),
    ],
    ids=["a long pattern", "many patterns", "much text", "many lines", "many broken lines"],
)
def test_more_than_somebody_writes_is_refused(loader: str, text: str, limit: str) -> None:
    if loader == "systemd" and "vm.b*" in text:  # where a pattern counts once
        text = "".join(f"vm.{number}* = 1\n" for number in range(1200))
    with pytest.raises(TooMuch, match=limit):
        conf(loader, text)


@pytest.mark.parametrize(
    "pattern",
    ["vm.*" + "{a,b}" * 18, "vm.*" + "{a,b}" * 50, "vm.{" + "," * 200 + "}{" + "a," * 10 + "}*"],
    ids=["of the trial", "more groups", "many choices"],
)
def test_a_pattern_stands_for_so_many_names_and_no_more(pattern: str) -> None:
    with pytest.raises(TooMuch, match=r"99-sysctl.conf:2: names that patterns stand for: .* at most 1000"):
        conf("systemd", f"# a line\n{pattern} = 1\n")
    assert conf("procps", f"{pattern} = 1\n") == []


def test_strange_patterns_are_read_at_once() -> None:
    """Each would take hours, were every way to match it tried."""
    odd = ["*a" * 120, "[" * 250, "*" * 250, "?*" * 120, "{" * 125 + "}" * 125, "{}" * 125, "[!" * 100 + "]"]
    for loader in ("systemd", "procps"):
        text = "".join(f"vm.{pattern} = 5\n" for pattern in odd) + f"{MODE} = 1\n"
        assert conf(loader, text)[-1] == (MODE, "1")


def test_lines_that_busybox_joins_are_read_at_once() -> None:
    assert conf("busybox", f"{MODE} = 1 # " + "a\\\n" * 300_000) == [(MODE, "1 # " + "a" * 300_000)]
    assert conf("busybox", f"{MODE} = 1 # " + "\\" * 400_000 + "\n" * 400_002 + f"{RATIO} = 5") == [
        (MODE, "1 #"),
        (RATIO, "5"),
    ]
