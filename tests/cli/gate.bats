#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab gate: rules, outcomes, files for CI systems.

load helpers/common
load helpers/results

setup_file() {
  load helpers/common
  load helpers/results
  export SETS=$BATS_FILE_TMPDIR
  result_set "$SETS/old" 1
  result_set "$SETS/same" 1.001
  result_set "$SETS/slow" 1.5
}

@test "without rules it fails when diff says worse" {
  run kmemlab gate --baseline "$SETS/old*.json" "$SETS"/same*.json
  assert_exit 0
  assert_has "gate: 0 of"
  run kmemlab gate --baseline "$SETS/old*.json" "$SETS"/slow*.json
  assert_exit 1
  assert_matches '^FAIL +worse +zone->lock\[Normal\] wait: '
}

@test "rules pass and fail on their own" {
  run kmemlab gate --baseline "$SETS/old*.json" --fail 'zone.acq>+2%' \
    --fail 'wait%>+1pp,p<.01' --fail 'ops/s<-50%' --fail 'zone.wait%>9' "$SETS"/slow*.json
  assert_exit 1
  assert_matches '^pass +zone.acq>\+2% +zone: \+0 % \(exact\)$'
  assert_matches '^FAIL +wait%>\+1pp,p<.01 +all locks: \+2.7[0-9] pp \['
  assert_matches '^pass +ops/s<-50% +ops_per_second: -33.3 %'
  assert_matches '^pass +zone.wait%>9 +zone: 8.1[0-9]+ \(median\)$'
  assert_has "gate: 1 of 4 checks failed"
}

@test "JUnit, annotations, Markdown and JSON say the same" {
  run kmemlab gate --baseline "$SETS/old*.json" --fail 'zone.wait%>+1pp' --annotate=github \
    --junit "$BATS_TEST_TMPDIR/j.xml" --md "$BATS_TEST_TMPDIR/t.md" "$SETS"/slow*.json
  assert_exit 1
  assert_matches '^::error title=kmemlab gate::zone.wait%25>\+1pp: zone \+2.7'
  python3 - "$BATS_TEST_TMPDIR/j.xml" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
assert suite.get("tests") == "1" and suite.get("failures") == "1"
case = suite.find("testcase")
assert case.get("name") == "zone.wait%>+1pp zone" and case.find("failure") is not None
PYTHON
  grep -q '^| FAIL | zone.wait%>+1pp | zone |' "$BATS_TEST_TMPDIR/t.md"
  run kmemlab gate --json --baseline "$SETS/old*.json" --fail 'zone.wait%>+1pp' "$SETS"/slow*.json
  assert_exit 1
  assert_has '"schema": "kmemlab-gate/1"'
  assert_has '"outcome": "fail"'
}

@test "three runs cannot decide: exit 3, never a silent pass" {
  run kmemlab gate --baseline "$SETS/old[123].json" --fail 'zone.hold>+10%' "$SETS"/slow[123].json
  assert_exit 3
  assert_has "too few runs to decide"
}

@test "runs that are not comparable: exit 3" {
  variant "$BATS_TEST_TMPDIR/b.json" 'r["header"]["build"] = "tsan"'
  run kmemlab gate --baseline "$KMEMLAB_DATA/report/sample.json" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 3
  assert_has "not comparable: build"
}

@test "wrong usage is one line, exit 2" {
  run kmemlab gate "$SETS/old1.json"
  assert_usage_error "--baseline=FILES"
  run kmemlab gate --baseline "$SETS/old1.json"
  assert_usage_error "name the runs to check"
  run kmemlab gate --baseline "$SETS/old1.json" --fail 'zone.acq' "$SETS/old2.json"
  assert_usage_error "no METRIC with '>' or '<'"
  run kmemlab gate --baseline "$SETS/old1.json" --fail 'zoen->lock.acq>+2%' "$SETS/old2.json"
  assert_usage_error "did you mean 'zone->lock'?"
  run kmemlab gate --baseline "$SETS/old1.json" --annotate=gitlab "$SETS/old2.json"
  assert_usage_error "unknown kind of annotation"
}
