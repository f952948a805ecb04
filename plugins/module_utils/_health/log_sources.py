# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host keeps the kernel's log, and what each of these places gives.

The commands and files are constants, or follow from the number of lines and the time asked for alone, so that
a script can run them all beforehand: C(argvs), C(files), and the paths in C(READ).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import BOOT
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import understand
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line

# One of these is in every line of the kernel that matters here, whatever the case.
WORDS = "oom|out of memory|killed process|vm_enough_memory"
_SPEAKS = re.compile(WORDS, re.IGNORECASE)

# Is any message of the boot that runs in the journal? The kernel's first are, where journald reads them.
THIS_BOOT_ARGV = (
    "journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=1", "--boot=0", "_TRANSPORT=kernel",
)  # fmt: skip
DMESG_ARGV = ("dmesg",)
LOGREAD_ARGV = ("logread",)
# When the host was booted, by the clock that it has now.
READ = ("/proc/stat", "/proc/uptime")

# kern.log has all of the kernel and little else. Where there is none, Debian's syslog has it all but its messages
# lacks errors, such as kill lines; elsewhere (BusyBox, Red Hat) there is only messages, which has it all.
_FAMILIES = ("/var/log/kern.log", "/var/log/syslog", "/var/log/messages")
_PLAIN = ("", ".0", ".1")
_PACKED = (".1.gz", ".2.gz", ".3.gz", ".4.gz")
_UNPACK = 'zcat "$1" | tail -c "$2"'
# Of a line in a file, more than in most. The end is taken by bytes: a file may be one line, larger than the memory.
_LINE_BYTES = 160
_FEWEST_BYTES = 65536


@dataclass(frozen=True)
class Found:
    """What one place gave, oldest line first.

    I(newest) are the lines of the last boot that it tells of, I(former) those before. I(current) is whether that
    boot is the one that runs, C(None) where only the times of its lines can tell.
    """

    source: str
    former: Tuple[str, ...]
    newest: Tuple[str, ...]
    current: Optional[bool]

    @property
    def lines(self) -> int:
        return len(self.former) + len(self.newest)

    @property
    def tells_start(self) -> bool:
        """Whether I(newest) begins where the boot does."""
        return bool(self.newest) and _is_boot(self.newest[0])


def journal_argv(lines: int, since: Optional[str]) -> Tuple[str, ...]:
    """All boots. Without C(--quiet), for a line between two boots says which boot begins."""
    # --all: without it a line with the name of a process that is not UTF-8 is but "[45B blob data]".
    start = ("journalctl", "--all", "--no-pager", "--output=short-iso", f"--lines={lines}")
    return (*start, *_since(since), "_TRANSPORT=kernel")


def units_argv(lines: int, since: Optional[str]) -> Tuple[str, ...]:
    """What systemd (243 and later, its process 1) says when the kernel has killed in the control group of a unit."""
    start = ("journalctl", "--all", "--quiet", "--no-pager", "--output=short-iso", f"--lines={lines}")
    return (*start, *_since(since), "_PID=1", "MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef")


def _since(since: Optional[str]) -> Tuple[str, ...]:
    return () if since is None else (f"--since={since}",)


def argvs(lines: int, since: Optional[str]) -> Tuple[Tuple[str, ...], ...]:
    """Every command that may be asked for, but those that read a file."""
    return journal_argv(lines, since), THIS_BOOT_ARGV, units_argv(lines, since), DMESG_ARGV, LOGREAD_ARGV


def files(lines: int) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    """Each file that may be there, with the command that gives its end. Packed ones are left to who can unpack."""
    paths = [base + end for base in _FAMILIES for end in _PLAIN]
    return tuple((path, _file_argv(path, lines)) for path in paths)


def _file_argv(path: str, lines: int) -> Tuple[str, ...]:
    """The end of a file, which may be larger than the memory of the host."""
    size = str(max(lines * _LINE_BYTES, _FEWEST_BYTES))
    return ("sh", "-c", _UNPACK, "sh", path, size) if path.endswith(".gz") else ("tail", "-c", size, path)


def read_journal(host: Door, lines: int, since: Optional[str]) -> Found:
    """Raises HostError where the journal can not be read or has nothing of the kernel, InvalidPolicy for I(since)."""
    try:
        text = _printed(host, journal_argv(lines, since))
    except HostError as error:
        if "parse timestamp" not in str(error):
            raise
        raise InvalidPolicy(
            f"log_since: found {since!r}, which journalctl does not take for a time; "
            "expected one such as '2026-03-01 12:00:00', 'yesterday' or '-2 days', see systemd.time(7)"
        ) from error
    former, newest = _by_boot([line for line in text.split("\n") if line and not _is_remark(line)])
    wanted = since is not None or any(map(_SPEAKS.search, newest))
    current = wanted and _has_this_boot(host)
    if not former and not newest and not current:
        raise Missing("the journal has no kernel messages", "journalctl")
    return Found("journal", former, newest, current)


def _is_remark(line: str) -> bool:
    """C(-- No entries --), C(-- Logs begin at … --). A line between two boots is none."""
    return line.startswith("-- ") and not _is_boot(line)


def _has_this_boot(host: Door) -> bool:
    return bool(host.run(THIS_BOOT_ARGV).stdout.strip())


def read_files(host: Door, lines: int) -> Found:
    """What a syslog daemon wrote, from the first family of files that has lines of the kernel.

    Raises HostError where one can not be read, Missing where there is none.
    """
    odd: List[str] = []
    for base in _FAMILIES:
        found: List[str] = []
        source = ""
        for path in (base + end for end in _PLAIN + _PACKED):
            if len(found) < lines and host.exists(path):
                if not host.is_file(path):
                    odd.append(path)
                    continue
                text = host.run_or_fail(_file_argv(path, lines))
                told = [line for line in text.split("\n") if "kernel" in line]
                found = told[-(lines - len(found)) :] + found
                source = source or path
        if found:
            former, newest = _by_boot(found)
            return Found(source, former, newest, None)
    if odd:
        raise HostError("cannot read {}: found no file there; remove what is".format(", ".join(odd)), odd[0])
    raise Missing("no file with kernel messages: {}".format(", ".join(_FAMILIES)), _FAMILIES[0])


def read_ring(host: Door, lines: int) -> Found:
    """The kernel's own buffer: this boot, as far back as it reaches, unless somebody has cleared it."""
    try:
        text, source = _printed(host, DMESG_ARGV), "dmesg"
    except HostError as refused:
        try:
            text, source = host.kernel_messages(), "/dev/kmsg"
        except Missing:
            raise refused from None
        except HostError as also:
            raise HostError(f"{refused}; {also}", also.path) from also
    return Found(source, (), _last(text, lines), True)


def read_logread(host: Door, lines: int) -> Found:
    """The buffer of a syslog daemon in memory (OpenWrt, BusyBox): this boot.

    It holds what programs say, too, and so reaches less far back than dmesg, but a C(dmesg -c) leaves it alone.
    """
    text = "\n".join(line for line in _printed(host, LOGREAD_ARGV).split("\n") if "kernel" in line)
    return Found("logread", (), _last(text, lines), True)


def _printed(host: Door, argv: Tuple[str, ...]) -> str:
    """As C(run_or_fail), but a command that says nothing and complains has failed, too: so a shell's pipe ends."""
    done = host.run(argv)
    if done.returncode or (done.stderr.strip() and not done.stdout.strip()):
        words = (done.stderr or done.stdout).strip() or "nothing"
        raise HostError("{} ended with {}: {}".format(" ".join(argv[:3]), done.returncode, words), argv[0])
    return done.stdout


def _last(text: str, lines: int) -> Tuple[str, ...]:
    # Only a newline ends a line: names of processes and cgroups may hold any other separator.
    return tuple(text.rstrip("\n").split("\n")[-lines:]) if text.strip() and lines else ()


def _by_boot(lines: Sequence[str]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """The lines before the last boot that they tell of, and the others."""
    start = max((number for number, line in enumerate(lines) if _is_boot(line)), default=0)
    return tuple(lines[:start]), tuple(lines[start:])


def _is_boot(line: str) -> bool:
    if not line.startswith("-- ") and "Linux version " not in line:
        return False
    statement = understand(read_line(line).text)
    return statement is not None and statement.kind == BOOT
