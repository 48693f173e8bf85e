#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The kmemlab command itself: its list, its help, its errors, and the small commands.

load helpers/common

@test "help lists the commands and the exit codes" {
  run kmemlab help
  assert_exit 0
  for name in stress report doctor help version; do
    assert_matches "^  $name +[\`A-Za-z]"
  done
  assert_has "Exit status of every command: 0 done"
  list=$output
  run kmemlab --help
  [ "$output" = "$list" ]
}

@test "no command at all is a usage error that shows the list" {
  run --separate-stderr kmemlab
  assert_exit 2
  [ -z "$output" ]
  [[ "$stderr" == *"usage: kmemlab COMMAND"* ]]
}

@test "an unknown command suggests the nearest one" {
  run kmemlab repotr
  assert_usage_error "kmemlab: unknown command 'repotr'; did you mean 'report'?"
  run kmemlab help docter
  assert_usage_error "did you mean 'doctor'?"
  run kmemlab xyzzyplugh
  assert_usage_error "unknown command 'xyzzyplugh'; see 'kmemlab --help'"
  run kmemlab --nonsense
  assert_usage_error "unknown option '--nonsense'"
}

@test "every command explains itself with --help and documents its exit status" {
  for name in $(kmemlab help | awk '/^  [a-z]/ { print $1 }'); do
    run kmemlab "$name" --help
    assert_exit 0
    assert_has "kmemlab $name"
    assert_has "Exit status: 0"
    text=$output
    run kmemlab help "$name"
    [ "$output" = "$text" ]
  done
}

@test "version names version, build and libraries" {
  run kmemlab version
  assert_exit 0
  assert_matches '^kmemlab [0-9]+\.[0-9]+\.[0-9]+, build '
  assert_matches '^libraries: .*liburcu [0-9].*jansson [0-9]'
  run kmemlab --version
  assert_exit 0
  run kmemlab version --json
  assert_has '"schema": "kmemlab-version/1"'
}

@test "doctor measures the recorder and checks the host" {
  run kmemlab doctor
  assert_exit 0
  assert_matches '^(ok|note) +host cores +[0-9]+'
  assert_matches 'recorder +[0-9.]+ ns per uncontended lock\+unlock with recording'
  assert_has "membarrier works"
  run kmemlab doctor --json
  assert_exit 0
  python3 -c 'import json, sys
d = json.load(sys.stdin)
assert d["schema"] == "kmemlab-doctor/1", d
assert {c["check"] for c in d["checks"]} >= {"host cores", "machine", "recorder", "tsan"}
assert all(c["verdict"] in ("ok", "note", "BAD") for c in d["checks"])' <<<"$output"
}

@test "stress becomes the binary beside kmemlab" {
  dir=$BATS_TEST_TMPDIR/bin
  mkdir "$dir"
  cp "$KMEMLAB_BIN/kmemlab" "$dir/"
  printf '#!/bin/sh\necho "ran $0 with $*"\nexit 7\n' >"$dir/stress-pages"
  chmod +x "$dir/stress-pages"
  run "$dir/kmemlab" stress pages --seed 3
  assert_exit 7
  assert_has "ran $dir/stress-pages with --seed 3"
  run "$dir/kmemlab" stress pagse
  assert_usage_error "unknown workload 'pagse'; did you mean 'pages'?"
  run "$dir/kmemlab" stress
  assert_usage_error "name a workload"
  run "$dir/kmemlab" stress --seed 3 pages
  assert_usage_error "the workload's name comes first"
  run "$dir/kmemlab" stress --help
  assert_exit 0
  assert_matches '^  pages$'
}
