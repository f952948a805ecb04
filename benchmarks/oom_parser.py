# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of kernel logs on large logs, against what it takes to read the lines, and to count some with grep.

Three logs: one as most are, with a report now and then; the same as a journal in JSON; and nothing but reports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from unit.fixtures.oom_logs.reading import PLAIN, messages

ROOT = Path(__file__).resolve().parents[1]
_GREP = ("grep", "-c", "-i", "-E", "oom|killed process")
# What kernels and programs of a device say on other days.
_NOISE = (
    "kernel: usb 1-{n}: new high-speed USB device number {n} using xhci_hcd",
    "kernel: usb 1-{n}: New USB device found, idVendor=1d6b, idProduct=0002, bcdDevice= 6.01",
    "kernel: eth0: Link is Up - 1Gbps/Full - flow control rx/tx",
    "kernel: br0: port {n}(veth{n}) entered disabled state",
    "kernel: audit: type=1400 audit(1795399289.123:{n}): apparmor=\"STATUS\" operation=\"profile_load\"",
    "kernel: EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode. Quota mode: none.",
    "kernel: IPv6: ADDRCONF(NETDEV_CHANGE): wlan0: link becomes ready",
    "sshd[{n}]: Accepted publickey for admin from 10.0.0.{n} port 4{n} ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvw",
    "systemd[1]: Started session-{n}.scope - Session {n} of User admin.",
    "CRON[{n}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
)  # fmt: skip
# Each reads the file named last and prints what it found and the most memory that it held, in KiB.
_START = "import sys\nstream = open(sys.argv[1], encoding='utf-8', errors='surrogateescape', newline='\\n')\n"
_END = "print(found, next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
_IMPORT = "from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse\n"
_WAYS = {
    "parser": _START + _IMPORT + "found = len(parse(stream).events)\n" + _END,
    "lines": _START + "found = sum(1 for line in stream)\n" + _END,
    "nothing": _START + _IMPORT + "found = 0\n" + _END,
}


def log_lines(noise: int) -> Iterator[str]:
    """Reports of real kernels, this many other lines before each, as a syslog daemon writes them."""
    chance = random.Random(7)
    reports = [messages(name) for name in PLAIN]
    second = 0
    while True:
        for report in reports:
            for _number in range(noise):
                yield _stamp(second) + chance.choice(_NOISE).format(n=chance.randrange(1, 255))
                second += chance.randrange(3)
            yield from (f"{_stamp(second)}kernel: {message}" for message in report)
            second += 100


def _stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00 device ", time.gmtime(1795399289 + second))


def entries(noise: int) -> Iterator[str]:
    """The same lines as C(journalctl --output=json) has them, with some of the fields that tell nothing here."""
    for number, line in enumerate(log_lines(noise)):
        _date, _host, program, message = line.split(" ", 3)
        name = program.partition("[")[0].rstrip(":")
        fields = {
            "__CURSOR": f"s=5e1f00d;i={number:x};b=b007;m=1;t=2;x=3",
            "__REALTIME_TIMESTAMP": str(1795399289000000 + number),
            "_BOOT_ID": "b007b007b007b007b007b007b007b007",
            "_MACHINE_ID": "0123456789abcdef0123456789abcdef",
            "_HOSTNAME": "device",
            "_TRANSPORT": "kernel" if name == "kernel" else "syslog",
            "SYSLOG_IDENTIFIER": name,
            "PRIORITY": "6",
            "_SELINUX_CONTEXT": "unconfined",
            "_CAP_EFFECTIVE": "1ffffffffff",
            "MESSAGE": message,
        }
        yield json.dumps(fields)


LOGS: dict[str, Callable[[int], Iterator[str]]] = {
    "a log": log_lines,
    "a journal in JSON": entries,
    "nothing but reports": lambda _noise: log_lines(0),
}


def write_log(path: Path, mib: int, lines: Iterator[str]) -> int:
    """Write so much, and say how many lines that were."""
    left, written = mib << 20, 0
    with path.open("w", encoding="utf-8") as stream:
        for line in lines:
            written += 1
            left -= stream.write(line + "\n")
            if left <= 0:
                break
    return written


def timed(way: str, path: Path) -> tuple[float, int, int]:
    """Seconds of processor time, what was found, and KiB, all of a process of its own."""
    words = [*_GREP, str(path)] if way == "grep" else [sys.executable, "-c", _WAYS[way], str(path)]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONPATH": str(ROOT / "collections")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, env=environment, check=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found, *kib = map(int, done.stdout.split())
    return seconds, found, sum(kib)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mib", type=int, default=100)
    options.add_argument("--noise", type=int, default=5000, help="other lines before each report")
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    print(f"processor time for {asked.mib} MiB, a report after {asked.noise} lines; Python {sys.version.split()[0]}")
    for name, lines in LOGS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "messages")
            number = write_log(path, asked.mib, lines(asked.noise))
            measure(name, path, number, asked.rounds)


def measure(name: str, path: Path, lines: int, number_of_rounds: int) -> None:
    timed("lines", path)  # from now on it is in memory
    rounds = [{way: timed(way, path) for way in ("parser", "lines", "grep")} for _unused in range(number_of_rounds)]
    _seconds, _found, idle_kib = timed("nothing", path)
    per_line = statistics.median(each["parser"][0] for each in rounds) / lines
    print(
        f"\n{name}: {rounds[0]['parser'][1]} events in {lines} lines, {per_line * 1e6:.1f} microseconds for each here"
    )
    for way, what in (
        ("lines", "reading the lines in Python"),
        ("grep", " ".join(_GREP[:4]) + " " + json.dumps(_GREP[4])),
    ):
        ratios = [each["parser"][0] / each[way][0] for each in rounds]
        print(f"parser / {what}: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    held = statistics.median(each["parser"][2] for each in rounds)
    print(f"most memory held: {held / 1024:.0f} MiB, {(held - idle_kib) / 1024:.0f} MiB of it for the log")


if __name__ == "__main__":
    main()
