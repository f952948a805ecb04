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
# begin a line with it: lines of files begin with their path, all others with a blank.
#
# To start a program is slow on a small device, so that files are read many at a time.
LC_ALL=C
SYSTEMD_COLORS=0
SYSTEMD_PAGER=
export LC_ALL SYSTEMD_COLORS SYSTEMD_PAGER
# All lists are lines: names may hold blanks, and one with a line break is counted and passed over.
IFS='
'

odd_name() {
  case $1 in *"$IFS"*) echo '@odd' ;; *) return 1 ;; esac
}

# Not by echo: that of dash makes other characters of a backslash in a name.
mark() {
  printf '@%s %s\n' "$1" "$2"
}

there() {
  if [ -e "$ROOT$1" ] || [ -h "$ROOT$1" ]; then mark there "$1"; fi
}

link() {
  [ -h "$ROOT$1" ] || return 0
  mark link "$1"
  readlink -f "$ROOT$1" 2> /dev/null | sed 's/^/ /'
}

# Whether it is a file. Anything else is never opened: a pipe would be waited for, a device has no end.
is_file() {
  [ ! -f "$ROOT$1" ] || return 0
  kind=
  if [ -p "$ROOT$1" ]; then kind='a pipe'; fi
  if [ -S "$ROOT$1" ]; then kind='a socket'; fi
  if [ -b "$ROOT$1" ] || [ -c "$ROOT$1" ]; then kind='a device'; fi
  # What leads to /dev/null is masked.
  [ "$kind" != 'a device' ] || [ "$(readlink -f "$ROOT$1")" != /dev/null ] || kind=
  [ -z "$kind" ] || printf '@refused %s\n %s\n' "$1" "$kind"
  return 1
}

# What a command complained of, if it did.
said() {
  [ -z "$1" ] || printf '@said\n%s\n' "$1" | sed '2,$s/^/ /'
}

# What vanishes meanwhile is complained of, and left out.
read_files() {
  printf '@%s\n' "$1"
  shift
  said "$({ grep -a '' /dev/null "$@" >&3; } 2>&1)"
}

# Files of the kernel, which all end with a line break.
kernel_files() {
  set --
  for path in $KERNEL_FILES $SYSCTL_KEYS; do
    there "$path"
    [ ! -e "$ROOT$path" ] || set -- "$@" "$ROOT$path"
  done
  for name in $ZRAM_FILES; do set -- "$@" "$ROOT"/sys/block/zram*/"$name"; done
  read_files kernel "$@"
}

# Of the command line of the kernel the sysctls, and where they end.
kernel_words() {
  [ -e "$ROOT$CMDLINE" ] || return 0
  mark cmdline "$CMDLINE"
  grep -a -o -E '([^[:blank:]"]|"[^"]*("|$))+' "$ROOT$CMDLINE" | grep -a -E "$CMDLINE_WORD" | sed 's/^/ /'
}

# Other files: wc tells whether the last line of one is whole.
want() {
  if [ -e "$ROOT$1" ] || [ -h "$ROOT$1" ]; then
    odd_name "$1" && return
    link "$1"
    is_file "$1" || return 0
    # The file of two units is one.
    case $wanted$IFS in *"$IFS$ROOT$1$IFS"*) ;; *) wanted=$wanted$IFS$ROOT$1 ;; esac
  fi
}

# Which of these are too large to be read: by the fifth column of ls: mode, links, owner, group, size, date, path. Without
# an argument it would list this folder.
too_large() {
  # shellcheck disable=SC2012 # find(1) of BusyBox need not know sizes; no name here has a line break
  ls -Lnd "$@" 2> /dev/null |
    sed -n "s/^[^ ]* *[0-9]* *[0-9]* *[0-9]* *[0-9]\\{$TOO_LARGE_DIGITS,\\} [^/]*\\//\\//p"
}

# With every byte, or by a pattern for grep -o what is not to be hidden, behind the number of its line.
wanted_files() {
  pattern=$1
  set -f
  # shellcheck disable=SC2086 # the lines are meant
  set -- $wanted
  wanted=
  [ $# -gt 0 ] || { set +f && return 0; }
  large=$(too_large "$@")
  if [ -n "$large" ]; then
    all="$*"
    set --
    for path in $all; do
      case $IFS$large$IFS in
        *"$IFS$path$IFS"*) printf '@too_large %s\n' "${path#"$ROOT"}" ;;
        *) set -- "$@" "$path" ;;
      esac
    done
  fi
  set +f
  [ $# -gt 0 ] || return 0
  echo '@wanted'
  printf ' %s\n' "$@"
  if [ -z "$pattern" ]; then
    read_files files "$@"
  else
    echo '@lines'
    said "$({ grep -a -n -o -E -e "$pattern" /dev/null "$@" >&3; } 2>&1)"
  fi
  echo '@whole'
  wc -l /dev/null "$@" 2> /dev/null | sed 's/^/ /'
}

# The names in a folder that match a pattern.
folder() {
  [ -d "$ROOT$1" ] || return 0
  if [ ! -r "$ROOT$1" ]; then
    mark denied "$1"
    return 0
  fi
  mark folder "$1"
  for each in "$ROOT$1"/$2; do
    [ -e "$each" ] || [ -h "$each" ] || continue
    case $each in *"$IFS"*) ;; *) printf ' %s\n' "${each##*/}" ;; esac
  done
}

# The same, and the files.
files_in() {
  odd_name "$1" && return
  folder "$1" "$2"
  for each in "$ROOT$1"/$2; do want "${each#"$ROOT"}"; done
}

# A command, by the name that the controller has for it: what it printed, how it ended, what it complained of.
run() {
  key=$1
  shift
  command -v "$1" > /dev/null 2>&1 || return 0
  printf '@run %s\n' "$key"
  said "$({ { "$@"; printf '\nrc=%s\n' "$?"; } | whole "${kept:-^}" "${from:-^}" >&3; } 2>&1)"
}

# Lines of both patterns as they are, with those that go on with them; of others what stands in front of the message:
# when, and who says it.
whole() {
  sed -n -r -e ': line' -e 't fresh' -e ': fresh' -e "/$2/!b hide" -e "/$1/b kept" -e ': hide' \
    -e 's/^(\[ *[0-9]+\.[0-9]+\] ).*/\1/' -e 't shown' \
    -e 's/^([^:]{0,20}:[0-9]{2}:[0-9]{2}[^ ]{0,20}( [^ :]{1,64}){1,4}: ).*/\1/' -e 't shown' \
    -e 's/.*kernel.*/kernel/' -e 't shown' -e 's/^(.{4}).*/\1/' -e ': shown' -e 's/^/ /p' -e d \
    -e ': kept' -e 's/^/ /p' -e n -e '/^[[:blank:]]{4}/b kept' -e 'b line'
}

# A log is by far the largest thing here: one that does not speak of what is looked for is not sent. And it may say
# anything, so that no other lines are shown.
run_log() {
  key=$1
  shift
  command -v "$1" > /dev/null 2>&1 || return 0
  kept="^rc=[0-9]+$|$LOG_LINES"
  # All programs write there.
  case $1 in logread | tail) from='kernel|^rc=' ;; esac
  if "$@" 2> /dev/null | grep -a -q -i -E "$LOG_WORDS"; then
    run "$key" "$@"
  else
    run "$key" last_line "$@"
  fi
  kept=
  from=
}

# The end of a file, if it is there, by a command that takes its path last.
log_file() {
  path=$1
  shift
  there "$path"
  is_file "$path" || return 0
  run_log "$@" "$ROOT$path"
}

last_line() {
  log=$("$@") || return
  printf '%s\n' "$log" | tail -n 1
}

is_root() {
  grep -q '^Uid:[[:blank:]]*[0-9]*[[:blank:]][[:blank:]]*0[[:blank:]]' /proc/self/status
}

# By opening it: for root, test -w says yes even where /proc/sys is read-only. What is not there is not made.
read_only() {
  [ ! -e "$ROOT$1" ] || { true >> "$ROOT$1"; } 2> /dev/null || mark read_only "$1"
}

processes() {
  echo '@folder /proc'
  for each in "$ROOT"/proc/[0-9]*; do echo " ${each##*/}"; done
  for name in stat status cgroup oom_score oom_score_adj; do
    read_files kernel "$ROOT"/proc/[0-9]*/"$name"
  done
  # The paths are the kernel's own, without blanks.
  largest=$(for size in VmRSS VmSwap; do
    grep -a "^$size:" /dev/null "$ROOT"/proc/[0-9]*/status 2> /dev/null | sort -k 2,2nr | head -n "$SHARES"
  done | sed 's/status:.*/smaps_rollup/' | sort -u)
  set --
  for path in $largest; do [ ! -e "$path" ] || set -- "$@" "$path"; done
  [ $# = 0 ] || read_files kernel "$@"
  grep -a -l -x -E "$DAEMONS" /dev/null "$ROOT"/proc/[0-9]*/comm 2> /dev/null | while IFS= read -r path; do
    path=${path#"$ROOT"}
    mark argv "${path%comm}cmdline"
    tr '\000\n' '\n\001' < "$ROOT${path%comm}cmdline" 2> /dev/null |
      sed -e '/^-\{0,1\}[A-Za-z]\{0,1\}[0-9,.%]\{0,12\}$/b shown' \
        -e '/^--[A-Za-z-]*=\{0,1\}[0-9,.%]\{0,12\}$/b shown' -e 's/.*/.../' -e ': shown' -e 's/^/ /'
    echo
  done
  # Once more: a pid that has gone to another process meanwhile is told by its start time.
  echo '@again'
  grep -a '' /dev/null "$ROOT"/proc/[0-9]*/stat 2> /dev/null
}

cgroups() {
  folder /sys/fs/cgroup '*'
  there /sys/fs/cgroup/unified/cgroup.controllers
  base=/sys/fs/cgroup
  if [ -e "$ROOT$base/memory/memory.usage_in_bytes" ]; then
    base=$base/memory
  elif grep -q -w memory "$ROOT$base/unified/cgroup.controllers" 2> /dev/null; then
    base=$base/unified
  fi
  there "$base/memory.usage_in_bytes"
  echo '@kernel'
  # A BusyBox without "+", as that of OpenWrt, refuses it.
  if find /dev/null -exec true '{}' + 2> /dev/null; then end=+; else end=';'; fi
  # shellcheck disable=SC2067,SC2086 # it ends with one of both; a list of words is meant
  find "$ROOT$base" '(' $CGROUP_FILES ')' -exec grep -a '' /dev/null '{}' "$end" 2> /dev/null
}

# Who reads the files at boot, and the files.
sysctls() {
  for path in $SYSCTL_PROGRAMS; do
    there "$path"
    link "$path"
    [ -d "$ROOT/run/systemd/system" ] || run "$path --version" "$ROOT$path" --version
  done
  for path in $SYSCTL_FOLDERS; do files_in "$path" '*.conf'; done
  for path in $SYSCTL_FILES "$OWN_SYSCTL_FILE"; do want "$path"; done
  if is_root; then
    for path in $SYSCTL_KEYS; do read_only "$path"; done
  fi
}

services() {
  there /run/systemd/system
  [ -d "$ROOT/run/systemd/system" ] || return 0
  link /lib
  if [ -h "$ROOT$USER_NAMESPACE" ]; then
    mark link "$USER_NAMESPACE"
    readlink "$ROOT$USER_NAMESPACE" | sed 's/^/ /'
  fi
  for base in $UNIT_FOLDERS; do
    folder "$base" '*.d'
    for dropins in "$ROOT$base"/*.d; do
      if [ -d "$dropins" ]; then files_in "${dropins#"$ROOT"}" '*.conf'; fi
    done
    for path in $TEMPLATES; do
      there "$base/$path"
      link "$base/$path"
    done
  done
  with_left_over "$@"
  written
}

# When each drop-in of ours was written, by the clock, and what the clock and the uptime are.
written() {
  set --
  for each in "$ROOT"/etc/systemd/system/*.d/"$DROPIN"; do
    case $each in *"$IFS"*) ;; *) [ ! -f "$each" ] || set -- "$@" "$each" ;; esac
  done
  [ $# -gt 0 ] && command -v stat > /dev/null 2>&1 || return 0
  read -r uptime 2> /dev/null < "$ROOT/proc/uptime" || return 0
  printf '@written %s %s\n' "$(date +%s.%N)" "${uptime%% *}"
  stat -c ' %.9Z %n' "$@" 2> /dev/null
}

# Ask about the units that were named, and about those that have a drop-in of ours. systemctl has no answer for a
# template, only for its instances.
with_left_over() {
  for each in "$ROOT"/etc/systemd/system/*.d; do
    [ -f "$each/$DROPIN" ] || continue
    case $each in *"$IFS"*) continue ;; esac
    name=${each##*/}
    name=${name%.d}
    case $name in *\\*) name=$(printf %s "$name" | sed 's/\\/\\\\/g') ;; esac
    case $name in *@.*) name=${name%%@.*}'@*.'${name##*@.} ;; esac
    set -- "$@" "$name"
  done
  # shellcheck disable=SC2086 # a list of words is meant
  run "$SHOW" $SHOW_WORDS '*.service' "$@"
  set -f
  # shellcheck disable=SC2046 # a list of lines is meant
  set -- $(fragments running '*.service'; [ $# = 0 ] || fragments any "$@")
  for path in "$@"; do want "$path"; done
  for path in $(including "$@"); do
    for other in $(included "$path"); do
      want "$other"
      for last in $(included "$other"); do want "$last"; done
    done
  done
  set +f
}

# Those of these unit files that include others. Hardly any does, so all are asked at once.
including() {
  for path in "$@"; do
    shift
    [ ! -f "$ROOT$path" ] || set -- "$@" "$ROOT$path"
  done
  [ $# -gt 0 ] || return 0
  large=$(too_large "$@")
  for path in "$@"; do
    shift
    case $IFS$large$IFS in *"$IFS$path$IFS"*) ;; *) set -- "$@" "$path" ;; esac
  done
  grep -a -l '^[[:blank:]]*[.]include' /dev/null "$@" 2> /dev/null |
    while IFS= read -r path; do printf '%s\n' "${path#"$ROOT"}"; done
}

# The files that a unit file includes, as systemd up to 245 lets it; two levels of them.
included() {
  if [ ! -f "$ROOT$1" ] || [ -n "$(too_large "$ROOT$1")" ]; then return 0; fi
  sed -n 's/^[[:blank:]]*[.]include[[:blank:]]*//p' "$ROOT$1" 2> /dev/null | sed 's/[[:blank:]]*$//' |
    while IFS= read -r path; do
      case $path in /*) printf '%s\n' "$path" ;; *) printf '%s\n' "${1%/*}/$path" ;; esac
    done
}

# The paths of the files of services: of any of them, or of those that run.
fragments() {
  which=$1
  shift
  { systemctl show --no-pager --property=ActiveState,FragmentPath -- "$@" 2> /dev/null; echo; } |
    while IFS= read -r line; do
      case $line in
        ActiveState=*) state=${line#*=} ;;
        FragmentPath=*)
          path=${line#*=}
          # Older systemd escapes each backslash of a name.
          case $path in *\\x5cx*) path=$(printf %s "$path" | sed 's/\\x5c/\\/g') ;; esac
          ;;
        '') case $which:$state in any:* | *:active | *:activating | *:reloading) printf '%s\n' "$path" ;; esac ;;
      esac
    done
}

# The programs of services that run, and the packages that own them.
programs() {
  set --
  for pid in $(systemctl show --no-pager --property=MainPID -- '*.service' 2> /dev/null | sed -n 's/^MainPID=//p'); do
    [ "$pid" = 0 ] || set -- "$@" "$ROOT/proc/$pid/exe"
  done
  [ $# -gt 0 ] || return 0
  set -f
  # One call for all: a line of ls ends with "PATH -> TARGET".
  # shellcheck disable=SC2045 # these names are the kernel's own
  owners "$(for line in $(ls -l "$@" 2> /dev/null); do
    case $line in *' -> /'*) ;; *) continue ;; esac
    path=${line%% -> *}
    path=${path##* }
    target=${line#* -> }
    printf '@link %s\n %s\n' "${path#"$ROOT"}" "$target" >&3
    case $target in *' (deleted)') ;; *) printf '%s\n' "$target" ;; esac
  done | sort -u)"
  set +f
}

# shellcheck disable=SC2046,SC2086 # lists of words are meant
owners() {
  set -- $1
  [ $# -gt 0 ] || return 0
  if ! command -v dpkg-query > /dev/null 2>&1; then
    run "$RPM_OWNERS" $RPM_OWNERS_WORDS "$@"
    # A line for each, or one of them has several packages.
    [ "$($RPM_OWNERS_WORDS "$@" 2>&1 | wc -l)" -eq $# ] && return 0
    for path in "$@"; do run "$RPM_OWNERS_OF_ONE $path" $RPM_OWNERS_OF_ONE_WORDS "$path"; done
    return 0
  fi
  for path in "$@"; do
    case $path in /usr/bin/* | /usr/sbin/* | /usr/lib*) set -- "$@" "${path#/usr}" ;; esac
  done
  found=$($DPKG_OWNERS_WORDS "$@" 2> /dev/null)
  moved=$(printf '%s\n' "$found" | sed -n 's/^.*diversion.* from: //p')
  [ -z "$moved" ] || found="$found
$($DPKG_OWNERS_WORDS $moved 2> /dev/null)"
  run "$DPKG_OWNERS" printf '%s\n' "$found"
  set -- $(printf '%s\n' "$found" | sed -e '/diversion.* to: /d' -e '/^local diversion/d' -e 's/^diversion by //' \
    -e 's/ from: .*//' -e 's/: .*//' | tr ',' ' ')
  set -- $(printf '%s\n' "$@" | sort -u)
  [ $# = 0 ] || run "$DPKG_VERSIONS" $DPKG_VERSIONS_WORDS "$@"
}

# Without getconf, by the size of this shell in pages and in KiB: every kernel tells both, but not every one has smaps.
page_bytes() {
  getconf PAGESIZE 2> /dev/null && return
  pages=$(sed 's/ .*//' "/proc/$$/statm")
  kib=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB.*/\1/p' "/proc/$$/status")
  echo $((${kib:-0} * 1024 / ${pages:-1}))
}

# The names of units follow as arguments.
main() {
  echo '@lifeboat 1'
  echo "@shell $$"
  echo "@page $(page_bytes)"
  echo "@arch $(uname -m)"
  wanted=
  kept=
  from=
  for path in $EXISTING; do there "$path"; done
  folder /sys/block '*'
  kernel_files
  kernel_words
  processes
  cgroups
  for path in $FILES; do want "$path"; done
  wanted_files ''
  for path in $OS_RELEASE; do want "$path"; done
  wanted_files "$OS_RELEASE_LINES"
  sysctls
  wanted_files "$SYSCTL_LINES"
  for path in $OOMD_FILES; do want "$path"; done
  for path in $OOMD_FOLDERS; do files_in "$path" '*.conf'; done
  services "$@"
  wanted_files "$UNIT_LINES"
  [ ! -d "$ROOT/run/systemd/system" ] || programs
  commands
  echo '@end'
}
