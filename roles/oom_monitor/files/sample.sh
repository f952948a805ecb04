#!/bin/sh
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Add one line for each service to the samples of its memory: uptime in seconds, pid and start (ticks since boot) of its
# main process, RssAnon and VmSwap of all its processes in KiB, unit. POSIX sh and what BusyBox has.
#
# sample.sh MOST_LINES PATTERN...   ROOT and FOLDER are for tests.
LC_ALL=C
export LC_ALL
most=$1
shift
proc=$ROOT/proc
samples=${FOLDER:-/run/lifeboat-oom}/samples
read -r boot_id < "$proc/sys/kernel/random/boot_id" || exit
read -r uptime _ < "$proc/uptime" || exit
header="lifeboat-oom-samples 1 $boot_id"

# Files of processes that end meanwhile are missed, not complained of.
read_all() {
  systemctl show --no-pager --property=Id,MainPID -- "$@"
  echo @
  grep -a -H -e '^0::' -e '^[0-9]*:name=systemd:' "$proc"/[0-9]*/cgroup
  grep -a -H -e '^VmRSS:' -e '^RssAnon:' -e '^VmSwap:' "$proc"/[0-9]*/status
  grep -a -H ') [A-Za-z] [0-9]' "$proc"/[0-9]*/stat
}

# Numbers that are only passed on stay text: an awk may print large ones rounded.
sample() {
  read_all "$@" 2> /dev/null | awk -v uptime="${uptime%%.*}" '
    function pid_of(path) { sub("/[a-z]*$", "", path); sub(".*/", "", path); return path }

    $0 == "@" { processes = 1; next }
    !processes {
      # Older systemd escapes each backslash of a name.
      if (/^Id=/) { id = substr($0, 4); if (id ~ /\\x5cx/) gsub(/\\x5c/, "\\", id) }
      if (/^MainPID=/) main = substr($0, 9)
      # An empty line ends a unit; its properties come in any order.
      if ($0 == "") { if (id != "") wanted[id] = main; id = main = "" }
      next
    }
    {
      colon = index($0, ":")
      path = substr($0, 1, colon - 1)
      text = substr($0, colon + 1)
      pid = pid_of(path)
    }
    path ~ /cgroup$/ {
      if (text ~ /^0::/) unified[pid] = substr(text, 4)
      else { sub("^[0-9]*:name=systemd:", "", text); named[pid] = text }
    }
    path ~ /status$/ {
      split(text, words)
      if (text ~ /^VmRSS:/) rss[pid] = words[2]
      if (text ~ /^RssAnon:/) anon[pid] = words[2]
      if (text ~ /^VmSwap:/) swap[pid] = words[2]
    }
    path ~ /stat$/ {
      # The name may hold anything: what counts stands behind its last bracket.
      sub(".*[)] ", "", text)
      if (split(text, words, " ") >= 20) start[pid] = words[20]
    }
    # The innermost unit of the group that systemd tracks. One of a user or a container, which may have the same name,
    # is named with what it is in, and is none of those that are wanted.
    function unit_of(pid, group, parts, count, at, is_unit, name, unit) {
      group = (pid in named) && (!(pid in unified) || unified[pid] == "/") ? named[pid] : unified[pid]
      count = split(group, parts, "/")
      for (at = 1; at <= count; at++) {
        if (parts[at] == "" || parts[at] ~ /[.]slice$/) continue
        is_unit = parts[at] ~ /[.](service|scope|socket|mount|swap)$/
        if (is_unit) sub("^_", "", parts[at])
        name = name (name == "" ? "" : "/") parts[at]
        if (is_unit) unit = name
      }
      return unit
    }
    END {
      if (id != "") wanted[id] = main
      for (pid in rss) {
        unit = unit_of(pid)
        if (!(unit in wanted) || unit == "lifeboat-oom-sample.service" || !(pid in start)) continue
        kib[unit] += ((pid in anon) ? anon[pid] : rss[pid]) + swap[pid]
        leads = !(unit in leader) || start[pid] + 0 < start[leader[unit]] + 0
        if (!leads && start[pid] + 0 == start[leader[unit]] + 0) leads = pid + 0 < leader[unit] + 0
        if (leads) leader[unit] = pid
      }
      for (unit in kib) {
        pid = (wanted[unit] in rss) && unit_of(wanted[unit]) == unit ? wanted[unit] : leader[unit]
        printf "%s %s %s %.0f %s\n", uptime, pid, start[pid], kib[unit], unit
      }
    }'
}

# Of another boot, or another file: begin anew.
earlier() {
  [ -f "$samples" ] || return 0
  read -r first < "$samples"
  [ "$first" != "$header" ] || tail -n +2 "$samples"
}

# Whoever reads meanwhile has the samples before or those after.
{
  echo "$header"
  { earlier; sample "$@"; } | tail -n "$most"
} > "$samples.new" && mv -f "$samples.new" "$samples"
