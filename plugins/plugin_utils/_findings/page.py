# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page about all findings, as Markdown."""

from __future__ import annotations

from dataclasses import asdict

from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings.catalogue import CATALOGUE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings.finding import Kind, Thresholds

_HEAD = """\
# Findings

What the audit may say of a host. Each finding has a stable id, for filters, tickets and alarms.
`oom_audit_fail_on: warning` or `critical` makes a run fail where there is one of that severity or worse.

Thresholds are set in the inventory, and what is not named keeps its default:

```yaml
oom_audit_thresholds:
  available_low_pct: 5
```

| threshold | default |
|---|---|
"""


def findings_page() -> str:
    """The text of docs/findings.md."""
    rows = "".join(f"| `{name}` | {value} |\n" for name, value in asdict(Thresholds()).items())
    return _HEAD + rows + "".join(_section(kind) for kind in CATALOGUE)


def _section(kind: Kind) -> str:
    expected = kind.expected.format(**{name: f"`{name}`" for name in asdict(Thresholds())})
    return (
        f"\n## {kind.id}\n\n*{kind.severity}*: {kind.message}.\n\n{kind.about}\n\n"
        f"- Expected: {expected}.\n- What to do: {kind.remedy}.\n"
    )
