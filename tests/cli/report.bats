#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab report: what it prints from a result file, and how it refuses what is none.

load helpers/common

setup() {
  sample=$KMEMLAB_DATA/report/sample.json
}

@test "report prints header, recorder cost and the table" {
  run kmemlab report "$sample"
  assert_exit 0
  assert_has "kmemlab 0.1.0, build release, alloc-storm, seed 0x3f2a"
  assert_has "2 CPUs, nodes 1 on host cores 2 (not oversubscribed)"
  assert_has "costs 10.8 ns per uncontended lock+unlock"
  assert_matches '^zone->lock\[Normal\] +<0.1 % +1.1 ms +100/1 000 +10 % +100 us +500 ns +60 %$'
  assert_has "why: 92 % of the waiting"
  refute_has $'\033'
}

@test "report obeys CLICOLOR_FORCE, and NO_COLOR more" {
  NO_COLOR= CLICOLOR_FORCE=1 run kmemlab report "$sample"
  assert_has $'\033[1m'
  NO_COLOR=1 CLICOLOR_FORCE=1 run kmemlab report "$sample"
  refute_has $'\033'
}

@test "report reads standard input" {
  run kmemlab report - <"$sample"
  assert_exit 0
  assert_has "zone->lock[Normal]"
}

@test "report --top and --sort choose and order the locks" {
  run kmemlab report --top=1 --sort acquired "$sample"
  assert_exit 0
  assert_matches '^pcp\[cpu0\] '
  assert_has "1 of 3 locks"
  [ "$(grep -c '^mmap_lock ' <<<"$output")" -eq 0 ]
}

@test "report --lock prints one lock's page, by full name or by class" {
  run kmemlab report --lock='zone->lock[Normal]' "$sample"
  assert_exit 0
  assert_has "deepest queue     2 CPUs"
  assert_has "waiter -> holder"
  page=$output
  run kmemlab report --lock='zone->lock' "$sample"
  [ "$output" = "$page" ]
}

@test "report --format lock_stat is the kernel's text" {
  kmemlab report --format lock_stat "$sample" >"$BATS_TEST_TMPDIR/out"
  cmp "$BATS_TEST_TMPDIR/out" "$KMEMLAB_DATA/report/lock_stat.txt"
}

@test "report --json gives back what it read" {
  kmemlab report --json "$sample" >"$BATS_TEST_TMPDIR/out"
  cmp "$BATS_TEST_TMPDIR/out" "$sample"
}

@test "wrong options are one line, exit 2, with the nearest name" {
  run kmemlab report
  assert_usage_error "name a result file"
  run kmemlab report --tpo 3 "$sample"
  assert_usage_error "unknown option '--tpo'; did you mean '--top'?"
  run kmemlab report --top
  assert_usage_error "option '--top' needs a value"
  run kmemlab report --top=0 "$sample"
  assert_usage_error "--top: '0' is not a number from 1"
  run kmemlab report --sort=wiat "$sample"
  assert_usage_error "unknown sort key 'wiat'; did you mean 'wait'?"
  run kmemlab report --format=lockstat "$sample"
  assert_usage_error "did you mean 'lock_stat'?"
  run kmemlab report --json=yes "$sample"
  assert_usage_error "takes no value"
  run kmemlab report -q "$sample"
  assert_usage_error "unknown option '-q'"
  run kmemlab report --json "$sample" "$sample"
  assert_usage_error "--format json takes one run"
  run kmemlab report --lock=zome-\>lock "$sample"
  assert_usage_error "did you mean 'zone->lock[Normal]'?"
}

@test "files that are no results are refused by file, line and column" {
  bad=$BATS_TEST_TMPDIR/bad.json
  run kmemlab report "$BATS_TEST_TMPDIR/none.json"
  assert_usage_error "none.json: No such file or directory"
  run kmemlab report "$BATS_TEST_TMPDIR"
  assert_usage_error "cannot be read; name a result file"
  echo '{"schema": 1e999}' >"$bad"
  run kmemlab report "$bad"
  assert_usage_error "bad.json:1:"
  : >"$bad"
  run kmemlab report "$bad"
  assert_usage_error "bad.json:1:1: "
  head -c 2000 "$sample" >"$bad"
  run kmemlab report "$bad"
  assert_exit 2
  assert_matches 'bad.json:[0-9]+:[0-9]+: .*write it again with'
  printf '{\n "a": 1,\n "b": nonsense\n}\n' >"$bad"
  run kmemlab report "$bad"
  assert_usage_error "bad.json:3:"
  echo '{"traceEvents": []}' >"$bad"
  run kmemlab report "$bad"
  assert_usage_error "not a kmemlab result"
  sed 's,kmemlab-result/1,kmemlab-result/9,' "$sample" >"$bad"
  run kmemlab report "$bad"
  assert_usage_error 'schema "kmemlab-result/9" is not kmemlab-result/1'
  sed 's/"waiter": 1,/"waiter": 77,/' "$sample" >"$bad"
  run kmemlab report "$bad"
  assert_usage_error "locks.pairs[1].waiter: 77 is not below 4"
  head -c 4096 /dev/urandom >"$bad"
  run kmemlab report "$bad"
  assert_exit 2
}
