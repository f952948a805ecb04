# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import commands, dropin, in_front, tool

FOLDER = "/var/lib/lifeboat-oom/x/data"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    host = FakeHost(tmp_path)
    host.has("/etc/os-release", "ID=raspbian\nID_LIKE=debian\n")
    return host


def with_heaptrack(host: FakeHost, where: str) -> FakeHost:
    host.has("/usr/bin/heaptrack", f'#!/bin/sh\nLIB_REL_PATH="../{where}"\nLIBEXEC_REL_PATH="../{where}/libexec"\n')
    host.has("/usr/bin/heaptrack_print")
    host.has(f"/usr/{where}/libheaptrack_preload.so")
    return host


@pytest.mark.parametrize("where", ["lib/heaptrack", "lib64/heaptrack"])
def test_heaptrack_is_preloaded_from_where_its_script_says(host: FakeHost, where: str) -> None:
    found = tool(with_heaptrack(host, where), "heaptrack", FOLDER)
    assert found.environment == {
        "LD_PRELOAD": f"/usr/{where}/libheaptrack_preload.so",
        "DUMP_HEAPTRACK_OUTPUT": f"{FOLDER}/raw",
    }
    assert found.library == f"/usr/{where}" and found.output(FOLDER, 12) == f"{FOLDER}/raw"


@pytest.mark.parametrize("name", ["valgrind_memcheck", "valgrind_massif"])
def test_valgrind_stands_before_the_command(host: FakeHost, name: str) -> None:
    host.has("/usr/bin/valgrind")
    found = tool(host, name, FOLDER)
    # With --xtree-leak=yes in .valgrindrc memcheck writes no leak at all.
    assert found.words[:2] == ("/usr/bin/valgrind", "--command-line-only=yes")
    assert found.output(FOLDER, 12) == f"{FOLDER}/12.out"
    text = dropin(found, "-/usr/sbin/app --x=%i", 90, FOLDER, "")
    (command,) = [line for line in text.splitlines() if line.startswith("ExecStart=-")]
    # systemd would take %p for a name of the unit.
    assert f"{FOLDER}/%%p.out" in command and command.endswith(" /usr/sbin/app --x=%i")
    assert "ExecStart=\nExecStart=-/usr/bin/valgrind " in text
    assert "MemoryDenyWriteExecute=no\n" in text and f"ReadWritePaths={FOLDER}\n" in text


def test_what_the_unit_preloads_stays(host: FakeHost) -> None:
    found = tool(with_heaptrack(host, "lib/heaptrack"), "heaptrack", FOLDER)
    text = dropin(found, None, 90, None, "/usr/lib/libjemalloc.so.2")
    assert '"LD_PRELOAD=/usr/lib/heaptrack/libheaptrack_preload.so:/usr/lib/libjemalloc.so.2"' in text
    assert "ExecStart" not in text and "ReadWritePaths" not in text
    assert "Restart=no\nTimeoutStartSec=90\n" in text


def test_a_failure_with_the_profiler_reboots_nothing(host: FakeHost) -> None:
    text = dropin(tool(with_heaptrack(host, "lib/heaptrack"), "heaptrack", FOLDER), None, 90, None, "")
    assert "[Unit]\nFailureAction=none\nStartLimitAction=none\nSuccessAction=none\n[Service]\n" in text


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("ID=debian\n", "apt install valgrind libc6-dbg"),
        ("ID=fedora\n", "dnf install valgrind glibc-debuginfo"),
        ("ID=opensuse-leap\nID_LIKE='suse opensuse'\n", "zypper install valgrind"),
        ("ID=poky\n", "install the package valgrind of your distribution"),
        ("", "install the package valgrind of your distribution"),
    ],
)
def test_what_to_install(tmp_path: Path, release: str, said: str) -> None:
    host = FakeHost(tmp_path)
    host.has("/etc/os-release", release)
    with pytest.raises(Unsupported) as error:
        tool(host, "valgrind_massif", FOLDER)
    assert "valgrind is not installed on this host" in str(error.value) and said in str(error.value)


def test_half_of_heaptrack(host: FakeHost) -> None:
    host.has("/usr/bin/heaptrack", "#!/bin/sh\n")
    host.has("/usr/bin/heaptrack_print")
    with pytest.raises(Unsupported, match=r"not /usr/lib/heaptrack/libheaptrack_preload\.so; install it: apt install"):
        tool(host, "heaptrack", FOLDER)


@pytest.mark.parametrize(
    ("before", "after"),
    [("/bin/a b", "w /bin/a b"), ("-+/bin/a", "-+w /bin/a"), ("!!/bin/a", "!!w /bin/a"), (":/bin/a", ":w /bin/a")],
)
def test_prefixes_stay_in_front(before: str, after: str) -> None:
    assert in_front(("w",), before) == after


def test_another_name_for_the_program_is_refused() -> None:
    with pytest.raises(Unsupported, match="'@'"):
        in_front(("w",), "-@/bin/a b")


def test_an_empty_command_forgets_those_before() -> None:
    assert commands(["/bin/a", "", "/bin/b"]) == ("/bin/b",)
    assert commands([]) == ()
