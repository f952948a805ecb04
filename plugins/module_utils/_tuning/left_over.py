# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs that were killed have left: halves of files, and backups of files that they did not come to.

To be removed only where no other run is at work. Each function gives a warning for what it has removed.
"""

from __future__ import annotations

import posixpath
from typing import List, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import ETC
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import COMMENTED
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import BACKUP


def sweep_sysctls(host: Host, state: SysctlState) -> List[str]:
    found = [each for each in state.files if each.path.startswith("/etc/")]
    folders = {posixpath.dirname(host.resolved(path)) for path in (state.own_path, *(each.path for each in found))}
    swept = [path for folder in sorted(folders) for path in host.sweep(folder)]
    for each in found:
        path, backup = each.path + BACKUP, host.read_if_there(each.path + BACKUP)
        if backup is not None and backup == each.text and COMMENTED not in backup:
            host.swap(path, backup, None).keep()
            swept.append(path)
    return _warnings(swept)


def sweep_dropins(host: Host) -> List[str]:
    """Has systemd forget a drop-in that was to go."""
    swept = host.sweep(ETC)
    for folder in [f"{ETC}/{name}" for name in host.names(ETC) if name.endswith(".d")]:
        inside = host.sweep(folder)
        if inside:
            host.remove_folder_if_empty(folder)
        swept += inside
    if swept:
        host.run_or_fail(["systemctl", "daemon-reload"])
    return _warnings(swept)


def _warnings(paths: Sequence[str]) -> List[str]:
    return [f"{path} was left by a run that was killed, and is removed" for path in paths]
