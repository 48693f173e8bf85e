#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# /proc/slabinfo, as the tools that read the kernel's read it: slabtop and vmstat.

load helpers/common

# Runs a command that sees our slabinfo in the place of the kernel's.
with_slabinfo() {
  unshare -m sh -c 'mount --bind "$0" /proc/slabinfo && exec "$@"' "$slabinfo" "$@"
}

need() {
  command -v "$1" >/dev/null || skip "$1 is not installed (package procps)"
  with_slabinfo true 2>/dev/null || skip "no private mount namespace: needs root and unshare"
}

setup() {
  slabinfo=$BATS_TEST_TMPDIR/slabinfo
  stress slab --cpus 2 --ops 5000 --mem 32M --quiet --proc slabinfo |
    sed -n '/^slabinfo - version/,$p' >"$slabinfo"
}

# Column $2 of cache $1 in our text.
column() {
  awk -v cache="$1" -v column="$2" '$1 == cache { print $column }' "$slabinfo"
}

@test "every row has the sixteen columns of version 2.1" {
  [ "$(head -1 "$slabinfo")" = "slabinfo - version: 2.1" ]
  [ "$(grep -c '^[^#s]\|^stress' "$slabinfo")" -gt 50 ]
  run awk 'NR > 2 && (NF != 16 || $7 != ":" || $8 != "tunables" || $12 != ":" ||
    $13 != "slabdata" || $2 > $3 || $14 > $15)' "$slabinfo"
  [ "$output" = "" ]
}

@test "slabtop reads it, and its sums are ours" {
  need slabtop
  run with_slabinfo slabtop -o -s a
  assert_exit 0
  assert_matches "^ *Active / Total Objects .*: $(awk 'NR > 2 { a += $2; n += $3 }
    END { print a " / " n }' "$slabinfo") "
  assert_matches "^ *Active / Total Caches .*: [0-9]+ / $(awk 'NR > 2' "$slabinfo" | wc -l) "
  assert_matches "^ *$(column stress-64 3) +$(column stress-64 2) .* stress-64 *\$"
}

@test "vmstat -m reads it" {
  need vmstat
  run with_slabinfo vmstat -m
  assert_exit 0
  assert_matches "^stress-64 +$(column stress-64 2) +$(column stress-64 3) +$(column stress-64 4) \
+$(column stress-64 5)\$"
  assert_matches '^kmalloc-8k '
}
