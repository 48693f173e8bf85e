#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab whatif: what a longer hold costs, JSON, refusals; and the injection it is made of.

load helpers/common

@test "whatif: a lock whose holds are made much longer is felt" {
  # Every operation goes through the zone's lock; 2 us more are many times its hold.
  run kmemlab whatif zone --cpu-time --rounds 6 --delay 2000 -- pages --cpus 1 --ops 30000 \
    --pcp none
  assert_exit 0
  assert_matches '^whatif +zone in pages --cpus 1 '
  assert_matches '^runs +6 rounds of 2 steps in turns, seeds 1-6'
  assert_matches '^longer +\+2(\.0+)? us +hold +\+[0-9]+ % +throughput -[0-9.]+ % \['
  assert_matches '^felt +an operation takes \+[0-9.]+ ns longer'
  assert_matches '^elasticity -'
  assert_matches '^without +\+[0-9.]+ % of throughput'
}

@test "whatif: --json has the numbers and their intervals" {
  kmemlab whatif 'zone->lock[DMA32]' --json --rounds 6 --delay 500,4000 -- \
    pages --cpus 1 --ops 20000 --pcp none >"$BATS_TEST_TMPDIR/w.json"
  run python3 -c '
import json, sys
w = json.load(open(sys.argv[1]))
assert w["schema"] == "kmemlab-whatif/1" and w["rounds"] == 6 and w["by"] == "clock"
assert [s["delay_ns"] for s in w["steps"]] == [500, 4000]
assert w["felt"]["low"] <= w["felt"]["value"] <= w["felt"]["high"]
assert w["acquired_per_op"] > 0.5 and w["hold_ns"] > 10
print("good")
' "$BATS_TEST_TMPDIR/w.json"
  assert_exit 0
  assert_has good
}

@test "whatif: calls to other CPUs can be late instead" {
  run kmemlab whatif ipi --rounds 1 --delay 5 -- pages --cpus 2 --ops 5000
  assert_exit 0
  assert_matches '^later +\+2.5 us +throughput'
  assert_matches '^felt .* ns that a call is late'
  refute_has "elasticity"
}

@test "whatif: wrong use is one line and exit 2" {
  run kmemlab whatif
  assert_usage_error "name a lock"
  run kmemlab whatif zone
  assert_usage_error "name a lock"
  run kmemlab whatif zone -- nosuchload
  assert_usage_error "no workload 'nosuchload'"
  run kmemlab whatif zone --delay 0 -- pages
  assert_usage_error "--delay: '0' is not a number from 1"
  run kmemlab whatif ipi --delay 20000 -- pages
  assert_usage_error "late by at most 10000 us"
  run kmemlab whatif nolock -- pages --cpus 1 --ops 2000
  assert_exit 2
  assert_has "no hold of 'nolock' was timed; held most: "
}

@test "whatif: the injection is part of the line that repeats a run, quoted for a shell" {
  run stress pages --cpus 1 --ops 2000 --pcp none --inject 'lock-hold=100@zone->lock[DMA32]' \
    --out "$BATS_TEST_TMPDIR/r.json"
  assert_exit 0
  assert_matches '^injected +[0-9 ]+ locks called zone->lock\[DMA32\] kept 100 ns longer each'
  run python3 -c '
import json, sys
h = json.load(open(sys.argv[1]))["header"]
print(h["repro"])' "$BATS_TEST_TMPDIR/r.json"
  assert_has "--inject 'lock-hold=100@zone->lock[DMA32]'"
}
