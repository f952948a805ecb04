# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Grows without end until the kernel ends it, with a heartbeat beside it. $1: a folder of its own; $2: after how many
# seconds it is ended by ourselves; $3: for how many more the folder stays. It goes when somebody removes the folder.
#   shell   the pid of this shell
#   pid     of who grows
#   said    what that complained of
#   beats   uptime at each heartbeat, which starts a program, as a login or a service does
#   ended   uptime and exit status, once it has ended; by ourselves where there is a file "late"
set -u
folder=$1
# The heartbeat shall tell of the device, not die of it. Where this is not allowed it has to take its chances.
echo -1000 > /proc/self/oom_score_adj

echo $$ > "$folder/shell"

(
  # Looking for the end of the first line keeps all that was read; tail is small, and never waits.
  (echo 0 > /proc/self/oom_score_adj; exec tail /dev/zero 2> "$folder/said") &
  echo $! > "$folder/pid"
  wait $!
  status=$?
  read -r up _ < /proc/uptime
  echo "$up $status" > "$folder/ending"
  mv "$folder/ending" "$folder/ended"
) &

end_it() {
  echo late > "$folder/late"
  read -r pid < "$folder/pid"
  read -r comm < "/proc/$pid/comm"
  [ "$comm" != tail ] || kill -KILL "$pid"
}

# At the rate of five a second, or one where sleep takes whole seconds only.
wait_until() {
  while read -r up _ < /proc/uptime && echo "$up" && [ "${up%.*}" -lt "$1" ] && [ -e "$folder" ]; do
    [ -z "$2" ] || [ ! -e "$folder/$2" ] || return 0
    sleep 0.2 || sleep 1
  done
  return 1
}

read -r up _ < /proc/uptime
end=$((${up%.*} + $2))
{
  wait_until "$end" ended || [ ! -e "$folder" ] || { end_it; wait_until $((end + 10)) ended; }
} > "$folder/beats"
wait_until $((${up%.*} + $3)) "" > /dev/null
rm -rf "$folder"
