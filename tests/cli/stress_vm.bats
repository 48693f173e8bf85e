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

@test "stress-fork-cow: processes, threads, faults and the locks of virtual memory" {
  run stress fork-cow --cpus 3 --ops 1500 --mem 64M --seed 5 --tasks 12 --pages 24 \
    --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  assert_matches '^processes up to 12 of 24 pages: [1-9][0-9 ]* roots, [1-9][0-9 ]* forks, '
  assert_matches '^threads +[1-9][0-9 ]* writes, [1-9][0-9 ]* forks among them, [1-9]'
  assert_matches '^faults +[1-9]'
  r="$BATS_TEST_TMPDIR/r.json"
  [ "$(json "$r" 'w["exits"] > 10 and w["denied"] > 10 and w["pages_checked"] > 1000')" = True ]
  [ "$(json "$r" '{"mm->mmap_lock", "vma->vm_lock", "page_table_lock"} <= set(
    l["name"] for l in d["locks"]["classes"])')" = True ]
  refute_has REPRO
}

@test "stress-fork-cow: processes that do not fit are refused" {
  run stress fork-cow --mem 16M --tasks 100 --pages 100
  [ "$status" -eq 2 ]
  assert_has "--mem: 100 processes of 100 pages do not fit into half of memory"
}

@test "stress-shootdown: known outcomes only, also with every generation checked" {
  for mode in fast checked; do
    run stress shootdown --cpus 4 --seconds 1 --mem 64M --mode $mode
    assert_exit 0
    assert_matches '^accesses +[1-9][0-9 ]* loads, [1-9][0-9 ]* stores, [1-9][0-9 ]* SEGV_MAPERR'
    assert_matches '^flushes +[1-9]'
  done
  run stress shootdown --mode slow
  assert_usage_error '--mode: "slow" is unknown; choose one of fast, checked'
}

@test "stress-fault: every mode, one address space or several" {
  for mode in random disjoint shared page_fault1 page_fault2 page_fault3 mmap1 mmap2; do
    run stress fault --cpus 2 --ops 300 --mem 64M --mode $mode --tasks 2 --pages 64
    assert_exit 0
    assert_matches "^mode +$mode, 2 address space\\(s\\), 64 pages for each CPU, per-VMA locks on"
  done
  run stress fault --cpus 2 --tasks 3
  [ "$status" -eq 2 ]
  assert_has "--tasks: 3 address spaces for 2 CPUs; give at most one for each"
}

@test "stress-fault: area locks on and off are compared by diff" {
  stress fault --cpus 2 --seconds 0.3 --mem 64M --mode disjoint --quiet \
    --out "$BATS_TEST_TMPDIR/on.json"
  stress fault --cpus 2 --seconds 0.3 --mem 64M --mode disjoint --quiet --vma-locks off \
    --out "$BATS_TEST_TMPDIR/off.json"
  run kmemlab diff "on=$BATS_TEST_TMPDIR/on.json" "off=$BATS_TEST_TMPDIR/off.json"
  # Whether so short runs can be compared is another matter.
  assert_has "vma_locks true -> false"
}

@test "stress-mixed: all parts report and all oracles hold" {
  run stress mixed --cpus 3 --ops 3000 --mem 64M --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  for part in fork-cow slab pages; do
    assert_matches "^-- $part$"
  done
  r="$BATS_TEST_TMPDIR/r.json"
  [ "$(json "$r" 'sorted(w)')" = "['fork-cow', 'pages', 'slab']" ]
  [ "$(json "$r" '(d["findings"], d["warnings"])')" = "(0, 0)" ]
  [ "$(json "$r" 'd["header"]["settings"]["irq_rate"]')" = 2000 ]
}
