#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab replay: the fidelity block, other settings, JSON, and input that cannot be replayed.

load helpers/common

setup() {
  fork=$KMEMLAB_DATA/traces/fork
}

# copy_bundle: a copy of the recording that a test may damage, in $bundle.
copy_bundle() {
  bundle=$BATS_TEST_TMPDIR/bundle
  cp -r "$fork" "$bundle"
  chmod -R u+w "$bundle"
}

@test "the bundled trace is followed closely" {
  run kmemlab replay "$fork"
  assert_exit 0
  assert_matches '^trace +ftrace, 2 CPUs, 292 547 events in 1.06 s .*quality A: 0 lost'
  assert_matches '^kernel +refilled 19 429 pages +drained 20 242 pages$'
  assert_matches '^kmemlab +refilled 19 744 \(\+1.6 %\) +drained 20 963 \(\+3.6 %\)$'
  assert_matches 'matrix identical$'
  assert_matches 'FIDELITY 0\.92$'
  ! grep -qE '.{101}' <<<"$output" || fail "a line is longer than 100 columns"
}

@test "repeats of a deterministic replay count the same, with any seed" {
  run kmemlab replay "$fork" --repeat 3 --seed 7
  assert_exit 0
  assert_has "slowest of 3"
  assert_has "FIDELITY 0.92"
}

@test "another setting is compared with the recorded one by exact counts" {
  run kmemlab replay "$fork" --pcp fixed --pcp-batch 31 --pcp-high 186
  assert_exit 0
  assert_matches 'lists fixed batch 31 high 186,'
  assert_matches '^  zone lock acquisitions +580 +[1-9] [0-9]{3} +\+[0-9.]+ %$'
  assert_matches '^  stranded pages, mean '
  refute_has "FIDELITY"
}

@test "the recorded kernel's policy by name is the recorded setting" {
  run kmemlab replay "$fork" --pcp linux-6.18
  assert_exit 0
  assert_has "FIDELITY 0.92"
}

@test "a concurrent replay ends and reports the lock" {
  run kmemlab replay "$fork" --mode concurrent --lock fas --pcp none
  assert_exit 0
  assert_matches '^lock +zone->lock\[Normal\]: [0-9 ]+ acquisitions, [0-9 ]+ contended'
}

@test "--json and --out give the same result document, which report reads" {
  kmemlab replay "$fork" --json --out "$BATS_TEST_TMPDIR/r.json" >"$BATS_TEST_TMPDIR/o.json"
  cmp "$BATS_TEST_TMPDIR/r.json" "$BATS_TEST_TMPDIR/o.json"
  run python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
e = r["replay"]["exact"]
print(r["schema"], r["replay"]["schema"], e["refilled"], e["drained"], e["failed"])
' "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  [ "$output" = "kmemlab-result/1 kmemlab-replay/1 19744 20963 0" ] || fail "other values"
  run kmemlab report "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  assert_has "zone->lock[Normal]"
}

@test "wrong options are one line and exit 2" {
  run kmemlab replay
  assert_usage_error "which trace?"
  run kmemlab replay "$fork" --pcp fixd
  assert_usage_error "did you mean 'fixed'?"
  run kmemlab replay "$fork" --pcp-high-fraction 3
  assert_usage_error "give 0 or at least 8"
  run kmemlab replay "$fork" --pcp-batch 63 --pcp-high 31
  assert_usage_error "--pcp-high: 31 is less than --pcp-batch 63"
  run kmemlab replay "$fork" --pcp-batch 0
  assert_usage_error "--pcp-batch: '0' is not a number from 1 to 16384"
  run kmemlab replay "$fork" --mode both
  assert_usage_error "unknown mode 'both'"
  run kmemlab replay "$fork" --lock none
  assert_usage_error "--lock: 'none' is unknown"
  run kmemlab replay "$fork" "$fork"
  assert_usage_error "one bundle at a time"
  run kmemlab replay "$fork" --out "$BATS_TEST_TMPDIR/no/such/folder"
  assert_exit 2
  assert_has "--out: "
}

@test "a missing trace or start state is named" {
  run kmemlab replay "$BATS_TEST_TMPDIR/none"
  assert_usage_error "none"
  copy_bundle
  rm "$bundle/zoneinfo.before"
  run kmemlab replay "$bundle"
  assert_usage_error "zoneinfo.before is missing"
}

@test "an empty, cut, damaged or foreign trace is refused" {
  copy_bundle
  : >"$bundle/trace.txt.xz"
  run kmemlab replay "$bundle"
  assert_usage_error "trace.txt.xz"
  head -c 100000 "$fork/trace.txt.xz" >"$bundle/trace.txt.xz"
  run kmemlab replay "$bundle"
  assert_usage_error "trace.txt.xz"
  head -c 2000 /bin/sh >"$bundle/trace.txt.xz"
  run kmemlab replay "$bundle"
  assert_usage_error "trace.txt.xz"
  rm "$bundle/trace.txt.xz"
  printf 'hello\nworld\n' >"$bundle/trace.txt"
  run kmemlab replay "$bundle"
  assert_usage_error "trace.txt"
}

@test "state files of another machine are refused" {
  copy_bundle
  sed -i '/zone   Normal/,$ s/^\( *spanned *\)[0-9]*/\11/' "$bundle/zoneinfo.before"
  run kmemlab replay "$bundle"
  assert_usage_error "is in no zone of zoneinfo"
}
