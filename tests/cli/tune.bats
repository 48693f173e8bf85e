#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab tune: the report, JSON and HTML, state files and shards, workloads, and bad input.

load helpers/common

setup() {
  fork=$KMEMLAB_DATA/traces/fork
  slab=$KMEMLAB_DATA/traces/slab-cc
  # A grid of a few settings: what is tested here is the command.
  pages=(--policy fixed,linux-6.18 --batch 63 --high 512,1024 --window 1,4 --scale 5
         --fraction 64,256 --quiet)
  sheaves=(--policy sheaves --rounds 31,63 --depot 10 --quiet)
  out=$BATS_TEST_TMPDIR
}

@test "the report of a page trace has every part and fits 100 columns" {
  run kmemlab tune "$fork" "${pages[@]}"
  assert_exit 0
  assert_matches '^tune +.*fork, page trace, 191 798 operations, 2 CPUs$'
  assert_matches '^train +operations 1 to 95 899; held out: 95 900 to 191 798$'
  assert_matches '^counts +exact; worst hold: exact'
  assert_matches '^grid +12 settings, all at full length; [0-9]+ on the Pareto front$'
  assert_matches '^  linux-6.1 +[0-9.]+ +\+0.0 % '
  assert_matches '^  linux-6.18 auto +'
  assert_matches '^   acq/1k \|'
  assert_has "K knee"
  assert_matches '^goals +'
  assert_matches '^half +'
  assert_matches '^held out +acq '
  assert_matches '^over-fit +the cut (loses|gains) '
  assert_has "one step either way changes acq by at most"
  assert_has "vm.percpu_pagelist_high_fraction"
  ! grep -qE '.{101}' <<<"$output" || fail "a line is longer than 100 columns"
}

@test "the report of a slab trace names its baselines and what Linux cannot set" {
  run kmemlab tune "$slab" "${sheaves[@]}" --goal memory
  assert_exit 0
  assert_matches '^train .*; what comes before warms up$'
  assert_matches '^  linux-6.1 equivalent +'
  assert_matches '^  Bonwick +'
  assert_has "sheaf_capacity is read-only"
  ! grep -qE '.{101}' <<<"$output" || fail "a line is longer than 100 columns"
}

@test "the result does not depend on the number of jobs" {
  kmemlab tune "$slab" "${sheaves[@]}" --jobs 1 --json >"$out/1.json"
  kmemlab tune "$slab" "${sheaves[@]}" --jobs 2 --json --out "$out/2.json" >"$out/2.out"
  cmp "$out/1.json" "$out/2.json"
  cmp "$out/1.json" "$out/2.out"
  run python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
rows = {row["row"]: row for row in r["rows"]}
print(r["schema"], r["grid"]["settings"], rows[r["reference"]]["baseline"], len(rows))
' "$out/1.json"
  assert_exit 0
  [ "$output" = "kmemlab-tune/1 9 linux-6.1 equivalent 9" ] || fail "other values"
}

@test "--html is one page with the result and no network" {
  kmemlab tune "$slab" "${sheaves[@]}" --html "$out/t.html" >/dev/null
  grep -q '"schema":"kmemlab-tune/1"' "$out/t.html"
  ! grep -qE '(src|href)=' "$out/t.html" || fail "the page refers to another file"
}

@test "a state file is gone on from, also after a kill in the middle of a line" {
  kmemlab tune "$slab" "${sheaves[@]}" --state "$out/s" --json >"$out/1.json"
  head -c -30 "$out/s" >"$out/torn"
  run kmemlab tune "$slab" "${sheaves[@]}" --state "$out/torn" --json --out "$out/2.json"
  assert_exit 0
  cmp "$out/1.json" "$out/2.json"
  [ "$(sort "$out/s" | md5sum)" = "$(sort "$out/torn" | md5sum)" ] || fail "other results"
}

@test "shards measure a part each and merge to the whole" {
  kmemlab tune "$slab" "${sheaves[@]}" --json >"$out/whole.json"
  for i in 1 2; do
    run kmemlab tune "$slab" "${sheaves[@]}" --shard $i/2 --state "$out/part-$i"
    assert_exit 0
    assert_matches "^shard +$i of 2: [45] of 9 settings are in "
  done
  kmemlab tune "$slab" "${sheaves[@]}" --merge "$out/part-1" --merge "$out/part-2" --json \
    >"$out/merged.json"
  cmp "$out/whole.json" "$out/merged.json"
}

@test "another trace confirms" {
  run kmemlab tune "$fork" "${pages[@]}" --held-out "$fork"
  assert_exit 0
  assert_matches '^train +operations 1 to 191 798; held out: .*fork$'
  # The same trace again: nothing can be over-fitted.
  assert_has "the cut gains 0.0 points"
}

@test "a workload is tuned by its exact counts, confirmed on other seeds" {
  run kmemlab tune pages --policy fixed --batch 31,63 --high 1024 --fraction 64 --runs 2 --quiet \
    -- --cpus 1 --ops 2000
  assert_exit 0
  assert_matches '^tune +stress-pages --cpus 1 --ops 2000, workload, 2 000 operations, 1 CPU$'
  assert_matches '^counts +exact; worst hold: sampled'
  run kmemlab tune slab --what slab --policy sheaves --rounds 31 --depot 10 --runs 1 --quiet \
    -- --cpus 1 --ops 2000
  assert_exit 0
  assert_matches '^  sheaves rounds 31 depot 10 |^  Bonwick +'
}

@test "wrong options are one line and exit 2" {
  run kmemlab tune
  assert_usage_error "which trace or workload?"
  run kmemlab tune "$fork" "$fork"
  assert_usage_error "one trace at a time"
  run kmemlab tune "$fork" --goal fast
  assert_usage_error "unknown goal 'fast'"
  run kmemlab tune "$fork" --max-stranded much
  assert_usage_error "give one like 64MiB"
  run kmemlab tune "$fork" --batch 63,31
  assert_usage_error "--batch: '63,31' is no rising list"
  run kmemlab tune "$fork" --fraction 4
  assert_usage_error "--fraction: '4' is no rising list of numbers from 8"
  run kmemlab tune "$fork" --rounds 63
  assert_usage_error "--rounds: a page trace has no such size"
  run kmemlab tune "$fork" --policy none
  assert_usage_error "--policy: 'none' has no grid here; give some of fixed,linux-6.1"
  run kmemlab tune "$fork" --shard 3/2 --state "$out/s"
  assert_usage_error "--shard: '3' is not a number from 1 to 2"
  run kmemlab tune "$fork" --shard 1
  assert_usage_error "give I/N like 2/8"
  run kmemlab tune "$fork" --shard 1/2
  assert_usage_error "add --state FILE"
  run kmemlab tune "$fork" --shard 1/2 --state "$out/s" --json
  assert_usage_error "merge the state files first"
  run kmemlab tune "$fork" --halving maybe
  assert_usage_error "unknown halving 'maybe'"
  run kmemlab tune "$fork" --jobs 0
  assert_usage_error "--jobs: '0' is not a number from 1"
  run kmemlab tune "$fork" --what slab
  assert_usage_error "leave it out"
  run kmemlab tune "$fork" --out "$out/no/such/folder"
  assert_usage_error "--out: "
}

@test "inputs that cannot be tuned on are named" {
  run kmemlab tune nothing
  assert_usage_error "no trace and no workload 'nothing'"
  run kmemlab tune "$out/none/"
  assert_usage_error "none"
  run kmemlab tune "$fork" --held-out "$slab"
  assert_usage_error "give two of one kind"
  run kmemlab tune "$fork" --held-out "$out/none/"
  assert_usage_error "--held-out: "
  run kmemlab tune pages --held-out "$fork"
  assert_usage_error "confirmed on other seeds"
}

@test "state files of something else are refused" {
  kmemlab tune "$slab" "${sheaves[@]}" --shard 1/9 --state "$out/s" >/dev/null
  run kmemlab tune "$slab" "${sheaves[@]}" --seed 2 --state "$out/s"
  assert_usage_error "belongs to another input"
  run kmemlab tune "$slab" "${sheaves[@]}" --merge "$out/none"
  assert_usage_error "--merge: "
  printf 'hello\n' >"$out/bad"
  run kmemlab tune "$slab" "${sheaves[@]}" --state "$out/bad"
  assert_usage_error "bad:1: is no state file of kmemlab tune"
  [ "$(cat "$out/bad")" = hello ] || fail "the file was changed"
}

@test "a run of a workload that fails ends with exit 1 and says which setting" {
  run kmemlab tune pages --policy fixed --batch 31 --high 1024 --runs 1 --quiet -- --no-such-option
  assert_exit 1
  assert_has "the run ended with status 2"
}
