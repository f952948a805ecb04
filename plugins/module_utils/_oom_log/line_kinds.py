# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a single message of an OOM report says, from 2.6.31 to 6.16. How messages belong together is elsewhere.

Sources: mm/oom_kill.c (header, announcement, kill lines, reaper), mm/memcontrol.c (groups), kernel/panic.c,
kernel/printk/printk.c (lost lines), each by version. No expression goes back over more than a name.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Match, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import (
    CGROUP,
    CPUSET,
    GLOBAL,
    MEMPOLICY,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    ANNOUNCEMENT,
    BOOT,
    CPU,
    GROUP,
    HEADER,
    KILLED,
    KNOWN,
    LOST,
    NOBODY,
    OTHER_REPORT,
    PANIC,
    REAPED,
    SHARED,
    SPARED,
    SUMMARY,
    Statement,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import STARTS_WITH, refused_commit
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.size_lines import (
    cgroup_stats,
    cgroup_usage,
    limit_reached,
    machine_sizes,
    table_header,
    table_row,
)

# A name has 15 bytes at most (TASK_COMM_LEN), more when they are printed as escapes.
_NAME_BYTES = 15
_ESCAPED = re.compile(r"\\x[0-9a-f]{2}|\\[0-7]{3}")
_NAME = r"(?P<comm>.{0,64})"
_PID = r"(?P<pid>\d{1,10})"
_MESSAGE = r"(?P<message>[A-Z][A-Za-z ]{3,40}(?: ?\([A-Za-z_ ]{1,40}\))?: )?"

# What ends a value: without it a cut may have taken a part.
_GFP = re.compile(r"gfp_mask=(0x[0-9a-fA-F]{1,16}(?:\([^()]{0,400}\)|(?=[,(])))")
_ORDER = re.compile(r"\border=(-?\d{1,4}),")
_SCORE_ADJ = re.compile(r"oom_score_adj[=:](-?\d{1,5})(?!\d)")
_MASKED = re.compile(": gfp_mask=0x[0-9a-fA-F]")
_INVOKED = re.compile(r"(?:(?P<comm>.*) )?invoked $", re.S)
_INVOKED_IN_UB = re.compile(_PID + r" \((?P<comm>.*)\) invoked $", re.S)
_UB = re.compile(r" in [Uu][Bb] \d{1,10} generation \d{1,10} gfp (?P<gfp_mask>0x[0-9a-f]{1,16})$")
_CPU = re.compile(r"(?:CPU: \d{1,6} (?:UID: \d{1,10} )?PID: |Pid: )" + _PID + ",? [Cc]omm: (?P<command>.{0,200})", re.S)
_COMMAND = re.compile(r"(.{1,64}?) (?:Kdump: loaded )?(?:Not tainted|Tainted: )", re.S)
_TASK = re.compile(",task=" + _NAME + ",pid=" + _PID + r",uid=(?P<uid>\d{1,10})\s*$", re.S)
_KILLED = re.compile(_MESSAGE + "Killed process " + _PID + r"(?P<rest>(?: \(|, UID ).*)", re.S)
# Of OpenVZ: its containers are accounted for by user beancounters, of which the host itself is number 0.
_KILLED_IN_UB = re.compile(
    r"Out of memory in UB (?P<ub>\d{1,10}): OOM killed process " + _PID + r"(?P<rest> \(.*)", re.S
)
_KILLED_AT_FAULT = re.compile(r"VM: killing process (?P<comm>\S.{0,63})$", re.S)
_VICTIM = re.compile(
    r"(?:, UID (?P<uid>\d{1,10}),)? \(" + _NAME + r"\)(?=,? (?:UID |total-vm:|vsz:|score \d+ vm:))", re.S
)
# Up to 2.6.32 the name is all. A line that was cut may have any part of the rest; what people say about it has none.
_VICTIM_CUT = re.compile(
    r"(?:, UID (?P<uid>\d{1,10}),)? \("
    + _NAME
    + r"\)(?=[.,]?$|,? .*[a-z_][:=]-?\d|,? (?:U|UI|v|vs|t[ota]{0,3}|total-[vm]{0,2})$)",
    re.S,
)
_ANNOUNCED = re.compile(_MESSAGE + "[Kk]ill process " + _PID + r" \(" + _NAME + r"\) (?:score |or a child)", re.S)
_SHARED = re.compile("[Kk]ill process " + _PID + r"(?: \(" + _NAME + r"\))? sharing same memory", re.S)
_SIZE = re.compile(r"(?<![\w-])(total-vm|vsz|vm|anon-rss|file-rss|shmem-rss|pgtables):(\d{1,19})kB")
_UID = re.compile(r"\bUID[: ](\d{1,10})(?=[,\s])")
_GROUP = re.compile(r"Tasks in (/.*) are going to be killed due to memory\.oom\.group set", re.S)
_REAPED = re.compile(r"oom_reaper: reaped process " + _PID + r" \(" + _NAME + r"\)", re.S)
_UNREAPED = re.compile(r"oom_reaper: unable to reap pid:" + _PID + r" \(" + _NAME + r"\)", re.S)
_SPARED = re.compile(_MESSAGE + "OOM victim " + _PID + r" \(" + _NAME + r"\) is already exiting", re.S)
# The whole banner: a process may call itself "Linux version 6", and the kernel may say something about it.
_BOOT = re.compile(r"Linux version \d\S*(?: \(|$)")
_BLOB = re.compile(r"\[[\d.]{1,8}[BKMGTPE] blob data\]$")

_SCOPES = {
    "CONSTRAINT_NONE": GLOBAL,
    "CONSTRAINT_MEMCG": CGROUP,
    "CONSTRAINT_CPUSET": CPUSET,
    "CONSTRAINT_MEMORY_POLICY": MEMPOLICY,
}
_SCOPES_OF_MESSAGE = (
    ("Memory cgroup out of memory", CGROUP),
    ("Out of memory", GLOBAL),
    ("Out of Memory", GLOBAL),
    ("No available memory in cpuset", CPUSET),
    ("No available memory (MPOL_BIND)", MEMPOLICY),
)
_PANIC_WORDS = ("out of memory", "panic_on_oom", "deadlocked on memory")
# Whoever says this speaks of a kill.
LOUD = re.compile("killed process|oom-kill|lowmemorykiller|due to memory", re.I)
_SUSPICIOUS = re.compile("out of memory|oom_reaper", re.I)
_PLAINLY_SUSPICIOUS = re.compile("Memory cgroup out of memory|Out of memory: |oom_reaper: ")
_BY_PROGRAM = re.compile(r"[\w.@/\\-]{1,80}\[\d{1,10}\]: ")


def understand(text: str) -> Optional[Statement]:
    """What a message of the kernel says about running out of memory; None if it is about something else."""
    if text.startswith("["):
        return table_row(text) or table_header(text) or _blob(text)
    for word, recognise in _RECOGNISERS:
        if word in text:
            statement = recognise(text)
            if statement:
                return statement
    return machine_sizes(text)


def is_suspicious(text: str, kernel: Optional[bool]) -> bool:
    """Whether a message that was not understood may be about the OOM killer all the same.

    I(kernel) is what the prefix told. A message that nothing marks as the kernel's must speak of a kill, or begin
    like one of the kernel's that does.
    """
    if LOUD.search(text):
        return True
    if kernel is None:
        return _PLAINLY_SUSPICIOUS.match(text) is not None
    return kernel and _SUSPICIOUS.search(text) is not None and not _BY_PROGRAM.match(text)


def _header(text: str) -> Optional[Statement]:
    """C(X invoked oom-killer: gfp_mask=…, order=…, oom_score_adj=…); before 4.6 the mask is a bare number.

    Without its first words it is still one. OpenVZ says C(1 (X) invoked oom-killer in ub 2 generation 3 gfp 0x4).
    """
    before, _found, rest = text.partition("oom-killer")
    beancounter = _UB.match(rest)
    in_ub = _INVOKED_IN_UB.match(before) if beancounter else None
    invoked = in_ub or _INVOKED.match(before)
    if (before and not invoked) or not (in_ub or _MASKED.match(rest) or ": gfp_mask=0x".startswith(rest)):
        return None
    values: Dict[str, Any] = {"comm": name_of_task((invoked and invoked.group("comm")) or "") or None}
    if in_ub and beancounter:
        values.update(pid=int(in_ub.group("pid")), gfp_mask=beancounter.group("gfp_mask"))
    for name, pattern, convert in (
        ("gfp_mask", _GFP, str),
        ("order", _ORDER, int),
        ("oom_score_adj", _SCORE_ADJ, int),
    ):
        match = pattern.search(rest)
        if match:
            values[name] = convert(match.group(1))
    return Statement(HEADER, values)


def name_of_task(printed: str) -> Optional[str]:
    """A name as it was printed; None if it is longer than a name can be, so that something else stands before it."""
    octets = _ESCAPED.sub("?", printed).encode("utf-8", "replace")
    return printed if len(octets) <= _NAME_BYTES else None


def name_in_command(command: str) -> Optional[str]:
    """The name in what a C(CPU:) line has behind C(Comm:): it goes on with the taints of the kernel."""
    match = _COMMAND.match(command)
    return name_of_task(match.group(1)) if match else None


def _cpu(text: str) -> Optional[Statement]:
    match = _CPU.match(text)
    return Statement(CPU, {"pid": int(match.group("pid")), "command": match.group("command")}) if match else None


def _summary(text: str) -> Optional[Statement]:
    """C(oom-kill:constraint=…), from 5.0 on. A value that is cut off is left out."""
    if not text.startswith("oom-kill:constraint=CONSTRAINT_"):
        return None
    scope = _SCOPES.get(_between(text, "oom-kill:constraint=", ",") or "")
    task = _TASK.search(text)
    before = text[: task.start()] + ",task=" if task else text
    values = _known(
        scope=scope,
        limit_cgroup=_between(before, ",oom_memcg=", ",task_memcg="),
        cgroup=_between(before, ",task_memcg=", ",task="),
    )
    if task:
        values.update(_who(task), uid=int(task.group("uid")))
    return Statement(SUMMARY, values)


def _between(text: str, start: str, end: str) -> Optional[str]:
    _before, found, rest = text.partition(start)
    value, ended, _after = rest.partition(end)
    return value if found and ended else None


def _who(match: Match[str]) -> Dict[str, Any]:
    printed = match.group("comm")
    return dict(_known(comm=None if printed is None else name_of_task(printed)), pid=int(match.group("pid")))


def _known(**values: Any) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _scope(message: Optional[str]) -> Dict[str, Any]:
    """Whose memory had run out, by the words before the colon."""
    for words, scope in _SCOPES_OF_MESSAGE:
        if (message or "").startswith(words):
            return {"scope": scope}
    return {}


def _ill_process(text: str) -> Optional[Statement]:
    """All that kills, or says it will."""
    return _killed(text) or _announced(text) or _shared(text)


def _killed(text: str) -> Optional[Statement]:
    """C(Killed process 1 (c) …): what stands between name and end is different in nearly every version."""
    match = _KILLED.match(text) or _KILLED_IN_UB.match(text)
    if not match:
        return None
    beancounter = match.groupdict().get("ub")
    scope = {"scope": CGROUP if int(beancounter) else GLOBAL} if beancounter else _scope(match.group("message"))
    values: Dict[str, Any] = dict(scope, pid=int(match.group("pid")))
    victim = _VICTIM.match(match.group("rest")) or _VICTIM_CUT.match(match.group("rest"))
    if not victim and ")" in match.group("rest"):
        return None
    if victim:
        values.update(_known(comm=name_of_task(victim.group("comm"))))
        values.update(_sizes(match.group("rest")[victim.end("comm") :]))
        if victim.group("uid"):
            values["uid"] = int(victim.group("uid"))
    return Statement(KILLED, values)


def _killed_at_fault(text: str) -> Optional[Statement]:
    """C(VM: killing process c), up to 2.6.29: a page fault found no memory, and its process dies, without a number."""
    match = _KILLED_AT_FAULT.match(text)
    comm = match and name_of_task(match.group("comm"))
    return Statement(KILLED, {"pid": None, "comm": comm, "scope": GLOBAL}) if comm else None


def _sizes(text: str) -> Dict[str, Any]:
    values: Dict[str, Any] = {}
    for name, kib in _SIZE.findall(text):
        values["total_vm_kib" if name in ("vsz", "vm") else name.replace("-", "_") + "_kib"] = int(kib)
    for name, pattern in (("uid", _UID), ("oom_score_adj", _SCORE_ADJ)):
        match = pattern.search(text)
        if match:
            values[name] = int(match.group(1))
    return values


def _announced(text: str) -> Optional[Statement]:
    """C(Kill process 1 (c) score 2 or sacrifice child), up to 5.0: a child may be killed in its place.

    Up to 2.6.34 it is C(kill process 1 (c) score 2 or a child).
    """
    match = _ANNOUNCED.match(text)
    return Statement(ANNOUNCEMENT, dict(_scope(match.group("message")), **_who(match))) if match else None


def _shared(text: str) -> Optional[Statement]:
    """C(Kill process 1 (c) sharing same memory), up to 4.5: another process on the memory of the victim."""
    match = _SHARED.match(text)
    return Statement(SHARED, _who(match)) if match else None


def _group(text: str) -> Optional[Statement]:
    match = _GROUP.match(text)
    return Statement(GROUP, {"cgroup": match.group(1)}) if match else None


def _reaper(text: str) -> Optional[Statement]:
    """The reaper takes the memory of a victim, or gives up on it; both tell that there was a victim."""
    match = _REAPED.match(text)
    if match:
        return Statement(REAPED, dict(_who(match), reaped=True))
    match = _UNREAPED.match(text)
    return Statement(REAPED, dict(_who(match), reaped=False)) if match else None


def _spared(text: str) -> Optional[Statement]:
    match = _SPARED.match(text)
    return Statement(SPARED, _who(match)) if match else None


def _nobody(text: str) -> Optional[Statement]:
    """Without a panic (a control group, sysrq) the report just ends here."""
    return Statement(NOBODY, _scope(text)) if text.lower().startswith(("out of memory", "memory cgroup")) else None


def _panic(text: str) -> Optional[Statement]:
    """The kernel stops: panic_on_oom is set (2, "compulsory", for any scope), or there is nobody left to kill."""
    lower = text.lower()
    if not any(words in lower for words in _PANIC_WORDS):
        return Statement(BOOT, {})
    if not text.startswith("Kernel panic - not syncing: "):
        return Statement(KNOWN, {})
    if "(memcg)" in lower:
        return Statement(PANIC, {"scope": CGROUP})
    return Statement(PANIC, {} if "compulsory" in lower else {"scope": GLOBAL})


def _blob(text: str) -> Optional[Statement]:
    """C([45B blob data]): journalctl without C(--all) keeps to itself what is not UTF-8, such as a name."""
    return Statement(LOST, {"lines": 1}) if _BLOB.match(text) else None


_RECOGNISERS = (
    # The first, for a name in it may read like any of the others.
    (STARTS_WITH, refused_commit),
    ("oom-killer", _header),
    ("oom-kill:constraint=", _summary),
    ("Kernel panic - not syncing", _panic),
    ("ill process ", _ill_process),
    ("illed process ", _ill_process),
    ("VM: killing process ", _killed_at_fault),
    ("omm: ", _cpu),
    ("oom_reaper: ", _reaper),
    (": usage ", cgroup_usage),
    ("emory cgroup stats", cgroup_stats),
    ("imit ", limit_reached),
    ("Task in /", limit_reached),
    ("memory.oom.group", _group),
    ("OOM victim ", _spared),
    ("no killable processes", _nobody),
    ("callbacks suppressed", lambda text: Statement(KNOWN, {})),
    ("page allocation ", lambda text: Statement(OTHER_REPORT, {})),
    ("how Memory", lambda text: Statement(OTHER_REPORT, {})),
    ("Linux version ", lambda text: Statement(BOOT, {}) if _BOOT.match(text) else None),
    ("oot ", lambda text: Statement(BOOT, {}) if text.startswith(("-- Boot ", "-- Reboot --")) else None),
)
