#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The stress binaries: options, output, exit status, replay from the seed.

load helpers/common

# A run short enough for every build.
short=(--cpus 2 --ops 2000 --mem 32M)

json() {
  python3 -c "import json, sys
d = json.load(open(sys.argv[1]))
print($2)" "$1"
}

@test "a clean run prints the seed first, then a summary, and exits 0" {
  run stress pages "${short[@]}" --seed 42
  assert_exit 0
  [ "${lines[0]}" = "stress-pages: seed 42" ]
  assert_matches '^machine +2 CPUs on [0-9]+ cores.*, 32M in 1 node\(s\), x86_64, lock futex$'
  assert_matches '^run .* 4 000 ops \('
  assert_matches '^recorder +lockstat default, [0-9.]+ ns per lock pair'
  assert_matches '^refused .* no memory'
  assert_matches '^pcp .* allocs hit'
  assert_matches '^ +zone->lock\[DMA32\] '
  refute_has REPRO
}

@test "--inject really injects: each kind is counted, and the REPRO command has it" {
  run stress slab --cpus 2 --ops 60000 --mem 64M --irq-rate 20000 --out "$BATS_TEST_TMPDIR/r.json" \
    --inject ipi-delay=9/2,lock-delay=3/5,irq-storm=4/20
  assert_exit 0
  assert_matches '^injected +[0-9 ]+ of [0-9 ]+ call interrupts late, .* each on average$'
  assert_matches '^injected +[0-9 ]+ of [0-9 ]+ locks kept longer, .* each on average$'
  assert_matches '^injected +[0-9 ]+ storms after [0-9 ]+ device interrupts, [0-9 ]+ more of them$'
  r="$BATS_TEST_TMPDIR/r.json"
  [ "$(json "$r" '[0 < k["injected"] < k["candidates"]
    for k in d["exact"]["injected"].values()]')" = "[True, True, True]" ]
  [ "$(json "$r" '" --inject ipi-delay=9/2,lock-delay=3/5,irq-storm=4/20" in
    d["header"]["repro"]')" = True ]
  run stress pages --inject lock-delay=0
  assert_usage_error "--inject: \"lock-delay=0\" is none of ipi-delay=US[/N], lock-delay=US[/N]"
}

@test "--quiet prints the seed only" {
  run stress pages "${short[@]}" --quiet
  assert_exit 0
  [ "$output" = "stress-pages: seed 1" ]
}

@test "no progress bar and no escape sequence when stderr is no terminal" {
  run stress pages --cpus 2 --seconds 1.5 --mem 32M
  assert_exit 0
  refute_has $'\e'
  refute_has $'\r'
}

@test "a wrong value is one line with option and remedy, exit 2" {
  run stress pages --cpus 300
  assert_usage_error "--cpus: 300 is out of range; give 1..256"
  run stress pages --mem 12Q
  assert_usage_error "--mem: \"12Q\" is no size; give a size like 512M or 4G"
  run stress pages --mem 8T
  assert_usage_error "--mem: 8T is more than the host has"
  run stress pages --mem 1M
  assert_usage_error "--mem: 1M is too little; give at least 16M"
  run stress pages --pcp-high-fraction 3
  assert_usage_error "give 0 or at least 8"
  run stress pages --lock mcs --cpus 256
  assert_usage_error "--lock: mcs hands over to waiters"
  run stress pages --proc nothing "${short[@]}" --json
  assert_exit 2
  assert_has '--proc: "nothing" is unknown; choose one of buddyinfo'
}

@test "an unknown option or argument is one line, exit 2" {
  run stress pages --speed 9
  assert_usage_error 'unknown option "--speed"'
  run stress pages -z
  assert_usage_error 'unknown option "-z"'
  run stress pages pages
  assert_usage_error 'unexpected argument "pages"'
  run stress pages --cpus
  assert_usage_error "--cpus: needs a value"
}

@test "a file that cannot be written is a finding, exit 1, with the command to repeat" {
  run stress pages "${short[@]}" --quiet --out "$BATS_TEST_TMPDIR/none/r.json"
  assert_exit 1
  assert_has "--out: cannot write"
  assert_has "REPRO: stress-pages --seed 1 --cpus 2 --mem 32M --ops 2000"
}

@test "--help and --version exit 0" {
  run stress pages --help
  assert_exit 0
  assert_has "--irq-rate=N"
  run stress pages --version
  assert_exit 0
  assert_matches '^stress-pages [0-9.]+ \('
}

@test "--json prints one JSON document on stdout, the seed on stderr" {
  run --separate-stderr stress pages "${short[@]}" --json
  assert_exit 0
  [ "$stderr" = "stress-pages: seed 1" ]
  echo "$output" >"$BATS_TEST_TMPDIR/r.json"
  [ "$(json "$BATS_TEST_TMPDIR/r.json" 'd["schema"]')" = kmemlab-result/1 ]
  [ "$(json "$BATS_TEST_TMPDIR/r.json" 'd["ops"]["total"]')" = 4000 ]
}

@test "--out writes what --json prints, and one CPU repeats its counters exactly" {
  for i in 1 2; do
    run stress pages --cpus 1 --ops 20000 --mem 32M --seed 7 --irq-rate 3000 --quiet \
      --out "$BATS_TEST_TMPDIR/$i.json"
    assert_exit 0
  done
  [ "$(json "$BATS_TEST_TMPDIR/1.json" 'd["exact"]')" = \
    "$(json "$BATS_TEST_TMPDIR/2.json" 'd["exact"]')" ]
  [ "$(json "$BATS_TEST_TMPDIR/1.json" 'd["exact"]["device"]["interrupts"] > 20')" = True ]
}

@test "--proc prints the text at the end" {
  run stress pages "${short[@]}" --quiet --proc buddyinfo --proc vmstat
  assert_exit 0
  assert_matches '^==> /proc/buddyinfo <==$'
  assert_matches '^Node 0, zone +DMA32 '
  assert_matches '^pgfree [0-9]+$'
}

@test "page list policy and sizes reach the machine" {
  run stress pages "${short[@]}" --pcp none --quiet --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  # Nothing is cached: every allocation is a refill.
  [ "$(json "$BATS_TEST_TMPDIR/r.json" \
    'all(z["refills"] == z["allocs"] for z in d["exact"]["pcp"])')" = True ]
  run stress pages "${short[@]}" --pcp fixed --pcp-batch 8 --pcp-high 64 --proc zoneinfo --quiet
  assert_exit 0
  assert_matches '^ +batch: +8$'
  assert_matches '^ +high: +64$'
}

@test "interrupt ends a run with all its checks" {
  stress pages --cpus 2 --seconds 60 --mem 32M >"$BATS_TEST_TMPDIR/out" 2>&1 &
  pid=$!
  sleep 1
  kill -INT "$pid" || true
  wait "$pid"
  grep -q '^run ' "$BATS_TEST_TMPDIR/out"
}
