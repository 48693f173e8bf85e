#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab diff: what it compares, what it refuses, and its exit status.

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

@test "the same file twice: no change, exit 0" {
  sample=$KMEMLAB_DATA/report/sample.json
  run kmemlab diff "$sample" "$sample"
  assert_exit 0
  assert_has "same: workload alloc-storm, 2 CPUs, build release, 1+1 runs, seed 0x3f2a"
  assert_has "verdict: no change; 3 locks compared, 0 changed"
}

@test "ten runs of the same setting: no change" {
  run kmemlab diff old="$SETS/old*.json" new="$SETS/same*.json"
  assert_exit 0
  assert_has "10+10 runs, seeds 1 .. 10"
  assert_has "none of"
  assert_has "verdict: no change"
  refute_has "WORSE"
}

@test "a slower lock: worse, exit 1, with shift, interval, corrected p and the site" {
  run kmemlab diff old="$SETS/old*.json" new="$SETS/slow*.json"
  assert_exit 1
  local row='^  zone->lock\[Normal\] wait, ms/CPU-s +54.57 ±1% +81.85 ±1%'
  row+=' +\+27.3 \[\+26.7,\+27.9\] +[0-9.e-]+  WORSE$'
  assert_matches "$row"
  assert_has "drain page_alloc.c:498 -> refill :412: 92 % of the change"
  assert_matches '^  ops_per_second .* WORSE$'
  assert_matches '^verdict: worse: zone->lock\[Normal\] wait \+50 %; 3 locks compared, 1 changed$'
  [ "$(wc -L <<<"$output")" -le 100 ]
}

@test "the other way round: better, exit 0" {
  run kmemlab diff "$SETS/slow*.json" "$SETS/old*.json"
  assert_exit 0
  assert_has "verdict: better: zone->lock[Normal] wait -33 %"
}

@test "lists of files and files with several runs are sets too" {
  run kmemlab diff "$SETS/old1.json,$SETS/old2.json" "$SETS/old[34].json"
  assert_exit 0
  assert_has "2+2 runs"
  printf '{"schema": "kmemlab-results/1", "runs": [%s, %s]}' "$(cat "$SETS/old1.json")" \
    "$(cat "$SETS/old2.json")" >"$BATS_TEST_TMPDIR/both.json"
  run kmemlab diff both="$BATS_TEST_TMPDIR/both.json" "$SETS/old[34].json"
  assert_exit 0
  assert_has "2+2 runs"
}

@test "three runs are said to be too few" {
  run kmemlab diff "$SETS/old[123].json" "$SETS/slow[123].json"
  assert_exit 0
  assert_has "note: 3+3 runs: the smallest p possible is 0.100"
}

@test "an exact counter counts from the first operation on" {
  variant "$BATS_TEST_TMPDIR/a.json" 'r["header"]["cpus"] = 1' \
    'r["header"]["settings"] = {"ops": 1000}' 'r["ops"] = {"total": 1000}' \
    'r["exact"] = {"vm_events": {"pcp_refill": 50}}'
  sed 's/"pcp_refill": 50/"pcp_refill": 51/' "$BATS_TEST_TMPDIR/a.json" >"$BATS_TEST_TMPDIR/b.json"
  run kmemlab diff "$BATS_TEST_TMPDIR/a.json" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 1
  assert_matches 'vm_events.pcp_refill +50 +51 +\+2.0 %  WORSE$'
}

@test "what cannot be compared is refused with exit 3" {
  sample=$KMEMLAB_DATA/report/sample.json
  variant "$BATS_TEST_TMPDIR/b.json" 'r["header"]["build"] = "tsan"'
  run kmemlab diff "$sample" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 3
  assert_has "not comparable: build: release against tsan"
  refute_has "verdict"
  variant "$BATS_TEST_TMPDIR/b.json" 'r["header"]["workload"] = "other"' 'r["header"]["cpus"] = 8'
  run kmemlab diff "$sample" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 3
  assert_has "workload: alloc-storm against other"
  assert_has "CPUs: 2 against 8"
  run kmemlab diff --json "$sample" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 3
  assert_has '"outcome": "not comparable"'
}

@test "--json has every metric, --md the changes" {
  kmemlab diff --json --md "$BATS_TEST_TMPDIR/out.md" "$SETS/old*.json" "$SETS/slow*.json" \
    >"$BATS_TEST_TMPDIR/out.json" || [ $? -eq 1 ]
  python3 - "$BATS_TEST_TMPDIR/out.json" <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == "kmemlab-diff/1" and d["outcome"] == "worse"
assert len(d["a"]["runs"]) == 10 and d["tests"] > 0
wait = [m for m in d["metrics"] if m["metric"] == "zone->lock[Normal] wait"]
assert len(wait) == 1 and wait[0]["change"] == "worse" and wait[0]["p_holm"] < 0.01
assert wait[0]["shift_interval"][0] < wait[0]["shift"] < wait[0]["shift_interval"][1]
PYTHON
  grep -q '^| zone->lock\[Normal\] wait | sampled | 54.57 | 81.85 |' "$BATS_TEST_TMPDIR/out.md"
}

@test "wrong usage is one line, exit 2" {
  run kmemlab diff "$SETS/old1.json"
  assert_usage_error "name two sets"
  run kmemlab diff "$SETS/old1.json" "$SETS/old2.json" "$SETS/old3.json"
  assert_usage_error "quote a pattern"
  run kmemlab diff "$SETS/none*.json" "$SETS/old2.json"
  assert_usage_error "No such file"
  run kmemlab diff --min-efect 3 "$SETS/old1.json" "$SETS/old2.json"
  assert_usage_error "did you mean '--min-effect'?"
  run kmemlab diff --level 2 "$SETS/old1.json" "$SETS/old2.json"
  assert_usage_error "--level: '2' is not a number"
  echo '{"schema": "kmemlab-results/1", "runs": []}' >"$BATS_TEST_TMPDIR/empty.json"
  run kmemlab diff "$BATS_TEST_TMPDIR/empty.json" "$SETS/old1.json"
  assert_usage_error "no runs"
}
