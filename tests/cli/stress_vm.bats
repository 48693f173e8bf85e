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
