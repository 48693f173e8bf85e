#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# toolchain/validate-settings: the traces kept here, the load, refusals.

load helpers/common

setup() {
  validate=$KMEMLAB_SOURCE/toolchain/validate-settings
}

@test "validate: the replay predicts what other settings did to the kernel, within 15 %" {
  run "$validate" compare "$KMEMLAB_DATA/high-fraction" --kmemlab "$KMEMLAB_BIN/kmemlab"
  assert_exit 0
  assert_has "1 rounds, lost events 0"
  [ "$(grep -c '| yes |$' <<<"$output")" -eq 4 ] || fail "not all four settings agree"
}

@test "validate: a prediction that is wrong is called so" {
  # The traces of two settings changed places: far from what a replay predicts.
  cp -r "$KMEMLAB_DATA/high-fraction" "$BATS_TEST_TMPDIR/swapped"
  cd "$BATS_TEST_TMPDIR/swapped/round-1"
  mv fraction-8 x
  mv fraction-4096 fraction-8
  mv x fraction-4096
  run "$validate" compare "$BATS_TEST_TMPDIR/swapped" --kmemlab "$KMEMLAB_BIN/kmemlab"
  assert_exit 1
  [ "$(grep -c '| NO |$' <<<"$output")" -eq 2 ] || fail "two settings must not agree"
}

@test "validate: an empty folder, and recording without root, are refused" {
  run "$validate" compare "$BATS_TEST_TMPDIR"
  assert_usage_error "record first"
  run "$validate" record
  assert_usage_error "which folder?"
  as_nobody=()
  [ "$(id -u)" -ne 0 ] || as_nobody=(setpriv --reuid 65534 --clear-groups)
  run "${as_nobody[@]}" /usr/bin/python3 "$validate" record /nonexistent/x
  assert_usage_error "recording needs root"
}
