# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that leaks: seen in the trend, named by real profilers, gone after the upgrade; and never left profiled."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release.blocks import CHECKOUT, steps

from . import leaky_packages
from .leaky_packages import FIXED, FUNCTION, LEAKING, LIBRARY, SERVICE, UNIT
from .process import LabError
from .reader import reader
from .runner import Ansible
from .uml import Lab, Machine

GUIDE = CHECKOUT / "docs/docsite/rst/find_a_leak.rst"
PROFILERS = ("gdb", "heaptrack", "libc6-dbg", "python3-apt", "valgrind")
# As for a service that leaks over days, but in seconds.
QUICK = {
    "leak_min_samples": 8,
    "leak_min_minutes": 0,
    "leak_period_minutes": 0,
    "leak_min_growth_mib": 1,
    "leak_min_growth_pct": 1,
}
# Whether there are enough samples of the process that runs now: many, as their moments are uneven on a busy machine.
_WATCHED = f"""\
pid=$(systemctl show -p MainPID --value {UNIT})
test $(awk -v pid=$pid '$2 == pid' /run/lifeboat-oom/samples | wc -l) -ge 20"""
# All that a profile could leave: its drop-in, its units, its folder, a profiler in the process.
_LEFT = f"""
ls -d /run/systemd/system/*.d /var/lib/lifeboat-oom/profile-* 2> /dev/null
systemctl list-units --plain --no-legend 'lifeboat-oom-profile*'
systemctl show -p DropInPaths --value {UNIT}
grep -oE 'heaptrack|valgrind' /proc/$(systemctl show -p MainPID --value {UNIT})/maps
true
"""
# The process that runs the module, and not the guard: both have the lock open.
_KILL = """
for process in /proc/[0-9]*; do
  if ls -l $process/fd 2> /dev/null | grep -q lifeboat-oom.*lock && readlink $process/exe | grep -q python; then
    kill -9 ${process#/proc/} && echo killed
  fi
done
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return leaky_packages.build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def leaky(lab: Lab, packages: dict[str, Path]) -> Iterator[Machine]:
    machine = lab.up("leaky", extra=PROFILERS, memory="640M")
    try:
        leaky_packages.install(machine, packages)
        yield machine
    finally:
        machine.down()


def left(machine: Machine) -> list[str]:
    return machine.ssh(_LEFT).stdout.split()


@contextlib.contextmanager
def also(machine: Machine, *lines: str) -> Iterator[None]:
    """With these lines in a drop-in of the service."""
    folder = f"/etc/systemd/system/{UNIT}.d"
    words = " ".join(f"'{line}'" for line in lines)
    machine.ssh(f"mkdir {folder}; printf '%s\\n' {words} > {folder}/also.conf; systemctl daemon-reload")
    try:
        yield
    finally:
        machine.ssh(f"rm -r {folder}; systemctl daemon-reload; systemctl restart {UNIT}")


def main_pid(machine: Machine) -> int:
    return int(machine.ssh(f"systemctl show -p MainPID --value {UNIT}").stdout)


def until(true: Any, timeout: float = 90) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.3)


def test_valgrind_names_the_function_and_the_package(leaky: Machine, module: Any) -> None:
    before = main_pid(leaky)
    options = {"unit": SERVICE, "tool": "valgrind_memcheck", "duration": 8, "keep_raw": True}
    found = module(leaky, "heap_profile", options)
    assert found["changed"] and not found["failed"], found
    worst = found["sites"][0]
    assert worst["function"].startswith(FUNCTION) and worst["file"] == "/build/telemetry/history.cpp"
    assert (worst["package"], worst["version"], worst["kind"]) == (LIBRARY, LEAKING, "lost")
    assert worst["bytes"] >= 1 << 20 and found["leaked_bytes"] >= worst["bytes"]
    # The cache is kept for good: no leak.
    assert {site["kind"] for site in found["sites"] if site["package"] == SERVICE} <= {"reachable"}
    assert left(leaky) == [] and main_pid(leaky) not in (0, before)
    assert leaky.ssh(f"gzip -t {found['raw_file']} && rm {found['raw_file']}").returncode == 0


def test_it_attaches_to_a_process_and_runs_a_command(leaky: Machine, module: Any) -> None:
    pid = main_pid(leaky)
    refused = module(leaky, "heap_profile", {"pid": pid, "duration": 5})
    assert refused["failed"] and "confirm_attach" in refused["msg"]
    found = module(leaky, "heap_profile", {"pid": pid, "duration": 5, "warm_up": 0, "confirm_attach": True})
    assert found["sites"][0]["package"] == LIBRARY, found
    assert main_pid(leaky) == pid  # not restarted: heaptrack's library stays in it
    leaky.ssh(f"systemctl restart {UNIT}")

    leaky.ssh(f"systemctl stop {UNIT}")  # the socket can be had once
    command = {"command": ["/usr/sbin/telemetryd"], "tool": "valgrind_massif", "duration": 5}
    held = module(leaky, "heap_profile", command)
    assert {site["package"] for site in held["sites"]} >= {LIBRARY, SERVICE}, held
    assert held["leaked_bytes"] is None and held["peak_bytes"] > 6 << 20
    # A shell that becomes the service: heaptrack has seen the shell alone, and must not call that healthy.
    wrapped = module(leaky, "heap_profile", {"command": ["/bin/sh", "-c", "exec telemetryd"], "duration": 3})
    assert wrapped["failed"] and "valgrind_memcheck" in wrapped["msg"], wrapped
    leaky.ssh(f"systemctl start {UNIT}")
    assert left(leaky) == []


def test_a_service_that_goes_on_as_its_own_child(leaky: Machine, module: Any) -> None:
    with also(leaky, "[Service]", "Type=forking", "ExecStart=", "ExecStart=/usr/sbin/telemetryd fork"):
        refused = module(leaky, "heap_profile", {"unit": SERVICE, "duration": 5})
        assert refused["failed"] and "Type=forking" in refused["msg"], refused
        found = module(leaky, "heap_profile", {"unit": SERVICE, "tool": "valgrind_memcheck", "duration": 8})
    assert found["sites"][0]["function"].startswith(FUNCTION) and found["sites"][0]["kind"] == "lost", found


def test_a_stop_that_fails_reboots_nothing(leaky: Machine, module: Any) -> None:
    """A signal that is not heard stands for a profiler that is slow. OnFailure= cannot be taken back, so it is told."""
    boot_id = leaky.ssh("cat /proc/sys/kernel/random/boot_id").stdout
    failing = ("FailureAction=reboot", "OnFailure=nobody.service", "OnFailure=", "[Service]", "KillSignal=SIGWINCH")
    with also(leaky, "[Unit]", *failing, "TimeoutStopSec=1"):
        found = module(leaky, "heap_profile", {"unit": SERVICE, "duration": 5})
        assert not found["failed"] and "nobody.service" in found["steps"][-1], found
        assert leaky.ssh(f"systemctl show -p FailureAction --value {UNIT}").stdout == "reboot\n"
    assert leaky.ssh(f"journalctl -u {UNIT} --grep \"Failed with result 'timeout'\"").stdout
    assert leaky.ssh("cat /proc/sys/kernel/random/boot_id").stdout == boot_id and left(leaky) == []


def test_it_says_what_is_in_the_way(leaky: Machine, module: Any) -> None:
    def refused(**options: Any) -> str:
        answer = module(leaky, "heap_profile", {"duration": 5, **options}, check=True)
        assert answer["failed"], answer
        message: str = answer["msg"]
        return message

    leaky.ssh("chmod -x /usr/bin/valgrind; mv /usr/bin/valgrind /usr/bin/valgrind.away")
    try:
        assert "apt install valgrind libc6-dbg" in refused(unit=SERVICE, tool="valgrind_memcheck")
    finally:
        leaky.ssh("mv /usr/bin/valgrind.away /usr/bin/valgrind; chmod +x /usr/bin/valgrind")
    assert "no-such.service is not-found" in refused(unit="no-such")
    assert "MiB are free" in refused(unit=SERVICE, max_disk="1T")
    assert "cannot attach" in refused(pid=1, tool="valgrind_massif", confirm_attach=True)
    planned = module(leaky, "heap_profile", {"unit": SERVICE, "duration": 5}, check=True)
    assert planned["changed"] and UNIT in planned["steps"][0] and left(leaky) == []


def test_a_service_that_cannot_start_with_it_is_given_back(leaky: Machine, module: Any) -> None:
    leaky.ssh("mv /usr/libexec/valgrind /usr/libexec/valgrind.away")
    try:
        answer = module(leaky, "heap_profile", {"unit": SERVICE, "tool": "valgrind_memcheck", "duration": 5})
    finally:
        leaky.ssh("mv /usr/libexec/valgrind.away /usr/libexec/valgrind")
    assert answer["failed"] and "does not start with valgrind_memcheck" in answer["msg"], answer
    assert left(leaky) == [] and main_pid(leaky)


@pytest.mark.parametrize("cut", ["module killed", "connection lost"])
def test_a_run_that_is_cut_off_is_taken_back(leaky: Machine, ansible: Ansible, cut: str) -> None:
    """By kill -9 of the module at once; where only the connection is lost, at the end of the duration."""
    before = main_pid(leaky)
    duration = 300 if cut == "module killed" else 12
    ended: list[Any] = []  # the error, or what the module returned

    def run() -> None:
        try:
            ended.append(ansible.module(leaky, "heap_profile", {"unit": SERVICE, "duration": duration}))
        except LabError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: "heaptrack" in left(leaky))
    assert any("zzzz-lifeboat" in word for word in left(leaky))
    if cut == "module killed":
        assert leaky.ssh(_KILL).stdout == "killed\n"
    else:
        leaky.ssh("kill -9 $(pgrep -f 'sshd: root@notty')", check=False)
    until(lambda: left(leaky) == [])
    thread.join(60)
    (end,) = ended
    assert isinstance(end, LabError) or end["failed"], end
    assert main_pid(leaky) not in (0, before)
    assert leaky.ssh(f"systemctl is-active {UNIT}").stdout == "active\n"


def test_from_the_leak_to_its_cure_as_the_guide_tells_it(
    lab: Lab, leaky: Machine, packages: dict[str, Path], playbook: Any, tmp_path: Path
) -> None:
    leaky_packages.offer(leaky, [packages[f"{LIBRARY}_{FIXED}"]])
    variables = {
        "oom_audit_report_dir": str(tmp_path / "oom-report"),
        "oom_audit_thresholds": QUICK,
        "oom_monitor_interval_seconds": 1,
        "oom_monitor_units": [UNIT],
        "oom_profile_duration": 8,
    }
    seen: list[str] = []
    for block, printed in steps(GUIDE, tmp_path, reader(lab, [leaky], tmp_path, variables)):
        seen.append(printed)
        if "lifeboat.oom.site" in block.text or "lifeboat.oom.upgrade_leaky" in block.text:
            until(lambda: leaky.ssh(_WATCHED, check=False).returncode == 0, timeout=160)
        if "lifeboat.oom.profile" in block.text:
            _is_named(tmp_path / f"oom-report/profiles/{leaky.name}/{UNIT}.json", leaky)
            _is_left_where_it_is_held(leaky, playbook, variables)
            lies = _lies(tmp_path / f"oom-report/profiles/{leaky.name}", leaky)
    _monitored, suspected, _profiled, upgraded, _cured = seen
    assert "leak.suspected" in suspected
    assert f"{LIBRARY} {LEAKING}: would be upgraded" in upgraded
    assert f"{LIBRARY} {LEAKING}: upgraded to {FIXED}" in upgraded
    assert all(lie in upgraded for lie in lies) and "openssh-server: upgraded" not in upgraded
    audited = json.loads((tmp_path / f"oom-report/hosts/{leaky.name}.json").read_text())
    found = [each for each in audited["findings"] if each["subject"] == UNIT]
    assert [each["id"] for each in found] == ["leak.cured"], found
    again = playbook("lifeboat.oom.upgrade_leaky", [leaky], variables=variables)
    assert again.returncode == 0 and not again.changed

    assert leaky.ssh("ls -d /var/lib/lifeboat-oom").stdout
    rolled = playbook("lifeboat.oom.rollback", [leaky], variables=variables)
    assert rolled.returncode == 0, rolled.stdout + rolled.stderr
    assert leaky.ssh("ls -d /var/lib/lifeboat-oom /run/lifeboat-oom* 2> /dev/null", check=False).stdout == ""


def _is_named(path: Path, leaky: Machine) -> None:
    record = json.loads(path.read_text())
    (site,) = record["sites"]  # the cache that it keeps for good is no leak
    assert site["function"].startswith(FUNCTION) and site["file"] == "/build/telemetry/history.cpp"
    assert (site["package"], site["version"], site["kind"]) == (LIBRARY, LEAKING, "grown")
    assert record["host"] == leaky.name and record["tool"] == "heaptrack" and record["leaked_bytes"] >= 1 << 20
    assert left(leaky) == []


def _lies(folder: Path, leaky: Machine) -> tuple[str, str]:
    """A profile may name anything, also for a service that does leak, and a file may be none. What is told of them."""
    version = leaky.ssh("dpkg-query -W -f '${Version}' openssh-server").stdout
    record = json.loads((folder / f"{UNIT}.json").read_text())
    site = {**record["sites"][0], "package": "openssh-server", "version": version, "object": "/usr/sbin/sshd"}
    for name, subject in (("a", UNIT), ("b", "ssh.service")):
        (folder / f"{name}.json").write_text(json.dumps({**record, "subject": subject, "sites": [site]}))
    (folder / "c.json").write_text("{")
    refused = f"openssh-server {version}: not upgraded, on this host {UNIT} runs no file of it"
    return refused, "c.json is not a profile: "


def _is_left_where_it_is_held(leaky: Machine, playbook: Any, variables: dict[str, Any]) -> None:
    leaky.ssh(f"apt-mark hold {LIBRARY}")
    held = playbook("lifeboat.oom.upgrade_leaky", [leaky], variables=variables)
    leaky.ssh(f"apt-mark unhold {LIBRARY}")
    assert held.returncode and f"{LIBRARY} {LEAKING}: there is no other version to be had here" in held.stdout
    assert leaky.ssh(f"dpkg-query -W -f '${{Version}}' {LIBRARY}").stdout == LEAKING
