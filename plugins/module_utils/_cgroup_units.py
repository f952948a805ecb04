# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that the path of a control group belongs to.

Sources: cg_path_get_unit(), cg_path_get_user_unit() and cg_unescape() in src/basic/cgroup-util.c of systemd 219 to 257.
"""

from __future__ import annotations

from typing import Optional

_UNITS = (".service", ".scope", ".socket", ".mount", ".swap")


def unit_of(cgroup: Optional[str]) -> Optional[str]:
    """The innermost unit of a path, C(/system.slice/nginx.service/workers) → C(nginx.service); C(None) outside of any.

    One of the manager of a user or of a container, where each may have another C(a.service), is named in full:
    C(user@1000.service/a.service), C(lxc/x1/a.service), C(docker-5f0c.scope/a.service).
    """
    parts = (cgroup or "").split("/")
    while parts and not parts[-1].endswith(_UNITS):
        parts.pop()
    return name_of("/".join(parts)) or None


def name_of(cgroup: str) -> str:
    """A group as one names it: one that has only slices above it, and so is the system's, by its last name alone."""
    parts = [part for part in cgroup.split("/") if part]
    above = [part for part in parts[:-1] if not part.endswith(".slice")]
    return "/".join(map(_unescaped, above + parts[-1:]))


def _unescaped(part: str) -> str:
    """What could be mistaken for a file of the kernel, such as C(io.service), is marked so in a path."""
    return part[1:] if part.startswith("_") and part.endswith(_UNITS) else part
