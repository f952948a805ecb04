# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each source has a test file at the mirrored path, or is named here with the one that tests it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests/unit"
FIND = "plugins/plugin_utils/_audit/findings/test_find.py"
SQLITE = "plugins/plugin_utils/_archive/history/test_sqlite.py"
KEPT = "plugins/plugin_utils/_report/test_host_page_file.py"
TESTED_BY = {
    "plugins/action/check_variables.py": "plugins/plugin_utils/_variables/test_faults.py",
    "plugins/action/heap_profile.py": "plugins/plugin_utils/_archive/test_profiles.py",
    "plugins/action/memory_facts.py": "plugins/plugin_utils/_collect/test_over_connection.py",
    "plugins/filter/declared.py": "plugins/module_utils/_policy/test_inventory.py",
    "plugins/module_utils/_errors.py": "plugins/module_utils/_tuning/test_converge.py",
    "plugins/module_utils/_policy/family.py": "plugins/module_utils/_policy/test_families.py",
    "plugins/module_utils/_printable.py": "plugins/plugin_utils/_collect/test_over_connection.py",
    "plugins/module_utils/_profile/analysis.py": "plugins/module_utils/_profile/test_session.py",
    "plugins/module_utils/_sysctl/keys.py": "plugins/module_utils/_policy/test_sysctls.py",
    "plugins/module_utils/_tuning/decision.py": "plugins/module_utils/_tuning/test_overcommit.py",
    "plugins/module_utils/_tuning/decide.py": "plugins/module_utils/_tuning/test_converge.py",
    "plugins/module_utils/_tuning/family_module.py": "plugins/modules/test_family_modules.py",
    "plugins/module_utils/_runner.py": "plugins/modules/test_family_modules.py",
    "plugins/plugin_utils/_action/action.py": "plugins/action/test_audit.py",
    "plugins/plugin_utils/_archive/heap_profile.py": "plugins/plugin_utils/_archive/test_profiles.py",
    "plugins/plugin_utils/_archive/history/database.py": SQLITE,
    "plugins/plugin_utils/_archive/history/history.py": SQLITE,
    "plugins/plugin_utils/_archive/history/location.py": KEPT,
    "plugins/plugin_utils/_archive/history/schema.py": SQLITE,
    "plugins/plugin_utils/_archive/keep.py": KEPT,
    "plugins/plugin_utils/_archive/record.py": "plugins/plugin_utils/_archive/test_row.py",
    **{f"plugins/plugin_utils/_audit/findings/{name}.py": FIND for name in ("declared", "kills", "leaks", "memory")},
    "plugins/plugin_utils/_untrusted/host_state.py": "plugins/plugin_utils/_untrusted/test_typed_from_json.py",
}


def mirrored(source: Path) -> Path:
    return UNIT / source.parent / f"test_{source.name.lstrip('_')}"


def sources() -> list[Path]:
    """Modules have no code of their own, and doc fragments none at all."""
    folders = ("action", "filter", "lookup", "module_utils", "plugin_utils")
    found = [path for folder in folders for path in (ROOT / "plugins" / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def test_each_source_is_tested_where_one_looks_for_it() -> None:
    without = [str(source) for source in sources() if not mirrored(source).exists() and str(source) not in TESTED_BY]
    assert without == []


def test_no_exception_is_named_in_vain() -> None:
    known = {str(source) for source in sources()}
    assert [name for name in TESTED_BY if name not in known or mirrored(Path(name)).exists()] == []
    assert [name for name in TESTED_BY.values() if not (UNIT / name).exists()] == []
