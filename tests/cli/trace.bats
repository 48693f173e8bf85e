#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# --trace: the timeline of events that a stress program writes.

load helpers/common

setup() {
  out=$BATS_TEST_TMPDIR/trace.json
  oracle=$KMEMLAB_SOURCE/tests/oracle/timeline_oracle.py
}

@test "spans nest on every track, calls flow from sender to target and back" {
  stress slab --cpus 4 --mem 64M --ops 20000 --quiet --trace "$out"
  run python3 "$oracle" "$out"
  assert_exit 0
  assert_matches '^irq [1-9]'
  assert_matches '^hold [1-9]'
  assert_matches '^pcp [1-9]'
  assert_matches '^flows [1-9][0-9]* [1-9]'
  assert_matches '^counters [1-9]'
}

@test "a ring that is too small keeps the end, and says what is lost" {
  stress pages --cpus 2 --mem 64M --ops 30000 --quiet --lockstat all --trace "$out" \
    --trace-events 64
  run python3 "$oracle" "$out"
  assert_exit 0
  assert_matches '^lost [1-9]'
  grep -q 'begins later: ring full' "$out"
  [ "$(grep -c '"ph":"X"' "$out")" -le 128 ]
}

@test "sites are named, and the holder of a wait is" {
  stress pages --cpus 4 --mem 64M --seconds 1 --quiet --trace "$out" \
    --trace-events 1000000
  grep -q '"site":"[a-z_]* [^"]*mm/page/[a-z_]*.c:[0-9]*"' "$out"
  # A wait needs two CPUs at once; there are some in a second of four of them.
  grep -q '"cat":"wait".*"waiter":"[a-z_]* .*"holder":"[a-z_]* ' "$out"
}

@test "what cannot be traced or written is said" {
  run stress pages --cpus 1 --ops 10 --trace "$out" --lockstat off
  assert_exit 2
  assert_has "--trace: locks are traced by their recorder"
  run stress pages --cpus 1 --ops 10 --mem 32M --quiet --trace "$BATS_TEST_TMPDIR/none/t.json"
  assert_exit 1
  assert_has "--trace: cannot write"
  run stress pages --cpus 1 --ops 10 --trace "$out" --trace-events 3
  assert_exit 2
}
