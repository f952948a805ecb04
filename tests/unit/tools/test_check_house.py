# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOUSE = runpy.run_path(str(ROOT / "tools/check_house"))
P = "ansible_collections.lifeboat.oom.plugins"
MODULE, PLUGIN = f"{P}.module_utils", f"{P}.plugin_utils"
ABOVE = "a room imports only from rooms below it"


def faults(plugins: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (plugins / name).parent.mkdir(parents=True, exist_ok=True)
        (plugins / name).write_text(text, encoding="utf-8")
    found: list[str] = HOUSE["faults"](plugins)
    return found


def test_this_house_stands() -> None:
    assert HOUSE["faults"](ROOT / "plugins") == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("action/a.py", f"from {PLUGIN}._report.page import page"),
        ("plugin_utils/_report/page.py", f"from {MODULE}._kernel.memory import Memory"),
        ("plugin_utils/_report/page.py", f"from {PLUGIN}._report.charts import line"),
        ("plugin_utils/_report/page.py", "from .charts import line"),
        ("plugin_utils/_report/page.py", "import json\nfrom ansible.module_utils._text import to_text"),
        ("plugin_utils/_report/page.py", f'"""from {P}.action import a"""'),
        ("module_utils/_health/state.py", f"from {MODULE}._oom_log import log as oom_log"),
        ("module_utils/_door.py", f"from {MODULE} import _errors"),
    ],
    ids=[
        *["from the top", "of the floor below", "of its own room", "relative", "of others", "only said", "a folder"],
        *["a file named as a name"],
    ],
)
def test_what_lies_below_may_be_imported(tmp_path: Path, file: str, text: str) -> None:
    others = dict.fromkeys(
        ["plugin_utils/_report/charts.py", "module_utils/_kernel/memory.py", "module_utils/_oom_log/log.py"], ""
    )
    assert faults(tmp_path, {"module_utils/_errors.py": "", **others, file: text}) == []


@pytest.mark.parametrize(
    ("file", "text", "line", "what"),
    [
        (
            "module_utils/_health/a.py",
            f"from {MODULE}._tuning.b import c",
            1,
            f"imports module_utils/_tuning, which is above module_utils/_health; {ABOVE}",
        ),
        (
            "module_utils/_health/a.py",
            "\n\ndef late():\n    from .._tuning import b",
            4,
            f"imports module_utils/_tuning, which is above module_utils/_health; {ABOVE}",
        ),
        (
            "plugin_utils/_archive/deep/a.py",
            "from ..._audit.record import x",
            1,
            f"imports plugin_utils/_audit, which is above plugin_utils/_archive; {ABOVE}",
        ),
        (
            "module_utils/_errors.py",
            f"if False:\n    import {MODULE}._door",
            2,
            f"imports module_utils/_door, which is above module_utils/_errors; {ABOVE}",
        ),
        (
            "module_utils/_kernel/a.py",
            f"from {MODULE}._systemd.b import c",
            1,
            f"imports module_utils/_systemd, which is beside module_utils/_kernel; {ABOVE}",
        ),
        (
            "plugin_utils/_drill/a.py",
            f"from {PLUGIN} import _leaks",
            1,
            f"imports plugin_utils/_leaks, which is beside plugin_utils/_drill; {ABOVE}",
        ),
        (
            "module_utils/_health/a.py",
            f"from {PLUGIN}._untrusted.b import c",
            1,
            "imports plugin_utils/_untrusted/b.py, but module_utils is shipped to devices and plugin_utils is not",
        ),
        (
            "modules/a.py",
            f"from {PLUGIN}._untrusted.b import c",
            1,
            "imports plugin_utils/_untrusted/b.py, but modules is shipped to devices and plugin_utils is not",
        ),
        (
            "action/a.py",
            f"from {P} import plugin_utils",
            1,
            "imports plugin_utils, which is no room; import the file that is meant",
        ),
        (
            "plugin_utils/_report/a.py",
            f"from {P}.action.b import c",
            1,
            f"imports action, which is above plugin_utils/_report; {ABOVE}",
        ),
    ],
    ids=[
        *["up", "up, in a function", "up, relative", "up, a file without a room", "a wing", "a wing, a folder"],
        *["from a device", "from a module", "all of it", "the top"],
    ],
)
def test_an_import_that_runs_elsewhere_is_told(tmp_path: Path, file: str, text: str, line: int, what: str) -> None:
    others = [
        *["module_utils/_tuning/b.py", "module_utils/_systemd/b.py", "module_utils/_door.py", "action/b.py"],
        *["plugin_utils/_untrusted/b.py", "plugin_utils/_audit/record.py", "plugin_utils/_leaks/b.py"],
    ]
    assert faults(tmp_path, {**dict.fromkeys(others, ""), file: text}) == [f"plugins/{file}:{line}: {what}"]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (
            {"a": "from .b import x", "b": "\nfrom .a import y"},
            "b.py:2: imports module_utils/_kernel/a.py, which imports module_utils/_kernel/b.py, "
            "which imports it: a circle",
        ),
        (
            {"a": "from . import b", "b": "from .c import x", "c": "from .a import y", "d": "from .a import y"},
            "c.py:1: imports module_utils/_kernel/a.py, which imports module_utils/_kernel/b.py, "
            "which imports module_utils/_kernel/c.py, which imports it: a circle",
        ),
        ({"a": "from .a import x"}, "a.py:1: imports module_utils/_kernel/a.py, which imports it: a circle"),
    ],
    ids=["of two", "of three", "of one"],
)
def test_a_circle_of_files_is_told_once(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    found = faults(tmp_path, {f"module_utils/_kernel/{name}.py": text for name, text in files.items()})
    assert found == [f"plugins/module_utils/_kernel/{fault}"]


def test_two_ways_to_one_file_are_no_circle(tmp_path: Path) -> None:
    files = {"a": "from . import b, c", "b": "from . import d", "c": "from . import d", "d": ""}
    assert faults(tmp_path, {f"module_utils/_kernel/{name}.py": text for name, text in files.items()}) == []


@pytest.mark.parametrize("name", ["loose.py", "loose.sh"])
def test_a_loose_file_is_told(tmp_path: Path, name: str) -> None:
    (found,) = faults(tmp_path, {f"plugin_utils/{name}": "", "plugin_utils/__init__.py": ""})
    assert found == f"plugins/plugin_utils/{name}:1: is a loose file; move it into the room of what it is about"


@pytest.mark.parametrize(
    "file", ["module_utils/_new/a.py", "module_utils/loose.py", "plugin_utils/_new/a.py", "test/a.py"]
)
def test_a_room_that_nobody_has_drawn_is_told(tmp_path: Path, file: str) -> None:
    (found,) = faults(tmp_path, {file: ""})
    assert found.startswith(f"plugins/{file}:1: ")
    assert "is on no floor; say in FLOORS of tools/check_house what it lies on" in found
