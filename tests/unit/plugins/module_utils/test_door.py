# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door, Finished, Folder
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host, ProcessFolder


class Answers(Door):
    """What a door has to do itself, with answers given beforehand."""

    def __init__(self, answer: str | Finished | HostError) -> None:
        self._answer = answer

    def read(self, path: str) -> str:
        if isinstance(self._answer, HostError):
            raise self._answer
        return str(self._answer)

    def run(self, argv: Sequence[str]) -> Finished:
        assert isinstance(self._answer, Finished)
        return self._answer


@pytest.mark.parametrize(
    "ask",
    [
        lambda door: door.collector,
        lambda door: door.page_kib,
        lambda door: door.arch,
        lambda door: door.own_pids,
        lambda door: door.read("/a"),
        lambda door: door.exists("/a"),
        lambda door: door.is_read_only("/a"),
        lambda door: door.link_target("/a"),
        lambda door: door.names("/a"),
        lambda door: door.written_ticks("/a"),
        lambda door: door.process(1),
        lambda door: door.run(["a"]),
        lambda door: Folder().read("a"),
    ],
    ids=[
        *["collector", "page size", "architecture", "own pids", "read", "exists", "read-only", "link", "names"],
        "when written",
        *["process", "run", "read of a process"],
    ],
)
def test_a_door_answers_nothing_by_itself(ask: Callable[[Door], object]) -> None:
    with pytest.raises(NotImplementedError):
        ask(Door())


def test_a_door_has_no_library_of_its_own() -> None:
    assert Door().memory_shares(1) is None


@pytest.mark.parametrize(("kind", "base"), [(Host, Door), (ProcessFolder, Folder)])
def test_this_machine_answers_all_that_a_door_is_asked(kind: type, base: type) -> None:
    asked = {name for name in vars(base) if not name.startswith("_")}
    assert asked - {"read_if_there", "run_or_fail"} <= vars(kind).keys()


@pytest.mark.parametrize("text", ["", "text\n", "\udcff"], ids=ascii)
def test_what_is_there_is_read(text: str) -> None:
    assert Answers(text).read_if_there("/a") == text


def test_only_what_is_missing_is_none() -> None:
    assert Answers(Missing("cannot read /a: No such file", "/a")).read_if_there("/a") is None
    for error in (ReadOnly("cannot read /a: Permission denied", "/a"), HostError("cannot read /a: x", "/a")):
        with pytest.raises(type(error), match="cannot read /a"):
            Answers(error).read_if_there("/a")


def test_a_command_that_succeeds_gives_its_output() -> None:
    assert Answers(Finished(("a",), 0, "out\n", "warning")).run_or_fail(["a"]) == "out\n"


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Finished((), 1, "out", " not allowed\n"), "not allowed"),
        (Finished((), 1, "out\n", ""), "out"),
        (Finished((), 1, "out\n", "\n"), "out"),
        (Finished((), 1, " ", "\n"), "nothing"),
        (Finished((), 1, "", ""), "nothing"),
    ],
    ids=["error", "output", "blank error", "blank", "silent"],
)
def test_a_command_that_has_to_succeed_says_why_it_did_not(done: Finished, said: str) -> None:
    with pytest.raises(HostError) as raised:
        Answers(done).run_or_fail(["systemctl", "show", "--all", "a", "b"])
    assert str(raised.value) == f"systemctl show --all ended with 1: {said}"
    assert raised.value.path == "systemctl"
