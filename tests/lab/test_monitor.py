# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler on a real device: who leaks is told from who does not, in seconds instead of days."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history

from .process import LabError
from .runner import Ansible, Run
from .uml import Machine

# Each holds memory that is mapped for itself alone, so that what is given back is given back to the kernel.
_PROGRAM = r"""
import itertools, mmap, sys, time
shape, held = sys.argv[1], []
def hold(kib):
    held.append(mmap.mmap(-1, kib << 10, flags=mmap.MAP_PRIVATE))
    held[-1].write(b"\1" * (kib << 10))
for step in itertools.count():
    if shape == "leak" or (shape == "warm-up" and step < 16) or shape == "sawtooth":
        hold(512)
    if shape == "sawtooth" and step % 10 == 9:
        held.clear()
    if shape.isdecimal() and step == 0:
        hold(int(shape) << 10)
    time.sleep(0.5)
"""
_UNIT = """\
[Service]
ExecStart=/usr/bin/python3 /root/shape.py {shape}
"""
# The last one is larger each time that it is started, and does not grow.
SHAPES = {"leaky": "leak", "vital": "leak", "tidy": "sawtooth", "warm": "warm-up", "larger": "10"}
_LOOKS, _LOOKS_AGAIN = 18, 3
THRESHOLDS = {"leak_min_minutes": 0, "leak_period_minutes": 0, "leak_min_growth_mib": 2}
MONITOR = {"oom_monitor_enabled": True, "oom_monitor_interval_seconds": 1}
NOTHING_LEFT = (
    "find / -xdev -path /proc -prune -o -name '*lifeboat-oom*' -print; find /run -name '*lifeboat*'; "
    "systemctl list-units --all --plain --no-legend '*lifeboat*'"
)


def role(ansible: Ansible, device: Machine, variables: dict[str, Any], tasks_from: str = "main", **how: Any) -> Run:
    task = {"ansible.builtin.import_role": {"name": "lifeboat.oom.oom_monitor", "tasks_from": tasks_from}}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    return ansible.playbook([play], [device], variables=variables, **how)


def start(device: Machine, **shapes: str) -> None:
    script = [f"cat > /root/shape.py << 'END'\n{_PROGRAM}\nEND"]
    for name, shape in shapes.items():
        script.append(f"cat > /etc/systemd/system/{name}.service << 'END'\n{_UNIT.format(shape=shape)}\nEND")
    names = " ".join(shapes)
    device.ssh("sh -e -s", stdin="\n".join([*script, f"systemctl daemon-reload; systemctl restart {names}"]))


def wait_for_looks(device: Machine, count: int) -> None:
    """Until the process of the last service has been sampled as often."""
    pid = device.ssh("systemctl show -P MainPID larger").stdout.strip()
    deadline = time.monotonic() + 120
    while True:
        seen = device.ssh(f"grep -c ' {pid} .* larger.service$' /run/lifeboat-oom/samples", check=False).stdout
        if int(seen or 0) >= count:
            return
        if time.monotonic() > deadline:
            raise LabError(f"{device.name}: sampled {seen.strip()} times, not {count}:\n{device.console()}")
        time.sleep(1)


def audit(ansible: Ansible, device: Machine, folder: Path) -> dict[str, Any]:
    variables = {
        "oom_audit_report_dir": str(folder),
        "oom_audit_thresholds": THRESHOLDS,
        "oom_protect_services": [{"name": "vital", "oom_score_adj": -500}],
    }
    # A look every second is half of what a device of the lab can do.
    device.ssh("systemctl stop lifeboat-oom-sample.timer")
    run = ansible.playbook("lifeboat.oom.audit", [device], variables=variables)
    device.ssh("systemctl start lifeboat-oom-sample.timer")
    assert run.returncode == 0, run.stdout
    record: dict[str, Any] = json.loads((folder / "hosts" / f"{device.name}.json").read_text())
    return record


def leaks(record: dict[str, Any]) -> dict[str, str]:
    found = [each for each in record["findings"] if each["id"].startswith("leak.")]
    return {each["subject"]: each["id"] for each in found}


def test_who_leaks_is_told_from_who_does_not(ansible: Ansible, device: Machine, tmp_path: Path) -> None:
    before = device.ssh(NOTHING_LEFT).stdout
    assert before == ""
    missing = role(ansible, device, MONITOR, "verify")
    assert missing.returncode == 2
    assert "the sampler is not as oom_monitor_enabled" in missing.stdout
    assert device.ssh(NOTHING_LEFT).stdout == before
    assert role(ansible, device, MONITOR).returncode == 0
    assert role(ansible, device, MONITOR).changed == []

    start(device, **SHAPES)
    wait_for_looks(device, _LOOKS)
    record = audit(ansible, device, tmp_path)
    accused = {"leaky.service": "leak.suspected", "vital.service": "leak.protected_service"}
    assert leaks(record) == accused, record["trends"]
    severities = {each["id"]: each["severity"] for each in record["findings"]}
    assert severities["leak.protected_service"] == "critical"
    # Half a MiB in half a second, on a device that may be slow.
    rates = {each["unit"]: each["rate_bytes_per_hour"] / 3600 / (1 << 20) for each in record["trends"]}
    assert 0.3 < rates["leaky.service"] < 1.3
    left = {each["unit"]: each["seconds_left"] for each in record["trends"]}
    assert left["leaky.service"] is not None and left["tidy.service"] is None
    verdicts = {each["unit"]: each["verdict"] for each in record["trends"]}
    assert {verdicts[f"{name}.service"] for name in ("tidy", "warm", "larger")} == {"steady"}
    packages = {each["unit"]: each["package"] for each in record["state"]["packages"]}
    assert packages["ssh.service"] == "openssh-server"
    assert packages["leaky.service"].startswith("python3.")

    start(device, larger="30")
    wait_for_looks(device, _LOOKS_AGAIN)
    record = audit(ansible, device, tmp_path)
    assert leaks(record) == accused, record["trends"]
    with open_history(tmp_path) as history:
        lives = history.past(device.name).lives
    small, large = lives["larger.service"]
    # It may be looked at while it still takes its memory.
    small_bytes, large_bytes = (max(size for _uptime, size in life.series) for life in (small, large))
    assert small_bytes + (15 << 20) < large_bytes
    (leaky,) = lives["leaky.service"]
    moments = [uptime for uptime, _size in leaky.series]
    assert moments == sorted(set(moments)) and len(moments) >= _LOOKS + _LOOKS_AGAIN

    gone = role(ansible, device, {})
    assert gone.returncode == 0, gone.stdout
    assert gone.changed
    assert device.ssh(NOTHING_LEFT).stdout == before
