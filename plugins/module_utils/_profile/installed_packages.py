# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of some packages are installed."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import RPM_FORMAT, Package

# Asked about as well: it is always of the architecture of the host.
_NATIVE = "dpkg"
_FORMAT = "--showformat=${Package}\\t${Version}\\t${db:Status-Status}\\t${Architecture}\\n"


def installed(host: Door, names: Sequence[str]) -> List[Package]:
    """Those of the packages that are installed; none without dpkg or rpm.

    With dpkg one of a foreign architecture has that in its name, C(liba:armhf): by C(liba) another package would be
    installed.
    """
    if not names:
        return []
    try:
        found = parse_dpkg(host.run(["dpkg-query", "--show", _FORMAT, "--", _NATIVE, *names]).stdout)
        return [package for package in found if package.name.partition(":")[0] in names]
    except Missing:
        pass
    try:
        return parse_rpm(host.run(["rpm", "-q", RPM_FORMAT, "--", *names]).stdout)
    except Missing:
        return []


def parse_dpkg(text: str) -> List[Package]:
    """Lines of name, version, whether it is installed, and architecture; those of C(dpkg) and of none."""
    words = [line.split("\t") for line in text.splitlines()]
    known = [each for each in words if len(each) == 4 and each[2] == "installed"]
    fitting = {each[3] for each in known if each[0] == _NATIVE} | {"all"}
    return [
        Package(name if architecture in fitting else f"{name}:{architecture}", version)
        for name, version, _installed, architecture in known
    ]


def parse_rpm(text: str) -> List[Package]:
    """Lines of name and version."""
    words = [line.split("\t") for line in text.splitlines()]
    return [Package(*each) for each in words if len(each) == 2]
