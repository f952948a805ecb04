# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between what is declared and what is: the only meaning of "changed" and of "drift"."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple


@dataclass(frozen=True)
class Change:
    """One value in one layer that has to become another."""

    subject: str
    """The thing that has it: C(kernel), or a unit."""

    layer: str
    """Where it lives: C(file), C(boot), C(runtime) for a sysctl; C(drop-in), C(loaded), C(running) for a service."""

    key: str
    """Which value of it: a sysctl, or a setting of the unit; of a process that runs its number and name."""

    before: Optional[str]
    """The value as it is; null where there is none."""

    after: Optional[str]
    """The value as it has to be; null for none."""

    why: str
    """What is wrong with it as it is."""

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """All changes, in the order in which they have to be made."""

    changes: Tuple[Change, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    def of(self, *layers: str) -> Tuple[Change, ...]:
        """The changes of these layers, in order."""
        return tuple(change for change in self.changes if change.layer in layers)

    def as_list(self) -> List[Dict[str, Any]]:
        return [change.as_dict() for change in self.changes]

    def diff(self, header: str) -> List[Dict[str, str]]:
        """Ansible's C(diff) of the plan: a line for each change, empty where nothing changes."""
        if not self.changes:
            return []
        sides: Dict[str, List[str]] = {"before": [], "after": []}
        for change in self.changes:
            for side, value in (("before", change.before), ("after", change.after)):
                if value is not None:
                    sides[side].append(f"{change.layer}: {change.subject} {change.key} = {value}\n")
        return [
            {
                "before_header": header,
                "after_header": header,
                "before": "".join(sides["before"]),
                "after": "".join(sides["after"]),
            }
        ]
