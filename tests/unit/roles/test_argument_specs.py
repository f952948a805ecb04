# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults, argument specs and README of each role say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

# Asked by all the others, and has nothing to set.
GUARD = "oom_variables"
ROLES = sorted(path for path in (Path(__file__).resolve().parents[3] / "roles").iterdir() if path.name != GUARD)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def specs(role: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(role / "meta/argument_specs.yml")["argument_specs"]
    return found


def options(role: Path) -> dict[str, dict[str, Any]]:
    """Of all entry points."""
    return {name: option for point in specs(role).values() for name, option in (point.get("options") or {}).items()}


def is_computed(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def test_there_are_roles() -> None:
    assert len(ROLES) >= 3


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestRole:
    def test_each_default_is_an_option_with_that_default(self, role: Path) -> None:
        defaults, declared = load(role / "defaults/main.yml"), options(role)
        assert defaults.keys() - declared.keys() == set()
        plain = {name: value for name, value in defaults.items() if not is_computed(value)}
        assert {name: declared[name].get("default") for name in plain} == plain
        # What is computed has no default that a reader could be told.
        assert [name for name in defaults.keys() - plain.keys() if "default" in declared[name]] == []

    def test_each_option_with_a_default_is_among_the_defaults(self, role: Path) -> None:
        defaults = load(role / "defaults/main.yml")
        assert [name for name, option in options(role).items() if "default" in option and name not in defaults] == []

    def test_names_begin_with_that_of_the_role_and_stand_in_its_page(self, role: Path) -> None:
        page = (role / "README.md").read_text(encoding="utf-8")
        assert [name for name in options(role) if not name.startswith(role.name)] == []
        assert [name for name in load(role / "defaults/main.yml") if f"`{name}`" not in page] == []

    def test_each_entry_point_is_described_with_its_version(self, role: Path) -> None:
        assert specs(role)["main"]
        released = yaml.safe_load((role.parents[1] / "galaxy.yml").read_text(encoding="utf-8"))["version"]
        for spec in specs(role).values():
            assert number("1.0.0") <= number(spec["version_added"]) <= number(released)
        assert [point for point in specs(role) if not (role / f"tasks/{point}.yml").exists()] == []

    def test_no_role_goes_by_variables_that_were_not_checked(self, role: Path) -> None:
        assert load(role / "meta/main.yml")["dependencies"] == [{"role": f"lifeboat.oom.{GUARD}"}]
