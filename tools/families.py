# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table of families and the list of modules say once more in YAML, and in the page of the role oom_kernel."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SYSCTL_FAMILIES, SysctlFamily

_SPEC = """\
---
# Made by tools/document from the table of families.
argument_specs:
  main:
    short_description: How the kernel hands out memory, and what it does when none is left
    description:
      - Applies the variables with M(lifeboat.oom.converge), all or none.
      - Runs in check mode and shows a diff. A second run changes nothing.
    author:
      - The lifeboat.oom maintainers
    version_added: 1.0.0
    options: &options
{options}\
  verify:
    short_description: Fail where the kernel is not as declared
    description:
      - Asks the module in check mode and changes nothing.
    author:
      - The lifeboat.oom maintainers
    version_added: 1.0.0
    options: *options
  absent:
    short_description: Take back everything that this role has made
    description:
      - Our file goes, and the running kernel gets what the other files or its own defaults say.
    author:
      - The lifeboat.oom maintainers
    version_added: 1.0.0
    options: *options
"""
_OPTION = """\
      {variable}:
        description:
          - Declares {about}, with the options of M(lifeboat.oom.{module}).
          - Empty means not managed.
        type: dict
        default: {{}}
"""
_BLOCK = re.compile(r"(?<=<!-- families -->\n).*(?=<!-- end -->)", re.DOTALL)


def made(root: Path) -> dict[str, str]:
    """Each file by its path below I(root)."""
    page = "roles/oom_kernel/README.md"
    rows = "".join(f"| `{each.variable}` | {each.about} | `lifeboat.oom.{each.module}` |\n" for each in SYSCTL_FAMILIES)
    table = f"| variable | declares | with the options of |\n|---|---|---|\n{rows}"
    return {
        "roles/oom_kernel/defaults/main.yml": "---\n" + "".join(f"{each.variable}: {{}}\n" for each in SYSCTL_FAMILIES),
        "roles/oom_kernel/meta/argument_specs.yml": _SPEC.format(options="".join(map(_option, SYSCTL_FAMILIES))),
        page: _BLOCK.sub(lambda _found: table, (root / page).read_text(encoding="utf-8")),
        "meta/runtime.yml": _runtime(root),
    }


def _option(family: SysctlFamily) -> str:
    return _OPTION.format(variable=family.variable, about=family.about, module=family.module)


def _runtime(root: Path) -> str:
    modules = "".join(f"    - {path.stem}\n" for path in sorted((root / "plugins/modules").glob("*.py")))
    head, group, _list = (root / "meta/runtime.yml").read_text(encoding="utf-8").partition("  lifeboat:\n")
    return head + group + modules
