#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# stress-irq-atomic: what it reports, its own defaults, and the options about interrupts.

load helpers/common

# A run short enough for every build.
short=(--cpus 2 --ops 60000 --mem 32M --irq-rate 20000)

# json FILE EXPRESSION: d is the document, w its exact part of the workload, r the reserve's.
json() {
  python3 -c "import json, sys
d = json.load(open(sys.argv[1]))
w, r = d['exact']['workload'], d['sampled']['workload']['reserve']
settings = [d['header']['settings'][k] for k in ('irq_rate', 'irq_order', 'irqs_off')]
print($2)" "$1"
}

@test "a clean run says who was refused and why, how deep the reserve was, and what was masked" {
  run stress irq-atomic "${short[@]}" --seed 42
  assert_exit 0
  [ "${lines[0]}" = "stress-irq-atomic: seed 42" ]
  assert_matches '^tasks +[0-9 ]+ times to the brim; refused [0-9 ]+ blocking'
  assert_matches '^hardirq +[0-9 ]+ runs, [0-9 ]+ blocks allocated'
  assert_matches '^ +[0-9 ]+ of [0-9 ]+ requests refused: [0-9 ]+ watermark, [0-9 ]+ no block'
  assert_matches ', [0-9 ]+ reserve empty, [0-9 ]+ raced$'
  assert_matches '^reserve +pages above the GFP_ATOMIC floor: min [0-9 ]+, median [0-9 ]+, max'
  assert_matches '^trylock +[0-9 ]+ tries'
  assert_matches '^irqs-off +longest [0-9.]+ [mun]?s, from (mm|runtime|stress|percpu)/.*:[0-9]+ in '
  refute_has REPRO
}

@test "its defaults are there and give way" {
  run stress irq-atomic --cpus 1 --ops 2000 --mem 32M --quiet --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  [ "$(json "$BATS_TEST_TMPDIR/r.json" settings)" = "[5000, 3, True]" ]
  run stress irq-atomic --cpus 1 --ops 2000 --mem 32M --irq-rate 70 --irq-order 0 \
    --irqs-off off --quiet --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  [ "$(json "$BATS_TEST_TMPDIR/r.json" settings)" = "[70, 0, False]" ]
}

@test "the result has the series, its least and its median, and refusals by reason and order" {
  run stress irq-atomic "${short[@]}" --quiet --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  r="$BATS_TEST_TMPDIR/r.json"
  [ "$(json "$r" 'sorted(w["hardirq"]["refused_by_order"])')" = \
    "['no_block', 'raced', 'reserve_empty', 'watermark']" ]
  [ "$(json "$r" 'len(w["softirq"]["refused_by_order"]["watermark"])')" = 4 ]
  [ "$(json "$r" '[len(s) == r["samples"] > 10 for s in r["series"].values()]')" = \
    "[True, True, True, True]" ]
  [ "$(json "$r" 'r["min_pages"] <= r["median_pages"] <= r["max_pages"]')" = True ]
  [ "$(json "$r" 'd["exact"]["interrupts"]["stress-device"] == w["hardirq"]["runs"] > 100')" = \
    True ]
}

@test "one CPU repeats its run exactly" {
  for i in 1 2; do
    run stress irq-atomic --cpus 1 --ops 30000 --mem 32M --seed 7 --quiet \
      --out "$BATS_TEST_TMPDIR/$i.json"
    assert_exit 0
  done
  [ "$(json "$BATS_TEST_TMPDIR/1.json" '(d["exact"], d["sampled"]["workload"])')" = \
    "$(json "$BATS_TEST_TMPDIR/2.json" '(d["exact"], d["sampled"]["workload"])')" ]
}

@test "signals, ticks and hotplug together" {
  mode=signal
  [ "${KMEMLAB_BUILD-}" != tsan ] || mode=safepoint
  run stress irq-atomic --cpus 3 --seconds 1 --mem 32M --irq $mode --hz 200 --hotplug 50 \
    --quiet --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  [ "$(json "$BATS_TEST_TMPDIR/r.json" 'd["exact"]["cpus_taken_down"] > 5')" = True ]
  [ "$(json "$BATS_TEST_TMPDIR/r.json" '(d["findings"], d["warnings"])')" = "(0, 0)" ]
}

@test "wrong options are one line with the remedy, exit 2" {
  run stress irq-atomic --irq-rate 0 --cpus 1 --mem 32M --json
  assert_exit 2
  assert_has "--irq-rate: without interrupts nobody uses the reserve; give at least 1"
  run stress irq-atomic --irq mail
  assert_usage_error '--irq: "mail" is unknown; choose safepoint or signal'
  run stress irq-atomic --irq-order 11
  assert_usage_error "--irq-order: 11 is out of range; give 0..10"
  run stress irq-atomic --hotplug 1 --cpus 1
  assert_usage_error "--hotplug: the only CPU cannot go; give --cpus 2 or more"
  run stress irq-atomic --hz 20000
  assert_usage_error "--hz: 20000 is out of range; give 0..10000"
}
