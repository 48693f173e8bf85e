#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab demo: its three parts, and the trace that it needs.

load helpers/common

@test "the demo shows the hot lock, a real trace under two sizes, and what to try next" {
  run kmemlab demo --seconds 1
  assert_exit 0
  assert_matches '^hot lock  '
  assert_matches 'FIDELITY 0\.92$'
  assert_matches '^  zone lock acquisitions +580 +[1-9] [0-9]{3} +\+'
  assert_matches '^  waiting time, all CPUs '
  [ "$(grep -c '^  kmemlab ' <<<"$output")" -eq 3 ] || fail "expected three commands to try"
}

@test "the demo says where it looked when the trace is missing" {
  KMEMLAB_DATA=$BATS_TEST_TMPDIR run kmemlab demo --seconds 1
  assert_exit 2
  assert_has "$BATS_TEST_TMPDIR/traces/fork: the bundled trace is missing; set KMEMLAB_DATA"
}

@test "the demo takes no arguments" {
  run kmemlab demo now
  assert_usage_error "no arguments"
}
