# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

FIELDS = runpy.run_path(str(Path(__file__).parents[3] / "tools/fields.py"))
HERE = f"tests/unit/tools/{Path(__file__).name}"


@dataclass(frozen=True)
class Leaf:
    """What others hold."""

    name: str
    """Its name, so long that it goes on
    in a second line.
    """
    size_kib: int | None = None
    """How large it is."""


@dataclass(frozen=True)
class Tree(Leaf):
    leaves: tuple[Leaf, ...] = ()
    """All of them."""
    by_name: Mapping[str, Leaf] | None = None
    """The same."""

    def height(self) -> int:
        """No field."""
        return 1


@dataclass
class Silent:
    """C(said) is text."""

    said: str
    done: bool = False
    "Whether it is."
    unsaid: str = ""


@dataclass
class Bare(Silent):
    points: int = 0
    """How good it is."""
    shares: tuple[float, ...] = ()
    """How much each has."""
    counts: Mapping[str, int] | None = None
    """What was found, by name."""
    flag: bool = False
    """How it is."""


@dataclass
class Told:
    size_kib: int
    """How large."""
    left_pct: float
    """How much is left."""
    start_ticks: int
    """When it was."""
    rate_bytes_per_hour: int
    """How fast it grows."""
    share: float
    """The share of all, in percent."""
    pid: int
    """Number of the process."""
    sizes: Mapping[str, int]
    """As printed, the unit in each name."""


def test_a_field_has_what_stands_below_it_in_the_order_of_the_fields() -> None:
    found = FIELDS["fields_of"](Tree)
    assert [(field.name, field.meaning) for field in found] == [
        ("name", "Its name, so long that it goes on in a second line."),
        ("size_kib", "How large it is."),
        ("leaves", "All of them."),
        ("by_name", "The same."),
    ]
    line = int(found[0].place.rpartition(":")[2])
    assert Path(__file__).read_text().splitlines()[line - 1] == "    name: str"


def test_all_that_a_class_holds_is_reached_once() -> None:
    assert FIELDS["reached"]([Tree, Told, Leaf]) == [Tree, Leaf, Told]
    assert FIELDS["parts_of"](Mapping[str, tuple[Tree | None, ...]]) == [str, Tree, type(None), ...]


@pytest.mark.parametrize("kind", [Leaf, Tree, Told], ids=lambda kind: kind.__name__)
def test_what_is_explained_is_fine(kind: type) -> None:
    assert FIELDS["faults"]([kind]) == []


def test_a_field_without_a_word_is_named_once_with_its_class_and_place() -> None:
    first, second = FIELDS["faults"]([Silent])
    assert first.startswith(f"{HERE}:") and ": Silent.said is not explained; " in first
    assert ": Silent.unsaid is not explained; " in second


def test_a_number_says_of_what() -> None:
    found = FIELDS["faults"]([Silent, Bare])
    assert [line.split(": ")[1].split(" ")[0] for line in found] == [
        *["Silent.said", "Silent.unsaid", "Bare.points", "Bare.shares", "Bare.counts"],
    ]
    assert "'How good it is.'" in found[2]
