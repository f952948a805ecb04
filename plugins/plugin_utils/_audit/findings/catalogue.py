# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every finding that there is. tools/document makes a page of each."""

from __future__ import annotations

from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Kind

UNREACHABLE = Kind(
    id="audit.unreachable",
    severity="critical",
    expected="an answer",
    message="the host could not be reached",
    remedy="see that it is up and that ansible -m ping reaches it",
    about="The host did not answer. What is known of it is from an earlier audit, and may be wrong by now.",
)
FAILED = Kind(
    id="audit.failed",
    severity="critical",
    expected="an answer that can be read",
    message="the host answered, and could not be audited",
    remedy="run the audit again with -vvv for this host",
    about="The host answered something that is not the answer to what was asked: its Python or its sh is broken, or "
    "the answer was cut. The observed text says which. A wrong variable is no finding: it makes the audit of the "
    "host fail.",
)
NOT_COMPARED = Kind(
    id="audit.not_compared",
    severity="warning",
    expected="that what is declared can be compared",
    message="what is declared could not be compared with the host",
    remedy="take it out of the inventory for this host, or make it readable",
    about="Something is declared for this host that could not be looked at there: services where systemd does not "
    "run, sysctls in a file that may not be read. It is no less a difference than a wrong value, and counts "
    "for `oom_audit_fail_on: drift`.",
)
INCOMPLETE = Kind(
    id="audit.incomplete",
    severity="info",
    expected="that everything can be read",
    message="some of the host could not be read",
    remedy="if what is missing matters, let the audit log in as root, or with become: true; what is kept from root as "
    "well is so by the kernel or a container",
    about="What could not be read is shown as unknown, never as 0. Without root the kernel log and the shares of "
    "other users' processes are usually missing.",
)
HEADROOM_LOW = Kind(
    id="commit.headroom_low",
    severity="critical",
    expected="at least {commit_headroom_pct} % of the commit limit free",
    message="overcommit mode never is on and nearly all is promised: programs fail to start",
    remedy="add swap, commit less, or leave the mode",
    about="In mode `never` (2) the kernel refuses whatever passes the commit limit, `sshd` and `fork` included. "
    "What is committed is what programs asked for, not what they use. The audit adds the reserves that an "
    "unprivileged program cannot have.",
)
NEVER_RISK = Kind(
    id="commit.never_at_boot",
    severity="critical",
    expected="at least {commit_headroom_pct} % of the commit limit free before mode never is entered",
    message="the next boot enters overcommit mode never, and what runs now would not fit",
    remedy="set a larger ratio, add swap, or take the mode out of what is named",
    about="A file, or the kernel command line, sets `vm.overcommit_memory` to 2 at boot, and the running kernel does"
    " not have it yet. With what is committed now, programs would fail to start, remote access among them: a reboot"
    " may be the end of the device as far as you can reach it.",
)
REFUSED = Kind(
    id="commit.refused",
    severity="warning",
    expected="that the kernel promises what programs ask for",
    message="the kernel refused to promise memory: the program that asked for it could not start, fork or grow",
    remedy="raise the ratio, add swap, leave mode never, or have the program ask for less; with ratio: auto declare "
    "what it needs (needs_mib)",
    about="From 6.0 on the kernel logs the requests that it refuses (`__vm_enough_memory`), ten in five seconds at "
    "most; from 6.10 on it logs their size. In mode `never` (2) it refuses what passes the commit limit, however much "
    "memory is free: a program does not start, a `fork` fails, a database does not save. In mode `heuristic` (0) it "
    "refuses a request that is larger than RAM and swap together. That is most often a mistake of the program, so the "
    "finding is an info.",
)
CANNOT_START = Kind(
    id="commit.cannot_start",
    severity="warning",
    expected="room under the commit limit for each service that is enabled or has failed",
    message="a service that does not run now could not start: mode never would not promise it the memory that it needs",
    remedy="raise the ratio or add swap. With ratio: auto run lifeboat.oom.site again, which counts this service. "
    "Where its size is not known, declare needs_mib",
    about="What is committed now does not include services that are enabled, or have failed, and do not run. The audit"
    " takes the most that such a service held in an earlier run (`MemoryPeak=` of systemd 255 and newer, or the same "
    "from its journal), or what you declare as `needs_mib`. A program can ask for more than it ever holds. Where the "
    "size is not known, the finding is an info. Services of `Type=oneshot`, and services whose conditions are not met,"
    " do not count.",
)
MORE_THAN_EXISTS = Kind(
    id="commit.no_swap",
    severity="info",
    expected="swap or zram, or a commit limit that is enforced, where memory is short",
    message="more is promised than there is memory, and there is no swap to give time",
    remedy="add zram or swap; or set limits on the services that grow",
    about="Without swap the kernel goes from enough to a kill in seconds, after it has thrown out the page cache "
    "that programs run from. A little zram gives the pressure time to show before something is killed. The audit says "
    "so only where memory is short: less than twice `available_low_pct` is available, or the host ran out of memory "
    "lately and the kernel killed something.",
)
PANIC = Kind(
    id="oom.panic",
    severity="critical",
    expected="no OOM kill",
    message="the kernel stopped for want of memory",
    remedy="find what grew; see vm.panic_on_oom, and whether anything could have been killed",
    about="The kernel stopped instead of killing: `vm.panic_on_oom` says so, or nothing was left that may be killed.",
)
PROTECTED_KILLED = Kind(
    id="oom.protected_service_killed",
    severity="critical",
    expected="no OOM kill",
    message="the kernel killed a protected service for want of memory",
    remedy="find what grew (see the forecast); give it a limit or more memory; if it leaks, no score cures it",
    about="A service that is declared with a negative score died of an OOM kill. Either its score was not in force,"
    " or it was the largest even so: a protected service that grows without end dies last, and dies.",
)
RECENT_KILL = Kind(
    id="oom.recent_kill",
    severity="warning",
    expected="no OOM kill in {recent_kill_days} days",
    message="the kernel killed a process for want of memory",
    remedy="find what grew (see the forecast); give it a limit or more memory; if it leaks, no score cures it",
    about="The victim need not be the process that grew. Where the log tells what ran out, the finding names it: the "
    "memory of the host, or the limit of a control group, while the host may have had memory left. Five or more kills "
    "with one cause, one soon after the other, make one finding. It names the largest victim, and the process that "
    "asked for memory most often. The host's page shows what the kernel logged.",
)
NO_KILLABLE = Kind(
    id="oom.no_killable_process",
    severity="critical",
    expected="something of size that may be killed",
    message="nothing is left that the kernel may kill: it stops instead",
    remedy="raise the score of something that may die above -1000",
    about="Every process has score -1000. When memory runs out the kernel panics (`System is deadlocked on memory`).",
)
OVER_PROTECTION = Kind(
    id="oom.over_protection",
    severity="warning",
    expected="at most {protected_share_pct} % of RAM in processes with a score of -900 or less",
    message="so much is protected that what may be killed frees too little",
    remedy="protect less: leave the score of what can be restarted at 0",
    about="Protection moves the kill to somebody else. Where most of the memory is protected, the kernel kills many"
    " small processes for little, and the protected ones in the end.",
)
COLLATERAL = Kind(
    id="oom.collateral_victim",
    severity="warning",
    expected="that something dies first which nobody needs to find the cause",
    message="the first to be killed is what you would need then",
    remedy="protect it, or give something else a higher score",
    about="Logging, monitoring, time, network or remote access stands first in the kill order: after an OOM kill "
    "the device may be out of reach, or cannot say what happened. What counts as such can be set with "
    "`oom_protect_sensitive_services`.",
)
ACCESS_UNPROTECTED = Kind(
    id="oom.remote_access_unprotected",
    severity="warning",
    expected="a listener that keeps itself alive, or comes back",
    message="remote access can be killed like anything else",
    remedy="declare no score for it, as every session would inherit it; have it started again when it ends "
    "(Restart=always, or respawn), and give a higher score to what may die first",
    about="The listener of SSH runs with a score of 0 or more. OpenSSH sets -1000 for its listener, where it may, and "
    "gives sessions the score that it was started with. dropbear does not, and neither does a listener in a "
    "container or under a systemd without CAP_SYS_RESOURCE. A negative score for the service does more harm than good: "
    "every program in a session inherits it.",
)
INHERITED = Kind(
    id="oom.inherited_unkillable",
    severity="warning",
    expected="score -1000 for none but those that set it for themselves",
    message="a process has inherited score -1000 and can never be killed",
    remedy="restart it from a parent with another score; see that its parent sets the score of its children back",
    about="A score is inherited. What an unkillable process starts is unkillable too, unless it sets its children's"
    " score back, as OpenSSH does. A leak in such a process takes everything else down.",
)
SESSION = Kind(
    id="oom.protected_session",
    severity="warning",
    expected="a score above -500 for programs that somebody starts in a session",
    message="a program that grows in a session outlives nearly all services",
    remedy="take the score off the service that starts sessions (state: absent), restart that service, and log in "
    "anew; choom -n 0 -p PID resets one process at once",
    about="A login, or the manager of a user, runs with a score of -500 or less, and every program that is started "
    "there inherits it. If one of these programs grows without end, the kernel kills the services of the device first."
    " A session inherits the score of the service that starts it: `sshd` keeps its own listener at -1000, and gives "
    "each session the score that its unit was started with.",
)
LOG_INCOMPLETE = Kind(
    id="oom.log_incomplete",
    severity="info",
    expected="a kernel log that tells of every kill",
    message="the kernel has counted more OOM kills than its log tells of",
    remedy="make the journal persistent, or enlarge the ring buffer (log_buf_len)",
    about="The counter `oom_kill` of `/proc/vmstat` is larger than the kills in the log since boot: the ring buffer"
    " was overwritten or cleared, or lines were dropped. The report shows the kills that are left.",
)
LOG_DISAGREES = Kind(
    id="oom.log_disagrees",
    severity="warning",
    expected="no more kills in the log than the kernel has counted",
    message="the log tells of more OOM kills than the kernel has counted: some of these lines are not the kernel's",
    remedy="see who may write to that log, and trust none of the kills in it before you know",
    about="Since 4.13 the kernel counts each kill line that it prints (`oom_kill` of `/proc/vmstat`), from boot on. It "
    "prints and counts the first process of a group twice where it kills the whole group. Further lines come from a "
    "program that calls itself `kernel`, from a log that was copied from another machine, or from an earlier boot that "
    "looks like this one because the clock was set.",
)
AVAILABLE_LOW = Kind(
    id="memory.available_low",
    severity="warning",
    expected="at least {available_low_pct} % of RAM available",
    message="little memory is available",
    remedy="see what grew; limit or move it; add memory",
    about="`MemAvailable` is what programs can have without swapping. Below the threshold the next start may end in"
    " a kill.",
)
PRESSURE = Kind(
    id="memory.pressure",
    severity="warning",
    expected="tasks that wait for memory less than {pressure_some_pct} % of the time, all of them at once less than "
    "{pressure_full_pct} %",
    message="tasks wait for memory",
    remedy="see what grew; limit or move it; add memory",
    about="From pressure stall information (PSI), the mean of the last minute. It rises before anything is killed. "
    "Kernels without PSI cannot tell. It is critical where all tasks wait five times as long as that.",
)
THRASH = Kind(
    id="swap.thrash",
    severity="warning",
    expected="less than {swap_in_mib_per_minute} MiB a minute read back from swap",
    message="memory is swapped out and needed again at once",
    remedy="less work or more memory; swap hides the lack of it by making everything slow",
    about="What is read back from swap, between this audit and the one before if both are of the same boot, else on"
    " average since boot.",
)
CGROUP_FULL = Kind(
    id="cgroup.limit_near",
    severity="warning",
    expected="at least {cgroup_room_pct} % of the limit free of what cannot be dropped",
    message="a service is close to its own memory limit",
    remedy="raise MemoryMax= of the unit, or find why it needs so much; it is killed alone when it gets there",
    about="The limit of a control group, less what its processes use that is not page cache. At the limit the "
    "kernel kills within the group, whatever memory is free elsewhere.",
)
DAEMONS = Kind(
    id="daemon.conflict",
    severity="warning",
    expected="one daemon that kills before the kernel does, or none",
    message="several daemons kill when memory runs low, each by rules of its own",
    remedy="leave one of them",
    about="earlyoom, systemd-oomd and their like act before the kernel and do not heed each other. Scores decide "
    "for some of them only: systemd-oomd chooses control groups by pressure and swap, and knows "
    "ManagedOOMPreference= instead.",
)
LOW_MEMORY = Kind(
    id="memory.low_zone",
    severity="warning",
    expected="at least {low_memory_pct} % of low memory free",
    message="low memory runs out, which the kernel itself has to live from",
    remedy="use a 64-bit kernel, or less that needs the kernel: open files, network buffers, processes",
    about="On 32-bit kernels with high memory, the kernel's own data has to be in the low part. It can run out, "
    "with an OOM kill, while most of the memory is free.",
)
OVERRIDDEN = Kind(
    id="sysctl.overridden",
    severity="warning",
    expected="that the declared value is the one that is set at boot",
    message="another file sets the sysctl after ours",
    remedy="remove the line named, or declare on_conflict: override",
    about="The running value may be right: at the next boot the other file wins.",
)
_GROWTH = "no growth of {leak_min_growth_pct} % and {leak_min_growth_mib} MiB that goes on from period to period"
LEAK = Kind(
    id="leak.suspected",
    severity="warning",
    expected=_GROWTH,
    message="the memory of a service grows without end",
    remedy="profile it; restart it, or give it a limit (MemoryMax=), until it is mended",
    about="Anonymous memory and swap of the service, as audits and the sampler (role `oom_monitor`) saw them. The rate "
    "is a robust slope (Theil-Sen) and the confidence that of a trend test (Mann-Kendall), within each life of the "
    "main process: restarts are never bridged. Once a life covers three periods (`leak_period_minutes`, a day) only "
    "moments that are whole periods apart are compared, so that load which comes back every day is no leak; the least "
    "of each part of a period counts, so that a heap which is tidied up is none either, and what has levelled off is "
    "none. Before that it is a finding where three or more short lives each grew, or where growth would use up what is "
    "left within `leak_urgent_minutes`; the latter also of the last period of a life that is older, if it was never "
    "that large before. Nothing is judged by fewer than `leak_min_samples` samples or in less than "
    "`leak_min_minutes`.",
)
LEAK_PROTECTED = Kind(
    id="leak.protected_service",
    severity="critical",
    expected=_GROWTH,
    message="a protected service grows without end: protection only delays this",
    remedy="profile it; a score moves the kill to others first, and cures nothing",
    about="As `leak.suspected`, of a service that is declared with a negative score. Everything else on the host is "
    "killed before it, and it in the end.",
)
LEAK_PERSISTS = Kind(
    id="leak.persists",
    severity="warning",
    expected="no leak after the upgrade",
    message="a package was upgraded, and the service still leaks",
    remedy="profile it again: the leak is elsewhere, or the new version has it too",
    about="The service leaked before a package that it needs was upgraded (its own, or one that an upgrade of what "
    "leaks has recorded), and its processes that were started since leak as well.",
)
LEAK_CURED = Kind(
    id="leak.cured",
    severity="info",
    expected="no leak after the upgrade",
    message="a package was upgraded, and the service leaks no more",
    remedy="nothing; upgrade the others that run the old version",
    about="The service leaked before the upgrade. Its processes that were started since have been looked at for long "
    "enough that the same leak would have been seen. Told as long as the history knows the time before.",
)
LEAK_PACKAGE = Kind(
    id="leak.package_version",
    severity="warning",
    expected="the same version of a package leaking on fewer than {leak_package_hosts} hosts",
    message="the same version of a package leaks on many hosts",
    remedy="profile it on one of them, and upgrade the package everywhere once there is a version that does not leak",
    about="One finding of the whole fleet, in `index.html`, `fleet.json` and `findings.csv` (without a host): as many "
    "hosts as `leak_package_hosts` have `leak.suspected` or `leak.protected_service` of the same unit, whose program "
    "comes from the same version of the same package.",
)
# One for each verdict about a declared service; the id ends with the verdict.
SCORE = Kind(
    id="score.VERDICT",
    severity="warning",
    expected="the declared values in every layer",
    message="the declared score does not hold for every process of the service",
    remedy="run the playbook lifeboat.oom.site; where it is overridden, remove the culprit's line",
    about="VERDICT is `missing`, `differs`, `overridden`, `needs_reload`, `needs_restart`, `self_adjusted` (info: a"
    " process was started with the declared score and then set another one itself, which is usually right; it is left"
    " alone and is no drift), `not_permitted`, `masked`, `not_found` or `unsupported`. The observed"
    " text names the layer's culprit: a file, or a process.",
)
CATALOGUE = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
