#!/bin/sh
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Print what the collector reads, for a host without Python. POSIX sh and what BusyBox has; changes nothing and
# leaves nothing behind. The controller puts the assignments of the variables in capitals in front of it, and the
# call of main behind.
#
# A line that begins with "@" is ours and says what follows. Nothing that a file, a name or a command says can
# begin a line with it: the lines of one file or command have a blank put before them, those of many their path.
LC_ALL=C
SYSTEMD_COLORS=0
SYSTEMD_PAGER=
export LC_ALL SYSTEMD_COLORS SYSTEMD_PAGER
newline='
'

# Content of unknown end: the empty line behind it tells that its last line was a whole one.
framed() {
  sed 's/^/ /'
  echo
}

odd_name() {
  case $1 in *"$newline"*) echo '@odd' ;; *) return 1 ;; esac
}

there() {
  if [ -e "$ROOT$1" ] || [ -h "$ROOT$1" ]; then echo "@there $1"; fi
}

link() {
  [ -h "$ROOT$1" ] || return 0
  echo "@link $1"
  readlink -f "$ROOT$1" 2> /dev/null | framed
}

# One file, with every byte of it.
file() {
  odd_name "$1" && return 0
  link "$1"
  [ -f "$ROOT$1" ] || return 0
  if [ -r "$ROOT$1" ]; then
    echo "@file $1"
    sed 's/^/ /' "$ROOT$1" 2> /dev/null
    ended=$?
    echo
    [ "$ended" = 0 ] || echo "@failed $1"
  else
    echo "@denied $1"
  fi
}

# The names in a folder that match a pattern.
folder() {
  [ -d "$ROOT$1" ] || return 0
  if [ ! -r "$ROOT$1" ]; then
    echo "@denied $1"
    return 0
  fi
  echo "@folder $1"
  for each in "$ROOT$1"/$2; do
    [ -e "$each" ] || [ -h "$each" ] || continue
    odd_name "$each" || echo " ${each##*/}"
  done
}

# The same, and the files.
files_in() {
  folder "$1" "$2"
  for each in "$ROOT$1"/$2; do
    file "${each#"$ROOT"}"
  done
}

# Many small files with one process, their names ours or the kernel's; what vanishes meanwhile is left out.
many() {
  echo '@many'
  grep -a '' /dev/null "$@" 2> /dev/null
}

# A command, by the name that the controller has for it: what it printed, how it ended, what it complained of.
run() {
  key=$1
  shift
  command -v "$1" > /dev/null 2>&1 || return 0
  echo "@run $key"
  said=$({ { "$@"; printf '\nrc=%s\n' "$?"; } | sed 's/^/ /' >&3; } 2>&1)
  echo '@said'
  printf %s "$said" | framed
}

# A log is by far the largest thing here: one that does not speak of what is looked for is not sent.
run_log() {
  key=$1
  shift
  command -v "$1" > /dev/null 2>&1 || return 0
  if "$@" 2> /dev/null | grep -a -q -i -E "$LOG_WORDS"; then
    run "$key" "$@"
  else
    run "$key" last_line "$@"
  fi
}

last_line() {
  log=$("$@") || return
  printf '%s\n' "$log" | tail -n 1
}

# By opening it: for root, test -w says yes even where /proc/sys is read-only.
writable() {
  if { true >> "$ROOT$1"; } 2> /dev/null; then echo "@writable $1"; fi
}

processes() {
  echo '@folder /proc'
  for each in "$ROOT"/proc/[0-9]*; do echo " ${each##*/}"; done
  for name in stat status cgroup oom_score oom_score_adj; do
    many "$ROOT"/proc/[0-9]*/"$name"
  done
  # Under hidepid=1 those of others are there and say nothing.
  for each in "$ROOT"/proc/[0-9]*; do
    if [ -d "$each" ] && [ ! -r "$each/status" ]; then echo "@denied ${each#"$ROOT"}/status"; fi
  done
  for size in VmRSS VmSwap; do
    grep -a "^$size:" /dev/null "$ROOT"/proc/[0-9]*/status 2> /dev/null | sort -k 2,2nr | head -n "$SHARES" |
      while IFS= read -r line; do
        path=${line#"$ROOT"}
        file "${path%%/status:*}/smaps_rollup"
      done
  done
  grep -a -l -x -E "$DAEMONS" /dev/null "$ROOT"/proc/[0-9]*/comm 2> /dev/null | while IFS= read -r path; do
    path=${path#"$ROOT"}
    echo "@cmdline ${path%comm}cmdline"
    tr '\000' '\001' < "$ROOT${path%comm}cmdline" 2> /dev/null | framed
  done
  # Once more: a pid that has gone to another process meanwhile is told by its start time.
  echo '@again'
  grep -a '' /dev/null "$ROOT"/proc/[0-9]*/stat 2> /dev/null
}

cgroups() {
  folder /sys/fs/cgroup '*'
  there /sys/fs/cgroup/unified/cgroup.controllers
  file /sys/fs/cgroup/cgroup.controllers
  base=/sys/fs/cgroup
  [ ! -e "$ROOT$base/memory/memory.usage_in_bytes" ] || base=$base/memory
  there "$base/memory.usage_in_bytes"
  echo '@many'
  # shellcheck disable=SC2086 # a list of words is meant
  find "$ROOT$base" '(' $CGROUP_FILES ')' -exec grep -a '' /dev/null '{}' + 2> /dev/null
}

# Who reads the files at boot, and the files.
sysctls() {
  for path in $SYSCTL_PROGRAMS; do
    there "$path"
    link "$path"
    [ -d "$ROOT/run/systemd/system" ] || run "$path --version" "$ROOT$path" --version
  done
  for path in $SYSCTL_FOLDERS; do files_in "$path" '*.conf'; done
  for path in $SYSCTL_FILES "$OWN_SYSCTL_FILE"; do file "$path"; done
  for path in $SYSCTL_KEYS; do
    file "$path"
    writable "$path"
  done
}

services() {
  there /run/systemd/system
  [ -d "$ROOT/run/systemd/system" ] || return 0
  link /lib
  file /proc/self/status
  for base in $UNIT_FOLDERS; do
    folder "$base" '*.d'
    for each in "$ROOT$base"/*.d; do
      if [ -d "$each" ]; then files_in "${each#"$ROOT"}" '*.conf'; fi
    done
    for path in $TEMPLATES; do
      there "$base/$path"
      link "$base/$path"
    done
  done
  with_left_over "$@"
}

# Ask about the units that were named, and about those that have a drop-in of ours. systemctl has no answer for a
# template, only for its instances.
with_left_over() {
  for each in "$ROOT"/etc/systemd/system/*.d; do
    [ -f "$each/$DROPIN" ] || continue
    odd_name "$each" && continue
    name=${each##*/}
    name=${name%.d}
    case $name in *\\*) name=$(printf %s "$name" | sed 's/\\/\\\\/g') ;; esac
    case $name in *@.*) name=${name%%@.*}'@*.'${name##*@.} ;; esac
    set -- "$@" "$name"
  done
  # shellcheck disable=SC2086 # a list of words is meant
  run "$SHOW" $SHOW '*.service' "$@"
  fragments running '*.service'
  [ $# = 0 ] || fragments any "$@"
}

# The unit files of services: any of them, or those that run.
fragments() {
  which=$1
  shift
  { systemctl show --no-pager --property=ActiveState,FragmentPath -- "$@" 2> /dev/null; echo; } |
    while IFS= read -r line; do
      case $line in
        ActiveState=*) state=${line#*=} ;;
        FragmentPath=*) path=${line#*=} ;;
        '') case $which:$state in any:* | *:active | *:activating | *:reloading) file "$path" ;; esac ;;
      esac
    done
}

page_bytes() {
  getconf PAGESIZE 2> /dev/null && return
  kib=$(sed -n 's/^KernelPageSize: *\([0-9]*\) kB.*/\1/p' /proc/self/smaps | head -n 1)
  echo $((kib * 1024))
}

# The names of units follow as arguments.
main() {
  echo '@lifeboat 1'
  echo "@shell $$"
  echo "@page $(page_bytes)"
  echo "@arch $(uname -m)"
  for path in $FILES; do file "$path"; done
  for path in $EXISTING; do there "$path"; done
  for path in $FOLDERS; do files_in "$path" '*.conf'; done
  folder /sys/block '*'
  for name in $ZRAM_FILES; do many "$ROOT"/sys/block/zram*/"$name"; done
  processes
  cgroups
  sysctls
  services "$@"
  commands
  echo '@end'
}
