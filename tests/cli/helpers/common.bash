# SPDX-License-Identifier: MIT
# What every command-line test shares. First line of a .bats file: load helpers/common
#
#   kmemlab ARGUMENT...          runs the command under test; likewise: stress NAME ARGUMENT...
#   assert_exit STATUS           the exit status of the last `run`
#   assert_has TEXT              its output contains the text        (refute_has: does not)
#   assert_matches REGEX         one line of its output matches
#   assert_usage_error TEXT      exit 2, one line, which contains the text
#
# Files are written to $BATS_TEST_TMPDIR; input data is in $KMEMLAB_DATA.

bats_require_minimum_version 1.5.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${KMEMLAB_SOURCE:=$(cd "$here/../../.." && pwd)}"
: "${KMEMLAB_BIN:=$KMEMLAB_SOURCE/build/release/bin}"
: "${KMEMLAB_DATA:=$KMEMLAB_SOURCE/tests/data}"
export KMEMLAB_SOURCE KMEMLAB_BIN KMEMLAB_DATA
# A test sees no colour and no progress bar, whatever the terminal it was started from.
export NO_COLOR=1
unset CLICOLOR_FORCE

kmemlab() {
  "$KMEMLAB_BIN/kmemlab" "$@"
}

stress() {
  local name=$1
  shift
  "$KMEMLAB_BIN/stress-$name" "$@"
}

# fail MESSAGE: ends the test, showing what the last `run` printed.
fail() {
  printf '%s\nexit status %s, output:\n%s\n' "$1" "${status-}" "${output-}" >&2
  return 1
}

assert_exit() {
  [ "$status" -eq "$1" ] || fail "expected exit status $1"
}

assert_has() {
  [[ "$output" == *"$1"* ]] || fail "expected in the output: $1"
}

refute_has() {
  [[ "$output" != *"$1"* ]] || fail "must not be in the output: $1"
}

assert_matches() {
  grep -qE -e "$1" <<<"$output" || fail "expected a line that matches: $1"
}

assert_usage_error() {
  assert_exit 2
  assert_has "$1"
  [ "$(wc -l <<<"$output")" -eq 1 ] || fail "expected one line"
}
