#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab explore: options, results, shards, merging.

load helpers/common

@test "explore list names every scenario with a sentence" {
  run kmemlab explore list
  assert_exit 0
  assert_matches '^pages-drain +alloc and free'
  assert_matches '^owner-lock '
  assert_matches '^ipi '
}

@test "explore runs clean and prints its figures" {
  run kmemlab explore pages-drain --count 50
  assert_exit 0
  assert_has "3 CPUs on one host thread, 99 operations, policy portfolio"
  assert_matches '^50 schedules in .* schedules/s'
  assert_has "nothing found"
}

@test "explore: the same seeds give the same digest" {
  run kmemlab explore pages-irq --seeds 7-30
  assert_exit 0
  first=$(grep -o 'digest 0x[0-9a-f]*' <<<"$output")
  run kmemlab explore pages-irq --seeds 7-30
  assert_has "$first"
  run kmemlab explore pages-irq --seeds 8-31
  refute_has "$first"
}

@test "explore --inject: faults are counted, the same for a seed, and told apart" {
  run kmemlab explore ipi --seeds 1-20 --inject ipi-delay=5/2,lock-delay=1/9
  assert_exit 0
  assert_has ", injecting ipi-delay=5/2,lock-delay=1/9"
  assert_matches '^[1-9][0-9 ]* faults of timing injected$'
  first=$(grep -o 'digest 0x[0-9a-f]*' <<<"$output")
  run kmemlab explore ipi --seeds 1-20 --inject ipi-delay=5/2,lock-delay=1/9
  assert_has "$first"
  run kmemlab explore ipi --seeds 1-20
  refute_has "$first"
  run kmemlab explore ipi --inject ipi-delay=0
  assert_usage_error "--inject: \"ipi-delay=0\" is none of ipi-delay=US[/N]"
  run kmemlab explore ipi --inject irq-storm=3
  assert_usage_error "--inject: irq-storm repeats injected interrupts, and there are none"
}

@test "explore: shards merge into the whole" {
  kmemlab explore ipi --seeds 1-60 --out "$BATS_TEST_TMPDIR/whole.json"
  for i in 1 2 3; do
    kmemlab explore ipi --seeds 1-60 --shard $i/3 --out "$BATS_TEST_TMPDIR/$i.json"
  done
  run kmemlab explore --merge "$BATS_TEST_TMPDIR"/[123].json
  assert_exit 0
  assert_has "60 schedules in"
  digest=$(grep -o '"digest": *"[^"]*"' "$BATS_TEST_TMPDIR/whole.json" | grep -o '0x[0-9a-f]*')
  assert_has "$digest"
}

@test "explore: results that overlap or differ do not merge" {
  kmemlab explore ipi --seeds 1-20 --out "$BATS_TEST_TMPDIR/a.json"
  kmemlab explore rcu --seeds 21-40 --out "$BATS_TEST_TMPDIR/b.json"
  run kmemlab explore --merge "$BATS_TEST_TMPDIR/a.json" "$BATS_TEST_TMPDIR/a.json"
  assert_exit 3
  assert_has "overlap"
  run kmemlab explore --merge "$BATS_TEST_TMPDIR/a.json" "$BATS_TEST_TMPDIR/b.json"
  assert_exit 3
  assert_has "differs"
}

@test "explore --json is one object of the schema" {
  run kmemlab explore rcu --count 20 --json
  assert_exit 0
  assert_has '"schema": "kmemlab-explore/1"'
  assert_has '"digest"'
  python3 -c 'import json,sys; d=json.load(sys.stdin); assert d["sums"]["schedules"] == 20' \
    <<<"$output"
}

@test "explore --seconds ends in time" {
  run timeout 20 "$KMEMLAB_BIN/kmemlab" explore owner-lock --seconds 0.3
  assert_exit 0
  assert_has "ended before the last seed"
}

@test "explore: wrong usage is one line" {
  run kmemlab explore
  assert_usage_error "give one of SCENARIO, list"
  run kmemlab explore pages-drian
  assert_usage_error "did you mean 'pages-drain'?"
  run kmemlab explore rcu --seeds 9-3
  assert_usage_error "--seeds: '9-3' is not a range"
  run kmemlab explore rcu --shard 4/3
  assert_usage_error "--shard: '4/3' is not I/N"
  run kmemlab explore rcu --policy magic
  assert_usage_error "--policy: 'magic' is none of"
  run kmemlab explore rcu --irq-one-in 5
  assert_usage_error "has no interrupt handler"
  run kmemlab explore --replay /nonexistent
  assert_usage_error "/nonexistent:1:1:"
  run kmemlab explore --merge "$KMEMLAB_SOURCE/CMakeLists.txt"
  assert_usage_error "CMakeLists.txt:1:"
}
