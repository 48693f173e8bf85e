#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# toolchain/record.sh: refusals, and real recordings where root and tracefs allow them.

load helpers/common

setup() {
  record=$KMEMLAB_SOURCE/toolchain/record.sh
  out=$BATS_TEST_TMPDIR/out
  tracefs=/sys/kernel/tracing
}

# Real recordings need root and tracefs; without them the test says so and is skipped.
need_tracefs() {
  [ "$(id -u)" -eq 0 ] || skip "not root: tracing the machine needs it"
  [ -d $tracefs/instances ] && [ -d $tracefs/events/kmem ] ||
    skip "tracefs with the kmem events is not mounted on $tracefs"
}

# fake_command NAME TEXT: a program NAME that comes first on the path and runs this shell text.
fake_command() {
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/$1"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# nothing_left: no output, no half-made folder, no trace instance of a recorder that is gone.
nothing_left() {
  local dir
  [ ! -e "$out" ] || fail "$out was made"
  [ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.record.*')" ] || fail "a folder is left"
  for dir in "$tracefs"/instances/kmemlab-*; do
    [ ! -d "$dir" ] || kill -0 "${dir##*-}" 2>/dev/null || fail "$dir is left"
  done
}

# kmemlab_reads METHOD: trace.dat is read only by a build with libtracecmd.
kmemlab_reads() {
  [ "$1" != trace-cmd ] || kmemlab version | grep -q libtracecmd
}

# A load that refills and drains: 24 MiB of page cache, and many short processes.
load_pages() {
  head -c 25165824 /dev/zero >"$BATS_TEST_TMPDIR/file"
  rm "$BATS_TEST_TMPDIR/file"
  local i
  for i in 1 2 3 4 5 6 7 8; do
    /bin/true
  done
}

@test "record: wrong arguments are one line and exit 2" {
  run "$record"
  assert_usage_error "give --output DIR"
  run "$record" --output
  assert_usage_error "--output needs a value"
  run "$record" -o "$out" --nonsense
  assert_usage_error "unknown argument '--nonsense'"
  run "$record" -o "$out" true
  assert_usage_error "stands after --"
  run "$record" -o "$out" --events=page,net
  assert_usage_error "--events: 'net' is unknown"
  run "$record" -o "$out" --seconds 0
  assert_usage_error "--seconds: '0' is not a number from 1"
  run "$record" -o "$out" --buffer-kb 1e3
  assert_usage_error "--buffer-kb: '1e3' is not a number"
  run "$record" -o "$out" --method ebpf
  assert_usage_error "--method: 'ebpf' is unknown"
  run "$record" -o "$out" --compress rar
  assert_usage_error "--compress: 'rar' is unknown"
  nothing_left
}

@test "record: help says that root is needed and which options there are" {
  run "$record" --help
  assert_exit 0
  assert_has "--output DIR"
  assert_has "2 it"
  assert_has "not root"
}

@test "record: an output that exists is refused and not touched" {
  mkdir "$out"
  echo mine >"$out/trace.txt"
  run "$record" -o "$out"
  assert_usage_error "$out exists already"
  [ "$(cat "$out/trace.txt")" = mine ]
  ln -s /nowhere "$BATS_TEST_TMPDIR/link"
  run "$record" -o "$BATS_TEST_TMPDIR/link"
  assert_usage_error "exists already"
  run "$record" -o "$BATS_TEST_TMPDIR/no/out"
  assert_usage_error "no folder that can be written"
}

@test "record: without root it says so" {
  fake_command id 'echo 1000'
  run "$record" -o "$out"
  assert_usage_error "only root may trace"
  nothing_left
}

@test "record: without tracefs it says how to mount it" {
  fake_command id 'echo 0'
  KMEMLAB_TRACEFS=$BATS_TEST_TMPDIR/none run "$record" -o "$out"
  assert_usage_error "mount -t tracefs"
  nothing_left
}

@test "record: a missing tool or command is refused before anything is touched" {
  fake_command id 'echo 0'
  run "$record" -o "$out" -- "$BATS_TEST_TMPDIR/no-such-command"
  assert_usage_error "no-such-command' is not found"
  nothing_left
}

@test "record: a buffer larger than half of the memory is refused" {
  need_tracefs
  run "$record" -o "$out" --buffer-kb 16777216
  assert_usage_error "more than half of the available"
  nothing_left
}

@test "record: page events of a command make a bundle that replay reads" {
  need_tracefs
  export -f load_pages
  export BATS_TEST_TMPDIR
  run "$record" -o "$out" -- bash -c 'load_pages; exit 5'
  assert_exit 0
  assert_matches 'out: [0-9.]+ s, [0-9]+ events lost'
  for state in zoneinfo vmstat buddyinfo; do
    [ -s "$out/$state.before" ] || fail "$state.before is missing"
    [ -s "$out/$state.after" ] || fail "$state.after is missing"
  done
  grep -qx 'command_status: 5' "$out/recording.txt"
  grep -qx 'events: page' "$out/recording.txt"
  run kmemlab replay "$out"
  assert_exit 0
  assert_matches '^trace +ftrace, .*quality '
  # 24 MiB at least were taken, from lists or from the buddy.
  assert_matches '^plan +[0-9]+ [0-9]{3} operations'
  rm -r "$out"
  nothing_left
}

@test "record: slab events of some seconds, uncompressed" {
  need_tracefs
  run "$record" -q -o "$out" --events slab --seconds 1 --compress none
  assert_exit 0
  [ -z "$output" ]
  [ -s "$out/trace.txt" ]
  run kmemlab replay "$out" --slab none
  assert_exit 0
  rm -r "$out"
  nothing_left
}

@test "record: a buffer that is too small is warned of, and replay sees the loss" {
  need_tracefs
  export -f load_pages
  export BATS_TEST_TMPDIR
  run "$record" -o "$out" --buffer-kb 64 -- bash -c load_pages
  assert_exit 0
  assert_matches 'warning: [1-9][0-9]* events were lost'
  ! grep -qx 'lost_events: 0' "$out/recording.txt"
  run kmemlab replay "$out"
  refute_has "quality A"
}

@test "record: a time limit ends the command with all that it started" {
  need_tracefs
  run "$record" -o "$out" -s 1 -- sh -c 'sleep 4321.5; echo never'
  assert_exit 0
  refute_has "never"
  grep -qx 'command_status: stopped after 1 s' "$out/recording.txt"
  ! pgrep -f 'sleep 4321.5' >/dev/null || fail "the command still runs"
}

@test "record: what prepares runs before, and its failure ends the recording" {
  need_tracefs
  run "$record" -o "$out" --prepare "echo first" -s 1 -- echo second
  assert_exit 0
  [ "${lines[0]} ${lines[1]}" = "first second" ]
  rm -r "$out"
  run "$record" -o "$out" --prepare "exit 3" -s 1
  assert_exit 1
  assert_has "--prepare failed with exit status 3"
  nothing_left
}

@test "record: a signal ends it, nothing is left behind" {
  need_tracefs
  for signal in TERM HUP INT; do
    # A signal that the caller of the tests ignores could not be caught.
    env --default-signal=$signal "$record" -o "$out" -- sleep 4321.25 &
    pid=$!
    for _ in $(seq 50); do
      [ -d "$tracefs/instances/kmemlab-$pid" ] && break
      sleep 0.1
    done
    [ -d "$tracefs/instances/kmemlab-$pid" ] || fail "it did not start"
    kill -s $signal $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq $((128 + $(kill -l $signal))) ] || fail "status $status after SIG$signal"
    nothing_left
    ! pgrep -f 'sleep 4321.25' >/dev/null || fail "the command still runs"
  done
}

@test "record: perf, and trace-cmd where it is installed, make bundles too" {
  need_tracefs
  export -f load_pages
  export BATS_TEST_TMPDIR
  command -v perf >/dev/null || command -v trace-cmd >/dev/null ||
    skip "neither perf nor trace-cmd is installed"
  for method in perf trace-cmd; do
    command -v $method >/dev/null || continue
    run "$record" -o "$out" -m $method -- bash -c load_pages
    assert_exit 0
    if [ $method = trace-cmd ]; then
      [ -s "$out/trace.dat" ]
    else
      [ -s "$out/trace.txt.xz" ]
    fi
    kmemlab_reads $method || continue
    run kmemlab replay "$out"
    assert_exit 0
    assert_matches '^plan +[0-9]+ [0-9]{3} operations'
    rm -r "$out"
    nothing_left
  done
}
