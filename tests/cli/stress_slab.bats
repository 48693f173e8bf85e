#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# stress-slab, and kmemlab replay of a slab trace: options, output, exit status.

load helpers/common

short=(--cpus 2 --ops 5000 --mem 32M)

setup() {
  cc=$KMEMLAB_DATA/traces/slab-cc
}

json() {
  python3 -c "import json, sys
d = json.load(open(sys.argv[1]))
print($2)" "$1"
}

@test "a clean run prints the seed, a summary of caches and locks, and exits 0" {
  run stress slab "${short[@]}" --seed 42
  assert_exit 0
  [ "${lines[0]}" = "stress-slab: seed 42" ]
  assert_matches '^slab +policy all, changing; .* allocs and .* frees hit$'
  assert_matches '^depots +.* remote frees$'
  assert_matches '^objects +.* live, stranded '
  assert_matches '^device +[1-9]'
  assert_has "node->list_lock[stress-"
  refute_has REPRO
}

@test "--slab fixes the policy of every cache, --slab-debug turns the checks on" {
  for policy in none sheaves; do
    run stress slab "${short[@]}" --slab "$policy" --quiet --out "$BATS_TEST_TMPDIR/r.json"
    assert_exit 0
    [ "$(json "$BATS_TEST_TMPDIR/r.json" \
      '{c["policy"] for c in d["exact"]["workload"]["caches"] if c["name"] > "stress-"}')" = \
      "{'$policy'}" ]
    [ "$(json "$BATS_TEST_TMPDIR/r.json" 'd["exact"]["workload"]["retunes"]')" = 0 ]
  done
  run stress slab "${short[@]}" --slab-debug FZ --quiet
  assert_exit 0
  run stress slab --slab fast
  assert_usage_error '--slab: "fast" is unknown; choose magazines, bonwick'
}

@test "--mode skewed tells the course of the hottest cache; the result has its ends" {
  run stress slab --mode skewed --cpus 2 --seconds 1 --mem 32M --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  assert_matches '^stress-hot-64 by interval, per 1 000 objects$'
  assert_matches '^ +until s +rounds +depot exchanges +waits for its lock$'
  assert_matches '^ +0\.[0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+$'
  [ "$(json "$BATS_TEST_TMPDIR/r.json" \
    'd["sampled"]["workload"]["first_interval"]["rounds"] <= \
     d["sampled"]["workload"]["last_interval"]["rounds"]')" = True ]
  run stress slab --mode skew
  assert_usage_error '--mode: "skew" is unknown; choose one of mixed, skewed, skewed-fixed'
}

@test "one CPU repeats its counters exactly" {
  for i in 1 2; do
    run stress slab --cpus 1 --ops 20000 --mem 32M --seed 7 --quiet \
      --out "$BATS_TEST_TMPDIR/$i.json"
    assert_exit 0
  done
  [ "$(json "$BATS_TEST_TMPDIR/1.json" 'd["exact"]')" = \
    "$(json "$BATS_TEST_TMPDIR/2.json" 'd["exact"]')" ]
}

@test "--proc slabinfo prints the caches" {
  run stress slab "${short[@]}" --quiet --proc slabinfo
  assert_exit 0
  assert_matches '^slabinfo - version: 2.1$'
  assert_matches '^stress-64 '
}

@test "a slab trace is recognised and all policies are compared" {
  run kmemlab replay "$cc"
  assert_exit 0
  assert_matches '^trace +ftrace, 2 CPUs, 35 999 slab events, 0 lost$'
  assert_matches '^objects +.* remote of .* frees'
  for policy in none magazines bonwick sheaves sheaves-32; do
    assert_matches "^$policy +[0-9]"
  done
  ! grep -qE '.{101}' <<<"$output" || fail "a line is longer than 100 columns"
}

@test "one policy and size shows its caches; repeats count the same" {
  run kmemlab replay "$cc" --slab bonwick --mag 31 --repeat 3
  assert_exit 0
  assert_matches '^vm_area_struct +192 +31 '
  refute_has "sheaves"
}

@test "--json and --out give the same document, which report reads" {
  kmemlab replay "$cc" --slab magazines --json --out "$BATS_TEST_TMPDIR/r.json" \
    --lockstat all >"$BATS_TEST_TMPDIR/o.json"
  cmp "$BATS_TEST_TMPDIR/r.json" "$BATS_TEST_TMPDIR/o.json"
  [ "$(json "$BATS_TEST_TMPDIR/r.json" 'd["slab_replay"]["trace"]["slab_events"]')" = 35999 ]
  run kmemlab report "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  assert_has "node->list_lock"
}

@test "wrong options of a slab replay are one line and exit 2" {
  run kmemlab replay "$cc" --slab magazine
  assert_usage_error "did you mean 'magazines'?"
  run kmemlab replay "$cc" --mag 0
  assert_usage_error "--mag: '0' is not a number from 1 to 1023"
  run kmemlab replay "$cc" --mode concurrent
  assert_usage_error "--mode: slab traces are replayed deterministically"
  run kmemlab replay "$KMEMLAB_DATA/traces/fork" --slab none
  assert_usage_error "has no kmalloc or kmem_cache events"
}

@test "sizes of a policy are options, and need the policy" {
  run stress slab --cpus 1 --ops 2000 --slab sheaves --slab-rounds 31 --slab-depot 4 --json
  assert_exit 0
  assert_has '"slab_rounds": 31'
  assert_has '"slab_depot": 4'
  assert_has '"slab_end_bytes":'
  run stress slab --cpus 1 --ops 2000 --slab-rounds 31
  assert_exit 2
  assert_has "add --slab POLICY"
}
