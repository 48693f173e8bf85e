#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The stress binaries of virtual memory: options, output, exit status.

load helpers/common

short=(--cpus 2 --ops 2000 --mem 64M)

# json FILE EXPRESSION: d is the document, w the exact part of the workload.
json() {
  python3 -c "import json, sys
d = json.load(open(sys.argv[1]))
w = d['exact']['workload']
print($2)" "$1"
}

@test "stress-vmalloc: a clean run says what was made, checked and purged" {
  run stress vmalloc "${short[@]}" --seed 42
  assert_exit 0
  [ "${lines[0]}" = "stress-vmalloc: seed 42" ]
  assert_matches '^areas +[1-9][0-9 ]* vmalloc, [1-9][0-9 ]* vzalloc, [1-9][0-9 ]* vmap, '
  assert_matches '^ +[1-9][0-9 ]* checked, [0-9 ]+ looks at the board, [0-9 ]+ changes of owner$'
  assert_matches '^purges +[1-9]'
  assert_has "vmap_area_lock"
  refute_has REPRO
}

@test "stress-vmalloc: one CPU repeats its counters exactly" {
  for i in 1 2; do
    run stress vmalloc --cpus 1 --ops 3000 --mem 64M --seed 7 --quiet \
      --out "$BATS_TEST_TMPDIR/$i.json"
    assert_exit 0
  done
  [ "$(json "$BATS_TEST_TMPDIR/1.json" 'd["exact"]')" = \
    "$(json "$BATS_TEST_TMPDIR/2.json" 'd["exact"]')" ]
  [ "$(json "$BATS_TEST_TMPDIR/1.json" 'w["kmaps"] > 50 and w["stacks"] > 10')" = True ]
}

@test "options that a workload has no use for are refused" {
  run stress pages --mode fast
  assert_usage_error "--mode: stress-pages has no use for it; leave it out"
  run stress vmalloc --tasks 3
  assert_usage_error "--tasks: stress-vmalloc has no use for it; leave it out"
  run stress slab --pages 64
  assert_usage_error "--pages: stress-slab has no use for it; leave it out"
  run stress pages --vma-locks off
  assert_usage_error "--vma-locks: stress-pages has no use for it; leave it out"
  run stress pages --vma-locks maybe
  assert_usage_error '--vma-locks: "maybe" is unknown; choose on or off'
  run stress pages --tasks 5000
  assert_usage_error "--tasks: 5000 is out of range; give 1..4096"
}
