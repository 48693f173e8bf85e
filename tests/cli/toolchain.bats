#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The scripts under toolchain/: what they print, and with which status they end.

load helpers/common

setup() {
  tools=$KMEMLAB_SOURCE/toolchain
}

# fake_command NAME TEXT: a program NAME that comes first on the path and runs this shell text.
fake_command() {
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/$1"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "bootstrap --list names every package with its purpose" {
  run "$tools/bootstrap" --list
  assert_exit 0
  assert_matches '^liburcu-dev +[A-Z]'
  assert_matches '^clang-14 +the compiler'
}

@test "bootstrap does nothing, not even ask the network, when all is there" {
  fake_command dpkg-query '
    for name; do case $name in -*|*status*|*Status*) ;; *) echo "installed $name" ;; esac; done'
  fake_command apt-get 'echo network >&2; exit 1'
  run "$tools/bootstrap"
  assert_exit 0
  [ -z "$output" ]
  run "$tools/bootstrap" --check
  assert_exit 0
  assert_has "every package is installed"
}

@test "bootstrap without root prints the one command to run" {
  fake_command dpkg-query 'exit 1'
  fake_command id 'echo 1000'
  fake_command apt-get 'echo installed behind your back; exit 1'
  run "$tools/bootstrap"
  assert_exit 1
  assert_matches '^  sudo apt-get update && sudo apt-get install -y .* liburcu-dev '
  refute_has "behind your back"
}

@test "bootstrap --check says what is missing" {
  fake_command dpkg-query 'for name; do [ "$name" = bats ] || echo "installed $name"; done'
  run "$tools/bootstrap" --check
  assert_exit 1
  [ "$output" = "bootstrap: missing: bats" ]
}

@test "unknown arguments are refused with the usage" {
  run "$tools/bootstrap" --nonsense
  assert_exit 2
  assert_has "unknown option '--nonsense'"
  run "$tools/test" nonsense
  assert_exit 2
  assert_has "unknown preset 'nonsense'"
  assert_has "usage:"
}

@test "tsan-run lets the caller's options win and keeps the exit status" {
  TSAN_OPTIONS=exitcode=1 run "$tools/tsan-run" sh -c 'echo "$TSAN_OPTIONS"; exit 9'
  assert_exit 9
  assert_matches '^exitcode=66:.*:exitcode=1$'
}

@test "tsan-run without a command is a usage error" {
  run "$tools/tsan-run"
  assert_usage_error "usage: tsan-run COMMAND"
  run "$tools/asan-run"
  assert_usage_error "usage: asan-run COMMAND"
}

@test "compile-fail tells a wrong diagnostic and a wrong control apart" {
  file=$BATS_TEST_TMPDIR/sample.c
  printf '#ifdef COMPILE_FAIL\n#error refused\n#endif\nint a;\n' >"$file"
  run "$tools/compile-fail" "$file" refused gcc
  assert_exit 0
  run "$tools/compile-fail" "$file" other gcc
  assert_exit 1
  assert_has 'no diagnostic matches "other"'
  echo 'int a;' >"$file"
  run "$tools/compile-fail" "$file" refused gcc
  assert_exit 1
  assert_has "must not compile with COMPILE_FAIL, and does"
  echo 'int a' >"$file"
  run "$tools/compile-fail" "$file" refused gcc
  assert_exit 1
  assert_has "must compile without COMPILE_FAIL"
}
