# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of some packages are installed."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import RPM_FORMAT, Package


def installed(host: Door, names: Sequence[str]) -> List[Package]:
    """Those of the packages that are installed; none without dpkg or rpm."""
    if not names:
        return []
    for argv in (
        ["dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\t${db:Status-Status}\\n", *names],
        ["rpm", "-q", RPM_FORMAT, *names],
    ):
        try:
            return parse_installed(host.run(argv).stdout)
        except Missing:
            continue
    return []


def parse_installed(text: str) -> List[Package]:
    """Lines of name and version, and for dpkg whether it is installed."""
    words = [line.split("\t") for line in text.splitlines()]
    return [Package(*each[:2]) for each in words if len(each) > 1 and each[2:] in ([], ["installed"])]
