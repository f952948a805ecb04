# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Sets DRILL off and comes back at once. FOLDER, SECONDS_MOST, SECONDS_KEPT and DRILL stand in front of this.
# What went wrong is one line, and the exit status is 3.
fail() { echo "$1"; exit 3; }
[ "$(id -u)" = 0 ] || fail "only root may; set become: true"
[ -w "${FOLDER%/*}" ] || fail "there is no ${FOLDER%/*} that can be written to"
mkdir "$FOLDER" 2> /dev/null || fail "another drill has not ended here: $FOLDER is there"
printf %s "$DRILL" > "$FOLDER/drill.sh"
set -- /bin/sh "$FOLDER/drill.sh" "$FOLDER" "$SECONDS_MOST" "$SECONDS_KEPT"
if [ -d /run/systemd/system ]; then
  # Beside all slices, so that no limit but that of the machine holds it back.
  systemd-run --quiet --collect --unit="$UNIT" --slice=-.slice -p OOMPolicy=continue -p StandardError=null \
    -p StandardOutput=null -p RuntimeMaxSec="$((SECONDS_MOST + SECONDS_KEPT + 30))" "$@" 2>&1 ||
    { rm -rf "$FOLDER"; exit 3; }
else
  (trap '' HUP; exec "$@") < /dev/null > /dev/null 2>&1 &
fi
