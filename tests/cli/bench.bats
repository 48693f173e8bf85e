#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab bench: turns, seeds, kept results, and what goes wrong.

load helpers/common

@test "bench runs both sides in turns with equal seeds and compares them" {
  run kmemlab bench big= 'small=--pcp-batch 3 --pcp-high 12' --runs 2 \
    --out "$BATS_TEST_TMPDIR/r" -- pages --cpus 1 --ops 5000 --mem 64M
  assert_exit 1
  assert_has "1 CPU, build $KMEMLAB_BUILD, 2+2 runs interleaved, seeds 1 .. 2"
  assert_has "differs: pcp_batch default -> 3"
  assert_matches '^  pcp\[0/DMA32\].refills .* WORSE$'
  run kmemlab diff "$BATS_TEST_TMPDIR/r-big.json" "$BATS_TEST_TMPDIR/r-big.json"
  assert_exit 0
  assert_has "verdict: no change"
}

# Without the recorder: its cost, measured on a busy host, may make two runs incomparable.
@test "a side may be a program of its own" {
  run kmemlab bench "a=$KMEMLAB_BIN/stress-pages" "b=pages --irq-rate 0" --runs 1 -- \
    --cpus 1 --ops 2000 --mem 64M --lockstat off
  assert_exit 0
  assert_has "1+1 runs"
}

@test "wrong usage is one line, exit 2" {
  run kmemlab bench x=
  assert_usage_error "name two configurations"
  run kmemlab bench x= y=
  assert_usage_error "name the workload behind --"
  run kmemlab bench x= x= -- pages
  assert_usage_error "both sides are called 'x'"
  run kmemlab bench x= y= -- nosuch
  assert_usage_error "no workload 'nosuch'"
  run kmemlab bench x= y= --runs 0 -- pages
  assert_usage_error "--runs: '0'"
}

@test "a run that fails ends the bench and leaves nothing behind" {
  TMPDIR=$BATS_TEST_TMPDIR run kmemlab bench x= y= --runs 1 -- pages --no-such-option
  assert_exit 2
  assert_has "ended with status 2"
  [ -z "$(ls "$BATS_TEST_TMPDIR")" ]
  TMPDIR=$BATS_TEST_TMPDIR run kmemlab bench x= y= --runs 1 --timeout 1 -- pages --seconds 30
  assert_exit 2
  assert_has "took more than 1 s"
}
