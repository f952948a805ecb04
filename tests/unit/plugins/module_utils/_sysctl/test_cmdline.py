# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls on the kernel command line."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.cmdline import cmdline_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n", [], id="no sysctl"),
        pytest.param("ro sysctl.vm.overcommit_ratio=80\n", [("vm.overcommit_ratio", "80")], id="dots"),
        pytest.param("sysctl/vm/overcommit_ratio=80", [("vm.overcommit_ratio", "80")], id="slashes"),
        pytest.param("sysctl.vm/overcommit_ratio=80", [("vm.overcommit_ratio", "80")], id="mixed"),
        pytest.param("sysctl.net.ipv4.conf.eth0/100.x=1", [("net.ipv4.conf.eth0.100.x", "1")], id="no name with a dot"),
        pytest.param("sysctl.vm..x=1", [("vm.x", "1")], id="doubled dot"),
        pytest.param(
            "sysctl.vm.x=1 sysctl.vm.y=2 sysctl.vm.x=3", [("vm.x", "1"), ("vm.y", "2"), ("vm.x", "3")], id="order"
        ),
        pytest.param(
            'sysctl.kernel.x="a b" sysctl.kernel.y=1', [("kernel.x", "a b"), ("kernel.y", "1")], id="quoted value"
        ),
        pytest.param('"sysctl.kernel.x=a b"', [("kernel.x", "a b")], id="all of it quoted"),
        pytest.param('sysctl.kernel.x=a"b c"d', [("kernel.x", 'a"b c"d')], id="quotes in the middle stay"),
        pytest.param('sysctl.kernel.x="a b', [("kernel.x", "a b")], id="a quote that is not closed"),
        pytest.param('"', [], id="a quote alone"),
        pytest.param("sysctl.vm.x=a=b", [("vm.x", "a=b")], id="an equals sign in the value"),
        pytest.param("sysctl.vm.x= sysctl.vm.y sysctl.=1 sysctl=1 sysctl./=1", [], id="no value or no key"),
        pytest.param("sysctls.vm.x=1 mysysctl.vm.x=1", [], id="other names"),
        pytest.param("sysctl.vm.x=1 -- sysctl.vm.y=2", [("vm.x", "1")], id="what follows is for init"),
        pytest.param(
            "sysctl.vm.x=1\tsysctl.vm.y=2\xa0sysctl.vm.z=3", [("vm.x", "1"), ("vm.y", "2"), ("vm.z", "3")], id="blanks"
        ),
    ],
)
def test_cmdline_sysctls(text: str, expected: list[tuple[str, str]]) -> None:
    found = cmdline_sysctls(text)
    assert [(one.key, one.value) for one in found] == expected
    assert {(one.path, one.line) for one in found} <= {("/proc/cmdline", 1)}


def test_the_value_is_whole() -> None:
    assert cmdline_sysctls("sysctl.vm.swappiness=40") == (Assignment("vm.swappiness", "40", "/proc/cmdline", 1),)


def test_a_long_line_of_quotes_takes_no_time() -> None:
    assert cmdline_sysctls('"' * 100_001 + " sysctl.vm.x=1") == ()
