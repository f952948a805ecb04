# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import host_state, memory, oom_event, process, service, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import Distribution, HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import KernelLog
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup, Events
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters, Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Pressures
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import SwapDevice, Zram
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Invoker, Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.host_state import validate as load_state
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape, load

# Hypothesis makes an instance of any of these out of the types of its fields.
KINDS = [
    *[HostInfo, Unread, Memory, Counters, Pressure, Pressures, Process, ServiceState, SwapDevice, Zram, Cgroup],
    KernelLog,
]


def travelled(value: Any) -> Any:
    return json.loads(json.dumps(asdict(value)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(st.data())
def test_what_was_sent_as_json_comes_back(kind: type, data: st.DataObject) -> None:
    """Or is refused for a number that its name does not allow."""
    st.register_type_strategy(float, st.floats(allow_nan=False))
    sent = data.draw(st.from_type(kind))
    try:
        assert load(kind, travelled(sent), "x") == sent
    except WrongShape as error:
        assert "expected a number from" in str(error) or "expected a whole number from" in str(error)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["memory", "total_kib"], 10**400),
        (["memory", "total_kib"], 0),
        (["memory", "free_kib"], -1),
        (["host", "page_kib"], 0),
        (["host", "page_kib"], 4096),
        (["host", "uptime_seconds"], float("inf")),
        (["host", "uptime_seconds"], float("nan")),
        (["counters", "oom_kills"], 2**63),
        (["processes", 0, "oom_score_adj"], -1001),
        (["processes", 0, "pid"], -1),
        (["processes"], [None] * 70_000),
        (["processes", 0, "comm"], "x" * (1 << 21)),
        (["sysctls", "runtime", "vm.overcommit_memory"], "9" * 5000),
        (["host", "kernel"], "6." + "9" * 5000),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) and len(value) < 5 else "",
)
def test_what_is_out_of_bounds_is_refused(path: list[Any], value: Any) -> None:
    facts = travelled(host_state())
    inner = facts
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(
        WrongShape, match=r"expected (a whole number|a number|at most)|found (NoneType|a number of more)"
    ):
        load(HostState, facts, "memory_health")


def test_a_whole_state_comes_back() -> None:
    state = host_state(
        sysctls=sysctls({"/etc/sysctl.d/a.conf": "a=\udcff\n", "/etc/sysctl.d/b.conf": None}, cmdline={"a": "1"}),
        services=(service(dropins={"/etc/systemd/system/nginx.service.d/a.conf": None}), service("a.socket")),
        events=(oom_event(victims=(Victim(5, comm="<b>\n"),), memory={"free_pages": 5}, invoker=Invoker("x")),),
        unread=(Unread("kernel log", "not permitted"),),
        swaps=(SwapDevice("/swap \udcff", "file", 5, 1, -2),),
        zram=(Zram("zram0", 1024, 8, 4, 4, None, "zstd"),),
        cgroups=(Cgroup("/a", 2, *[None] * 11, events=Events(0, 0, 0, 1, 2, None)),),
        daemons=(OomDaemon("systemd-oomd", 7, None, ("-x", ""), {"SwapUsedLimit": "80%"}),),
        host=HostInfo("b", 1.5, "6.1", "arm", 64, None, "init", "v1", Distribution("a", None, None), "none"),
    )
    assert load_state(json.loads(json.dumps(state.as_facts()))) == state
    optional = (
        "swaps",
        "zram",
        "pressure",
        "sysctls",
        "services",
        "declared",
        "cgroups",
        "processes",
        "daemons",
        "log",
    )
    nothing = dict.fromkeys((*optional, "events"))
    assert load_state(json.loads(json.dumps(host_state(**nothing).as_facts()))) == host_state(**nothing)


def test_what_a_newer_version_adds_is_left_out() -> None:
    facts = host_state().as_facts()
    facts["memory"]["not_yet_thought_of_kib"] = 5
    assert load_state({**facts, "colour": "red"}) == host_state()


def test_the_order_of_keys_does_not_matter() -> None:
    facts = host_state().as_facts()
    assert load_state(dict(reversed(facts.items()))) == host_state()


@pytest.mark.parametrize("schema", [None, 0, 2, "1", [1], 1.5], ids=repr)
def test_another_schema_is_refused(schema: Any) -> None:
    with pytest.raises(WrongShape, match=r"memory_health: found schema .*, expected 1; audit the host again"):
        load_state({**host_state().as_facts(), "schema": schema})
    with pytest.raises(WrongShape, match=r"found schema .None."):
        load_state({})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["memory"], None, r"memory_health\.memory: found NoneType, expected a dictionary \(Memory\)"),
        (["memory"], [], r"memory_health\.memory: found list"),
        (["memory", "total_kib"], "5", r"memory\.total_kib: found str, expected int"),
        (["memory", "total_kib"], True, r"memory\.total_kib: found bool, expected int"),
        (["memory", "total_kib"], 5.5, r"memory\.total_kib: found float, expected int"),
        (["memory", "total_kib"], None, r"memory\.total_kib: found NoneType, expected int"),
        (["memory", "available_kib"], "5", r"memory\.available_kib: found str, expected int"),
        (["host", "uptime_seconds"], "long", r"host\.uptime_seconds: found str, expected float"),
        (["processes"], {"0": {}}, r"processes: found dict, expected a list"),
        (["processes"], "nginx", r"processes: found str, expected a list"),
        (["processes", 1, "comm"], 5, r"processes\[1\]\.comm: found int, expected str"),
        (["services", 0, "unit", "names"], [5], r"services\[0\]\.unit\.names\[0\]: found int, expected str"),
        (["services", 0, "may_lower"], 1, r"services\[0\]\.may_lower: found int, expected bool"),
        (["sysctls", "runtime"], ["vm.overcommit_memory"], r"sysctls\.runtime: found list, expected a dictionary"),
        (["sysctls", "runtime"], {"vm.overcommit_memory": 2}, r"sysctls\.runtime"),
        (["sysctls", "cmdline"], {"vm.overcommit_memory": None}, r"sysctls\.cmdline"),
        (["events"], [5], r"events\[0\]: found int, expected a dictionary"),
        (["unread"], [None], r"unread\[0\]: found NoneType"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else None,
)
def test_what_has_another_shape_is_refused_with_its_place(path: list[Any], value: Any, message: str) -> None:
    facts = travelled(host_state())
    inner = facts
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(WrongShape, match=message):
        load(HostState, facts, "memory_health")


@pytest.mark.parametrize("name", list(HostState.__dataclass_fields__))
def test_what_is_missing_is_named(name: str) -> None:
    facts = travelled(host_state())
    del facts[name]
    with pytest.raises(WrongShape, match=rf"^x: {name} is missing \(HostState\)$"):
        load(HostState, facts, "x")


def test_a_whole_number_is_a_fraction_too() -> None:
    info = load(HostInfo, {**travelled(host_state().host), "uptime_seconds": 5}, "x")
    assert info.uptime_seconds == 5.0
    assert isinstance(info.uptime_seconds, float)


def test_nothing_is_shared_with_the_sample() -> None:
    assert load(Memory, travelled(memory()), "x") == memory()
    assert load(Process, travelled(process()), "x") == process()
    assert load(SysctlState, travelled(sysctls()), "x") == sysctls()
