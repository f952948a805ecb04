# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from unit.fake_host import FakeHost
from unit.profile_options import OPTIONS

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import request
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.session import profile
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.targets import Unit
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import tool
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import Place

WANTED = {**OPTIONS, "unit": "telemetry", "duration": 9}
PLACE = Place("telemetry.service")
DROPIN = "/run/systemd/system/telemetry.service.d/zzzz-lifeboat-oom-profile.conf"
LEAKS = (Path(__file__).parents[3] / "fixtures/profiles/heaptrack-since.txt").read_text()
TOTALS = (Path(__file__).parents[3] / "fixtures/profiles/heaptrack-totals.txt").read_text()
STATUS = "Name:\ttelemetryd\nVmRSS:\t20480 kB\nVmSwap:\t0 kB\n"
SHOWN = (
    "LoadState=loaded\nActiveState=active\nType=notify\nMainPID=20\nFragmentPath=/lib/systemd/system/telemetry.service\nDropInPaths=\n"
    "Environment=\nUser=\nDynamicUser=no\nRootDirectory=\nRootImage=\nProtectSystem=strict\nReadOnlyPaths=\n"
)


class Device(FakeHost):
    """Its service writes a trace while it is profiled; its guard takes back when the module lets go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        show = "systemctl show --no-pager --property="
        self.commands = {
            "systemctl --version": "systemd 252 (252.39)\n",
            f"{show}Id": "Id=telemetry.service\n",
            f"{show}LoadState,ActiveState,": SHOWN,
            f"{show}ActiveState,Result": "ActiveState=active\nResult=success\n",
            f"{show}ActiveState,DropInPaths": "ActiveState=active\nDropInPaths=\n",
            f"{show}ActiveState -- lifeboat": "ActiveState=inactive\n",
            f"{show}MainPID": "MainPID=20\n",
            "systemd-run": "",
            "head -c 8192": "v 10400 3\n",
            "systemctl daemon-reload": "",
            "systemctl restart": "",
            "dpkg-query --search": "libtelemetry1: /usr/lib/x86_64-linux-gnu/libtelemetry.so.1\n",
            "dpkg-query --show": "libtelemetry1\t1.0\n",
        }
        scope = "systemd-run --scope --quiet --collect --property=MemoryMax=1073741824 -- timeout -k 5 600"
        printer = f"{scope} /usr/bin/heaptrack_print --print-peaks=0 --print-allocators=0 --print-temporary=0"
        self.commands[f"{printer} --print-leaks=0"] = TOTALS
        self.commands[f"{printer} --print-leaks=1"] = LEAKS
        self.seconds = 0.0
        self.dropin: str | None = None
        self.has_folder("/run/systemd/system")
        self.has("/proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 1000000 kB\nMemAvailable: 1000000 kB\n")
        self.has("/proc/20/status", STATUS)
        self.has("/usr/bin/heaptrack", 'LIB_REL_PATH="../lib/heaptrack"\n')
        for path in ("/usr/bin/heaptrack_print", "/usr/bin/systemd-run", "/usr/bin/flock"):
            self.has(path)
        self.has("/usr/lib/heaptrack/libheaptrack_preload.so")

    def now(self) -> float:  # type: ignore[override]
        return self.seconds

    def free_bytes(self, folder: str) -> int:
        return 300 << 20

    def pause(self, seconds: float) -> None:  # type: ignore[override]
        self.seconds += seconds
        if self.exists(DROPIN):
            self.dropin = self.read(DROPIN)
            self.has(f"{PLACE.data}/raw", "x" * int(self.seconds * 1000))

    def remove_tree(self, path: str) -> None:
        if self.exists(PLACE.finished) and self.exists(DROPIN):
            raise AssertionError("not taken back")
        super().remove_tree(path)

    def unlock(self, descriptor: int) -> None:  # type: ignore[override]
        super().unlock(descriptor)
        if self.exists(DROPIN):
            Path(self.real(DROPIN)).unlink()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def run(device: Device, **options: Any) -> dict[str, Any]:
    return profile(device, {**WANTED, "max_memory": "1G", **options}, False)


def test_a_service_from_the_drop_in_to_the_package(device: Device) -> None:
    found = run(device)
    assert (found["peak_bytes"], found["leaked_bytes"], found["stopped_by"]) == (13_330_000, 3_920_000, None)
    (site,) = found["sites"]
    assert site["function"].startswith("telemetry::remember(") and site["line"] == 14
    assert (site["package"], site["version"]) == ("libtelemetry1", "1.0")
    assert device.dropin and f"ReadWritePaths={PLACE.data}" in device.dropin
    # The leak is what came after the warm-up, of three seconds.
    heads = [line for line in device.asked if "heaptrack_interpret" in line]
    assert [line.split(" sh ")[-1].split()[0] for line in heads] == ["9500", "3500"]
    assert all("--diff" in line for line in device.asked if "leaks=1" in line)
    assert not device.exists(DROPIN) and not device.exists(PLACE.folder)


def test_a_library_below_a_linked_folder_has_its_owner(device: Device) -> None:
    """As in /lib/x86_64-linux-gnu, which heaptrack tells, where dpkg knows /usr/lib/x86_64-linux-gnu alone."""
    device.has("/usr/lib/x86_64-linux-gnu/libtelemetry.so.1")
    device.has_link("/lib", device.real("/usr/lib"))
    leaks = next(key for key in device.commands if key.endswith("--print-leaks=1"))
    device.commands[leaks] = LEAKS.replace("in /usr/lib/", "in /lib/")
    (site,) = run(device)["sites"]
    assert (site["object"], site["package"]) == ("/lib/x86_64-linux-gnu/libtelemetry.so.1", "libtelemetry1")


def test_the_guard_stands_before_anything_changes(device: Device) -> None:
    run(device)
    asked = [line for line in device.asked if "systemd-run" in line or "daemon-reload" in line]
    assert f"--unit={PLACE.guard}" in asked[0] and asked[0].endswith("/take-back.sh") and "daemon-reload" in asked[1]


def test_check_mode_changes_nothing(device: Device) -> None:
    before = device.everything()
    planned = profile(device, WANTED, True)
    assert planned["changed"] and DROPIN in planned["steps"][0] and planned.keys() == {"changed", "steps"}
    assert device.everything() == before


def test_it_is_taken_back_after_a_failure(device: Device) -> None:
    del device.commands["systemctl restart"]
    with pytest.raises(LifeboatError, match="cannot run systemctl"):
        run(device)
    assert not device.exists(DROPIN)
    assert not device.exists(PLACE.finished)  # so the guard removes the folder


def test_a_service_that_does_not_come_back(device: Device) -> None:
    device.commands["systemctl show --no-pager --property=ActiveState,DropInPaths"] = (
        "ActiveState=failed\nDropInPaths=\n"
    )
    with pytest.raises(LifeboatError, match="has its own files again, but is failed"):
        run(device)


def test_a_service_that_fails_with_it(device: Device) -> None:
    show = "systemctl show --no-pager --property=ActiveState,Result"
    device.commands[show] = "ActiveState=failed\nResult=exit-code\n"
    device.commands["journalctl"] = "cannot open shared object file\n"
    told = r"does not start with heaptrack: it is failed \(exit-code\)\. Look at 'journalctl -u telemetry\.service'$"
    with pytest.raises(LifeboatError, match=told):  # and not with what it said, which may be a secret
        run(device)
    assert not device.exists(DROPIN)


def test_a_stop_that_failed_is_no_start_that_failed(device: Device) -> None:
    """Between the two the unit is failed, with the job to start it."""
    show = "systemctl show --no-pager --property=ActiveState,Result"
    device.commands[show] = "ActiveState=failed\nResult=timeout\nJob=77\n"

    def pause(seconds: float) -> None:
        Device.pause(device, seconds)
        if device.seconds > 2:
            device.commands[show] = "ActiveState=active\nResult=success\nJob=\n"

    device.pause = pause  # type: ignore[method-assign, assignment]
    assert run(device)["sites"]


def test_valgrind_without_the_symbols_of_the_c_library(device: Device) -> None:
    device.has("/usr/bin/valgrind")
    device.has("/lib/systemd/system/telemetry.service", "[Service]\nExecStart=/usr/sbin/telemetryd\n")
    device.has("/etc/os-release", "ID=debian\n")
    device.commands["systemctl show --no-pager --property=ActiveState,Result"] = (
        "ActiveState=failed\nResult=exit-code\n"
    )
    device.commands["journalctl"] = "Fatal error at startup: a function redirection\nin ld-linux-x86-64.so.2\n"
    with pytest.raises(LifeboatError, match="apt install valgrind libc6-dbg"):
        run(device, tool="valgrind_memcheck")
    assert device.dropin and "ExecStart=/usr/bin/valgrind" in device.dropin


@pytest.mark.parametrize("kind", ["notify", "forking"])
def test_valgrind_is_silent_in_a_child_but_for_one_that_is_the_service(device: Device, kind: str) -> None:
    """As the main process of Type=forking it was silent too, and had left nothing."""
    device.has("/usr/bin/valgrind")
    device.has("/lib/systemd/system/telemetry.service", "[Service]\nExecStart=/usr/sbin/telemetryd\n")
    show = "systemctl show --no-pager --property=LoadState,ActiveState,"
    device.commands[show] = SHOWN.replace("Type=notify", f"Type={kind}")
    with pytest.raises(LifeboatError, match="valgrind has left nothing"):
        run(device, tool="valgrind_memcheck")
    last = [word for word in (device.dropin or "").split() if word.startswith("--child-silent-after-fork=")][-1]
    assert last.endswith("=no") is (kind == "forking")


def test_a_limit_ends_the_run(device: Device) -> None:
    found = run(device, duration=300, max_disk="30K")
    assert found["stopped_by"] == "max_disk" and found["seconds"] < 15
    assert "ended after" in found["warnings"][0]


@pytest.mark.parametrize("tool", ["heaptrack", "valgrind_memcheck"])
@pytest.mark.parametrize("late", [False, True], ids=["while it runs", "before it is read"])
def test_what_the_service_puts_in_place_of_the_output_is_not_read(device: Device, tool: str, late: bool) -> None:
    """A pipe would never end, and a link would lead to what its user may not read."""
    device.has("/usr/bin/valgrind")
    device.has("/lib/systemd/system/telemetry.service", "[Service]\nExecStart=/usr/sbin/telemetryd\n")
    output = device.real(PLACE.data + ("/raw" if tool == "heaptrack" else "/20.out"))
    secret = device.has("/etc/shadow", "secret")

    def swap() -> None:
        if os.path.lexists(output):
            os.unlink(output)
        os.symlink(secret, output)

    def pause(seconds: float) -> None:
        Device.pause(device, seconds)
        device.has(output[len(device.root) :], "x" * 900)
        if not late:
            swap()

    def unlock(descriptor: int) -> None:
        Device.unlock(device, descriptor)
        swap()

    device.pause, device.unlock = pause, unlock  # type: ignore[method-assign, assignment]
    with pytest.raises(LifeboatError, match=r"(raw|20\.out): found a link of uid \d+, expected a file"):
        run(device, tool=tool)
    assert not device.exists(DROPIN)


def test_too_little_memory_or_disk_is_told_before(device: Device) -> None:
    with pytest.raises(LifeboatError, match="max_disk: 1024 MiB may be needed in /, only 300 MiB are free"):
        run(device, max_disk="1G")
    device.has("/proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 10000 kB\nMemAvailable: 10000 kB\n")
    with pytest.raises(LifeboatError, match="holds 20 MiB and would take about 38 MiB more with heaptrack"):
        run(device)
    assert device.dropin is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("ActiveState=active", "ActiveState=inactive", "is inactive, expected an active one; start it first"),
        ("LoadState=loaded", "LoadState=not-found", "is not-found, expected a loaded service"),
        ("RootDirectory=", "RootDirectory=/srv/x", "the profiler is not in there"),
        ("Type=notify", "Type=forking", "follows that process alone; use valgrind_memcheck"),
    ],
)
def test_a_service_that_cannot_be_profiled(device: Device, before: str, after: str, said: str) -> None:
    show = "systemctl show --no-pager --property=LoadState,ActiveState,"
    device.commands[show] = SHOWN.replace(before, after)
    with pytest.raises(LifeboatError, match=said):
        run(device)


@pytest.mark.parametrize("traced", ["v 10400 3\nx d /usr/bin/dash", "v 10200 2\nx /usr/bin/dash"], ids=["1.4", "1.2"])
def test_a_script_that_starts_the_service_is_not_the_service(device: Device, traced: str) -> None:
    device.commands["head -c 8192"] = traced + "\nX sh /usr/bin/app\n"
    device.has_link("/proc/20/exe", "/usr/bin/app")
    with pytest.raises(LifeboatError, match=r"has followed /usr/bin/dash, but telemetry\.service runs /usr/bin/app"):
        run(device)
    device.commands["head -c 8192"] = "x 9 /usr/bin/app\n"
    assert run(device)["sites"]


def test_two_runs_at_once(device: Device) -> None:
    device.has_folder("/run/lifeboat-oom-profile")
    held = device.lock(PLACE.lock)
    assert held is not None
    with pytest.raises(LifeboatError, match="is being profiled already"):
        run(device)
    device.unlock(held)
    assert run(device)["changed"]


def test_an_alias_is_the_unit_that_it_names(device: Device) -> None:
    """Under two names it had two locks, and two runs at once."""
    device.has_folder("/run/lifeboat-oom-profile")
    held = device.lock(PLACE.lock)
    assert held is not None
    with pytest.raises(LifeboatError, match=r"telemetry\.service is being profiled already"):
        run(device, unit="metrics")
    device.unlock(held)
    assert run(device, unit="metrics")["subject"] == "telemetry.service"


def test_a_process_that_is_traced_already(device: Device) -> None:
    device.has("/usr/bin/gdb")
    device.has("/proc/20/status", STATUS + "TracerPid:\t7\n")
    with pytest.raises(LifeboatError, match="is traced by process 7 already"):
        run(device, unit=None, pid=20, confirm_attach=True)


def test_where_ptrace_is_not_permitted(device: Device) -> None:
    device.has("/usr/bin/gdb")
    device.has("/proc/self/status", "CapEff:\t00000000a80425fb\n")
    with pytest.raises(LifeboatError, match="no CAP_SYS_PTRACE"):
        run(device, unit=None, pid=20, confirm_attach=True)
    device.has("/proc/sys/kernel/yama/ptrace_scope", "3\n")
    with pytest.raises(LifeboatError, match="ptrace_scope is 3"):
        run(device, unit=None, pid=20, confirm_attach=True)


@pytest.mark.parametrize("namespace", ["mnt:[1]", "mnt:[2]"], ids=["ours", "of its own"])
def test_what_a_process_has_written_outlives_it(device: Device, tmp_path: Path, namespace: str) -> None:
    """Attaching may crash it: the trace says why, and must not lie in /var/tmp for good."""
    device.has("/usr/bin/gdb")
    device.commands["/usr/bin/gdb"] = ""
    device.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    device.has("/proc/20/maps", "/usr/lib/libc.so.6\n/usr/lib/heaptrack/libheaptrack_inject.so\n")
    for who, its in (("20", namespace), ("self", "mnt:[1]")):
        device.has_link(f"/proc/{who}/ns/mnt", its)
        device.has_link(f"/proc/{who}/root", str(tmp_path))
    device.has_folder("/var/tmp")
    folder = device.real("/var/tmp/" + Place("pid 20").folder.rpartition("/")[2])

    def crash(_seconds: float) -> None:
        (Path(folder) / "raw").write_text("x" * 900)
        shutil.rmtree(device.real("/proc/20"))

    device.pause = crash  # type: ignore[method-assign]
    if namespace == "mnt:[1]":
        assert run(device, unit=None, pid=20, confirm_attach=True, warm_up=0)["stopped_by"] == "end of the process"
        assert not Path(folder).exists()
    else:
        with pytest.raises(LifeboatError, match="heaptrack has seen nothing"):
            run(device, unit=None, pid=20, confirm_attach=True, warm_up=0)


def test_the_guard_reloads_again_where_that_fails(device: Device, tmp_path: Path) -> None:
    """As it does where memory is short; without it the service would be restarted into the profiler."""
    wanted = request(WANTED)
    lines = Unit(device, wanted, tool(device, wanted.tool, PLACE.data), PLACE).take_back
    said = tmp_path / "said"
    systemctl = tmp_path / "bin/systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(
        f'#!/bin/sh\necho "$@" >> {said}\n[ $1 != daemon-reload ] || [ "$(grep -c reload {said})" != 1 ]\n'
    )
    systemctl.chmod(0o755)
    path = f"{systemctl.parent}:{os.environ['PATH']}"
    text = "\n".join(lines).replace("/run/systemd", str(tmp_path))
    assert subprocess.run(["sh", "-c", text], env={"PATH": path}, check=False).returncode == 0
    unit = "-- telemetry.service"
    again = ["daemon-reload", "daemon-reload", f"reset-failed {unit}", f"restart {unit}", "daemon-reload"]
    assert said.read_text().split("\n")[:-1] == again


def test_the_last_stop_with_the_profiler_reboots_nothing(device: Device, tmp_path: Path) -> None:
    """It may take longer than TimeoutStopSec, which is a failure; what a restart says is still what the guard says."""
    wanted = request(WANTED)
    lines = Unit(device, wanted, tool(device, wanted.tool, PLACE.data), PLACE).take_back
    dropin, loaded = device.has(DROPIN, "[Service]\nEnvironment=LD_PRELOAD=x\n"), tmp_path / "loaded"
    systemctl = device.has("/bin/systemctl", f"#!/bin/sh\n[ $1 != restart ] || {{ cp {dropin} {loaded}; exit 7; }}\n")
    systemctl.chmod(0o755)
    text = "\n".join(lines).replace("/run/systemd", device.real("/run/systemd"))
    path = f"{systemctl.parent}:{os.environ['PATH']}"
    assert subprocess.run(["sh", "-c", text], env={"PATH": path}, check=False).returncode == 7
    assert loaded.read_text() == "[Unit]\nFailureAction=none\nStartLimitAction=none\nSuccessAction=none\n"
    assert not dropin.parent.exists()


def test_who_is_told_of_a_failure_is_told_before(device: Device) -> None:
    """To OnFailure= a drop-in can only add."""
    assert len(profile(device, WANTED, True)["steps"]) == 3
    show = "systemctl show --no-pager --property=LoadState,ActiveState,"
    device.commands[show] = SHOWN + "OnFailure=alarm.service page.service\n"
    assert profile(device, WANTED, True)["steps"][3].endswith("starts alarm.service page.service (OnFailure=)")


def test_what_reads_the_trace_ends_in_time_with_all_that_it_has_started(device: Device) -> None:
    """Had sh alone been ended, the interpreter would go on."""
    run(device)
    (first, *_rest) = [line for line in device.asked if "heaptrack_interpret" in line]
    words = first.split(" -- ")[1].split(" ")
    assert words[:5] == ["timeout", "-k", "5", "600", "sh"]
    done = subprocess.run([*words[:3], "1", "sh", "-c", "sleep 31 | sleep 31"], check=False, timeout=20)
    assert done.returncode == 124
