# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from unit.fake_host import SHOW, FakeHost
from unit.samples import process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy, TooMuch, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._health import services
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import (
    ShownUnits,
    read_declared,
    require_systemd,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import OWN_NAME
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import SEEN_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    HEADER,
    RunningScore,
    ServicesState,
    ServiceState,
)

FRAGMENT = "/usr/lib/systemd/system/nginx.service"
FOLDER = "/etc/systemd/system/nginx.service.d"
OWN = f"{FOLDER}/zz-lifeboat-oom.conf"
OURS = "# " + HEADER.replace("\n", "\n# ") + "\n[Service]\nOOMScoreAdjust=-500\n"


def block(name: str, **shown: object) -> str:
    """What systemctl says of a unit that runs."""
    values = {
        "Id": name,
        "Names": name,
        "LoadState": "loaded",
        "ActiveState": "active",
        "FragmentPath": f"/usr/lib/systemd/system/{name}",
        "MainPID": 100,
        "ControlGroup": f"/system.slice/{name}",
        "OOMScoreAdjust": 0,
        **shown,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items()) + "\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(
        tmp_path,
        {
            "systemctl --version": "systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT\n",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=100\n",
            f"{SHOW} *.service": block("nginx.service"),
        },
    )
    found.has_folder("/run/systemd/system")
    found.has("/proc/1/oom_score_adj", "-7\n")
    found.has("/proc/self/status", "Name:\tpython3\nCapEff:\t000001ffffffffff\n")
    found.has(FRAGMENT, "[Service]\n")
    return found


def active(host: FakeHost, table: Sequence[Process]) -> tuple[ServiceState, ...]:
    return ShownUnits(host, [], table, OWN_NAME, all_loaded=True).active()


def read(host: FakeHost, *table: Process, **shown: object) -> ServiceState:
    """The one unit that runs, of which systemctl shows I(shown)."""
    host.commands[f"{SHOW} *.service"] = block("nginx.service", **shown)
    (state,) = active(host, table)
    return state


def ask(host: FakeHost, names: list[str], answer: str) -> ServicesState:
    host.commands[SHOW] = answer
    return read_declared(host, names, [process()])


def test_the_version_is_asked_of_systemd(host: FakeHost) -> None:
    assert require_systemd(host) == read(host).systemd_version == 252


def test_a_host_without_systemd_is_not_supported(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {"systemctl --version": "systemd 252\n"})
    for look in (require_systemd, lambda host: active(host, []), lambda host: read_declared(host, [], [])):
        with pytest.raises(Unsupported, match=r"not booted with systemd \(there is no /run/systemd/system\)"):
            look(host)


def test_active_units_are_those_that_have_processes(host: FakeHost) -> None:
    states = ("active", "activating", "reloading", "inactive", "failed", "deactivating")
    host.commands[f"{SHOW} *.service"] = "".join(block(f"{state}.service", ActiveState=state) for state in states)
    assert [state.unit.id for state in active(host, [])] == [
        "active.service",
        "activating.service",
        "reloading.service",
    ]


def test_a_manager_that_does_not_answer_is_an_error(host: FakeHost) -> None:
    host.commands[f"{SHOW} *.service"] = HostError("systemctl show ended with 1: Failed to connect to bus", "systemctl")
    with pytest.raises(HostError, match="Failed to connect to bus"):
        active(host, [])


@pytest.mark.parametrize(
    ("answer", "default"),
    [
        ("DefaultOOMScoreAdjust=100\n", 100),
        ("DefaultOOMScoreAdjust=0\n", 0),
        ("", -7),
        ("DefaultOOMScoreAdjust=\n", -7),
    ],
    ids=["set", "zero", "before 250", "empty"],
)
def test_the_default_score_is_the_managers_own_where_it_says_none(host: FakeHost, answer: str, default: int) -> None:
    host.commands["systemctl show --property=DefaultOOMScoreAdjust"] = answer
    state = read(host)
    assert (state.default_score, state.manager_score) == (default, -7)


@pytest.mark.parametrize("text", ["many", "-", "\udcff", "1 2"], ids=ascii)
def test_a_score_that_is_no_number_is_an_error_that_says_whose(host: FakeHost, text: str) -> None:
    host.commands["systemctl show --property=DefaultOOMScoreAdjust"] = f"DefaultOOMScoreAdjust={text}\n"
    with pytest.raises(HostError, match=r"^found '.*' as the score of systemctl show .*, expected -1000 to 1000$"):
        active(host, [])
    host.has("/proc/1/oom_score_adj", text + "\n")
    with pytest.raises(HostError, match=r"^found '.*' as the score of /proc/1/oom_score_adj, expected -1000 to 1000$"):
        active(host, [])


@pytest.mark.parametrize(
    ("status", "may_lower"),
    [
        ("CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n", True),
        ("CapEff:\t0000000001000000\n", True),
        ("CapPrm:\t0000000001000000\nCapEff:\t00000000a80425fb\n", False),
        ("CapEff:\t0000000000000000\n", False),
    ],
    ids=["root", "only this one", "a container", "nobody"],
)
def test_scores_can_be_lowered_with_cap_sys_resource(host: FakeHost, status: str, may_lower: bool) -> None:
    host.has("/proc/self/status", "Name:\tpython3\n" + status)
    assert read(host).may_lower is may_lower


def test_drop_ins_are_found_in_every_folder_that_applies(host: FakeHost) -> None:
    everywhere = [
        OWN,
        "/run/systemd/system/nginx.service.d/10-b.conf",
        "/usr/lib/systemd/system/service.d/20-c.conf",
        "/etc/systemd/system/www.service.d/30-alias.conf",
    ]
    for path in everywhere:
        host.has(path, f"[Service]\nOOMPolicy=kill\nEnvironment=P={path}\n")
    host.has(f"{FOLDER}/notes.txt")
    host.has("/etc/systemd/system/other.service.d/a.conf")
    state = read(host, Names="nginx.service www.service")
    text = "[Service]\nOOMPolicy=kill\n...=...\n"
    assert {found.path: found.text for found in state.dropins} == dict.fromkeys(everywhere, text)
    assert state.fragment is not None
    assert (state.fragment.path, state.fragment.text, state.own_path) == (FRAGMENT, "[Service]\n", OWN)


@pytest.mark.parametrize("is_link", [True, False], ids=["merged /usr", "split /usr"])
def test_a_folder_under_two_names_is_read_once(host: FakeHost, is_link: bool) -> None:
    host.has("/usr/lib/systemd/system/nginx.service.d/a.conf", "")
    if is_link:
        host.has_link("/lib", "usr/lib")
    else:
        host.has("/lib/systemd/system/nginx.service.d/b.conf", "")
    names = [found.path.rsplit("/", 1)[1] for found in read(host).dropins]
    assert sorted(names) == (["a.conf"] if is_link else ["a.conf", "b.conf"])


def test_a_name_that_is_taken_without_a_text_is_none(host: FakeHost) -> None:
    host.has_link(f"{FOLDER}/10-mask.conf", "/dev/null")
    host.has_link(f"{FOLDER}/20-dangling.conf", "nowhere")
    host.has_folder(f"{FOLDER}/30-folder.conf")
    host.has(f"{FOLDER}/40-empty.conf")
    host.has(f"{FOLDER}/50-bytes.conf", b"\xff\n")
    texts = {found.path.rsplit("/", 1)[1]: found.text for found in read(host).dropins}
    assert texts == {
        "10-mask.conf": None,
        "20-dangling.conf": None,
        "30-folder.conf": None,
        "40-empty.conf": "",
        "50-bytes.conf": "\uffff\n",
    }


def test_a_drop_in_that_may_not_be_read_is_an_error(host: FakeHost) -> None:
    host.has(OWN)
    host.failing["read", OWN] = HostError(f"cannot read {OWN}", OWN)
    with pytest.raises(HostError, match=OWN):
        read(host)


@pytest.mark.parametrize("path", ["", "/usr/lib/systemd/system/gone.service"], ids=["no file", "file is gone"])
def test_a_unit_may_have_no_file(host: FakeHost, path: str) -> None:
    fragment = read(host, FragmentPath=path).fragment
    assert (fragment and fragment.text) is None


def test_processes_are_those_below_the_units_cgroup_the_oldest_first(host: FakeHost) -> None:
    table = [
        process(30, start_ticks=9, comm="worker", cgroup="/system.slice/nginx.service/workers"),
        process(20, start_ticks=5, comm="a\nb", oom_score_adj=300),
        process(10, start_ticks=9),
        process(40, cgroup="/system.slice/nginx.service2"),
        process(50, cgroup="/user.slice/system.slice/nginx.service"),
        process(60, cgroup=None),
    ]
    assert read(host, *table, MainPID=10).running == (
        RunningScore(20, 5, "a\nb", 300, False),
        RunningScore(10, 9, "nginx", 0, True),
        RunningScore(30, 9, "worker", 0, False),
    )


def test_units_below_a_unit_are_not_of_it(host: FakeHost) -> None:
    """A user manager, in its own scope, is of user@1000.service; what it starts it scores itself, 100 higher."""
    own = "/user.slice/user-1000.slice/user@1000.service"
    table = [
        process(10, start_ticks=1, comm="systemd", cgroup=f"{own}/init.scope"),
        process(11, start_ticks=2, comm="app", cgroup=f"{own}/app.slice/app.service", oom_score_adj=100),
        process(12, start_ticks=3, comm="x", cgroup=f"{own}/session.slice/x.scope", oom_score_adj=100),
    ]
    running = read(host, *table, MainPID=10, ControlGroup=own).running
    assert [(one.pid, one.is_main) for one in running] == [(10, True)]


@pytest.mark.parametrize(
    ("written_ticks", "fresh"),
    [(8, [False, True, True]), (9, [False, True, True]), (10, [False] * 3), (-5, [True] * 3), (None, [False] * 3)],
    ids=["between", "in the same moment", "after all", "before boot", "not known"],
)
def test_who_was_started_since_our_drop_in_was_written(
    host: FakeHost, written_ticks: int | None, fresh: list[bool]
) -> None:
    table = [process(10, start_ticks=5), process(11, start_ticks=9), process(12, start_ticks=9)]
    host.has(OWN, OURS)
    host.written[OWN] = written_ticks
    assert [one.is_fresh for one in read(host, *table).running] == fresh
    host.written = {}
    (Path(host.root) / OWN[1:]).unlink()
    assert [one.is_fresh for one in read(host, *table).running] == [False] * 3


def test_how_often_a_score_was_given_back_is_of_that_very_process(host: FakeHost) -> None:
    host.has(SEEN_FILE, "nginx.service 10 5 1\nother.service 11 6 2\n")
    table = [process(10, start_ticks=5), process(11, start_ticks=6)]
    assert [one.mended for one in read(host, *table).running] == [1, None]
    assert [one.mended for one in read(host, process(10, start_ticks=7)).running] == [None]


def test_a_unit_that_does_not_run_has_no_processes(host: FakeHost) -> None:
    assert read(host, process(60, cgroup=None), process(), ControlGroup="").running == ()


def test_declared_units_are_shown_with_one_question(host: FakeHost) -> None:
    missing = block("no.service", LoadState="not-found", ControlGroup="", FragmentPath="")
    masked = block("off.service", LoadState="masked", FragmentPath="/dev/null")
    found = ask(host, ["no.service", "nginx.service", "off.service"], missing + block("nginx.service") + masked)
    assert [(unit.name, unit.load_state, len(unit.states)) for unit in found.declared] == [
        ("no.service", "not-found", 0),
        ("nginx.service", "loaded", 1),
        ("off.service", "masked", 0),
    ]
    assert [line for line in host.asked if line.startswith(SHOW)] == [f"{SHOW} no.service nginx.service off.service"]
    assert found.left_over == ()


def test_no_declaration_needs_no_question(host: FakeHost) -> None:
    assert read_declared(host, [], []) == ServicesState(252, (), ())
    assert [line for line in host.asked if line.startswith(SHOW)] == []


def test_a_unit_may_be_declared_under_an_alias_and_only_once(host: FakeHost) -> None:
    answer = block("nginx.service", Names="nginx.service www.service")
    (unit,) = ask(host, ["www.service"], answer).declared
    assert (unit.name, unit.own_path, unit.states[0].unit.id) == ("www.service", OWN, "nginx.service")
    with pytest.raises(InvalidPolicy, match=r"^www\.service and nginx\.service are the same unit; declare it once$"):
        ask(host, ["www.service", "nginx.service"], answer + answer)


@pytest.mark.parametrize(
    ("make", "text", "folder_exists"),
    [
        (lambda host: None, None, False),
        (lambda host: host.has(OWN, OURS), OURS, True),
        (lambda host: host.has(f"{FOLDER}/a.conf"), None, True),
        (lambda host: host.has_link(OWN, "/dev/null"), None, True),
        (lambda host: host.has_folder(FOLDER), None, True),
    ],
    ids=["nothing", "ours", "another file", "masked", "empty folder"],
)
def test_our_drop_in_is_read_with_its_folder(
    host: FakeHost, make: Callable[[FakeHost], object], text: str | None, folder_exists: bool
) -> None:
    make(host)
    (unit,) = ask(host, ["nginx.service"], block("nginx.service")).declared
    assert (unit.own_path, unit.own_text, unit.folder_exists) == (OWN, text, folder_exists)


def test_a_template_stands_for_its_instances_that_are_not_declared_themselves(host: FakeHost) -> None:
    host.has("/usr/lib/systemd/system/app@.service", "[Service]\n")
    answer = "".join(block(f"app@{name}.service") for name in ("two", "one", "own")) + block("app@own.service")
    found = ask(host, ["app@.service", "app@own.service"], answer)
    assert [(unit.name, [state.unit.id for state in unit.states]) for unit in found.declared] == [
        ("app@.service", ["app@one.service", "app@two.service"]),
        ("app@own.service", ["app@own.service"]),
    ]
    template = "/etc/systemd/system/app@.service.d/zz-lifeboat-oom.conf"
    assert [state.own_path for state in found.declared[0].states] == [template, template]


@pytest.mark.parametrize(
    ("make", "load_state"),
    [
        (lambda host: None, "not-found"),
        (lambda host: host.has("/usr/lib/systemd/system/app@.service"), "loaded"),
        (lambda host: host.has_link("/etc/systemd/system/app@.service", "/dev/null"), "masked"),
    ],
    ids=["not installed", "installed", "masked"],
)
def test_a_template_is_known_by_its_file(host: FakeHost, make: Callable[[FakeHost], object], load_state: str) -> None:
    make(host)
    (unit,) = ask(host, ["app@.service"], "").declared
    assert (unit.load_state, unit.states) == (load_state, ())


def test_what_is_left_of_earlier_declarations_is_found_by_its_text(host: FakeHost) -> None:
    for name, text in (("old", OURS), ("kept", OURS), ("theirs", "[Service]\nOOMScoreAdjust=5\n")):
        host.has(f"/etc/systemd/system/{name}.service.d/zz-lifeboat-oom.conf", text)
    host.has("/run/systemd/system/run.service.d/zz-lifeboat-oom.conf", OURS)
    found = ask(host, ["kept.service"], block("kept.service") + block("old.service"))
    assert [unit.name for unit in found.declared] == ["kept.service"]
    assert [(unit.name, unit.own_text) for unit in found.left_over] == [("old.service", OURS)]


@pytest.mark.parametrize(
    "folder", ["service.d", "user.slice.d", "app-.service.d", "a b.service.d", "-x.service.d", ".service.d"]
)
def test_a_copy_of_our_file_in_another_folder_does_not_keep_us_from_looking(host: FakeHost, folder: str) -> None:
    """Somebody may have copied it to where it applies to all services, or to what is no unit with a score."""
    host.has(f"/etc/systemd/system/{folder}/zz-lifeboat-oom.conf", OURS)
    found = ask(
        host,
        ["nginx.service"],
        block("nginx.service") + block(folder[: -len(".d")].replace(".service", "") + ".service"),
    )
    assert [unit.name for unit in found.declared] == ["nginx.service"]


def test_an_answer_that_lacks_a_unit_is_an_error_that_names_it(host: FakeHost) -> None:
    with pytest.raises(HostError, match=r"no\.service"):
        ask(host, ["nginx.service", "no.service"], block("nginx.service"))


def test_an_older_systemd_includes_files(host: FakeHost) -> None:
    host.commands["systemctl --version"] = "systemd 219\n"
    host.has(FRAGMENT, ".include vendor/nginx.service\n[Service]\n")
    host.has("/usr/lib/systemd/system/vendor/nginx.service", "[Service]\nOOMScoreAdjust=-300\n")
    assert read(host).disk_score() == -300
    host.commands["systemctl --version"] = "systemd 252\n"
    assert (read(host).included, read(host).disk_score()) == ((), 100)


def test_so_many_includes_are_refused(host: FakeHost) -> None:
    host.commands["systemctl --version"] = "systemd 239\n"
    host.has(FRAGMENT, "".join(f".include {number}\n" for number in range(11)))
    with pytest.raises(TooMuch, match=f"^{FRAGMENT}: files that it includes: found 11, expected at most 10"):
        read(host)


def test_a_file_of_all_units_counts_for_each(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.has("/etc/systemd/system/service.d/a.conf", "[Service]\nNice=5\n")
    host.commands[f"{SHOW} *.service"] = "".join(block(f"a{number}.service") for number in range(10))
    assert len(active(host, ())) == 10
    monkeypatch.setattr(services, "MOST_FILES", 19)
    with pytest.raises(TooMuch, match=r"^files of units: found 20, expected at most 19"):
        active(host, ())
    monkeypatch.setattr(services, "MOST_FILES", 20)
    monkeypatch.setattr(services, "MOST_CHARACTERS", 10 * len("[Service]\nNice=5\n") - 1)
    with pytest.raises(TooMuch, match=r"^characters in files of units: "):
        active(host, ())


def test_a_process_of_nested_units_counts_for_each(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = ["/x" * depth for depth in range(1, 6)]
    host.commands[f"{SHOW} *.service"] = "".join(
        block(f"a{number}.service", ControlGroup=group) for number, group in enumerate(groups)
    )
    table = [process(number, cgroup=group) for number, group in enumerate(groups)]
    assert [len(state.running) for state in active(host, table)] == [5, 4, 3, 2, 1]
    monkeypatch.setattr(services, "MOST_PROCESSES", 14)
    with pytest.raises(TooMuch, match=r"^processes of units: found 15, expected at most 14"):
        active(host, table)


def test_so_many_folders_are_not_listed(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_FOLDERS", 2)
    for number in range(3):
        host.has_folder(f"/etc/systemd/system/{number}.service.d")
    with pytest.raises(TooMuch, match=r"^folders with drop-ins of units: found 3, expected at most 2"):
        active(host, ())


def test_thousands_of_units_and_processes_are_looked_at_once(host: FakeHost) -> None:
    """It would take an hour, were each process looked at for each unit."""
    host.commands[f"{SHOW} *.service"] = "".join(block(f"a{number}.service") for number in range(10_000))
    table = [process(number, cgroup=f"/system.slice/a{number}.service/w") for number in range(10_000)]
    assert all([each.pid for each in state.running] == [int(state.unit.id[1:-8])] for state in active(host, table))
