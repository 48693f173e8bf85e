#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab top and kmemlab proc on a running program, and proc on a result file.

load helpers/common

setup_file() {
  "$KMEMLAB_BIN/stress-slab" --cpus 2 --mem 32M --seconds 100 --quiet \
    >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- &
  export PROGRAM=$!
  # It answers as soon as its CPUs step.
  for _ in $(seq 100); do
    "$KMEMLAB_BIN/kmemlab" proc buddyinfo --pid "$PROGRAM" >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat "$BATS_FILE_TMPDIR/log" >&2
  return 1
}

teardown_file() {
  kill -INT "$PROGRAM"
  wait "$PROGRAM"
}

@test "proc prints the texts of a running program in the kernel's formats" {
  run kmemlab proc buddyinfo --pid "$PROGRAM"
  assert_exit 0
  assert_matches '^Node 0, zone +DMA32( +[0-9]+){11} $'
  run kmemlab proc slabinfo --pid "$PROGRAM"
  assert_exit 0
  assert_has "slabinfo - version: 2.1"
  run kmemlab proc zoneinfo --pid "$PROGRAM"
  assert_matches '^  pages free +[0-9]+$'
  run kmemlab proc --json vmstat --pid "$PROGRAM"
  assert_has '"schema": "kmemlab-proc/1"'
  assert_has 'nr_free_pages '
}

@test "proc refuses a text or a process that is not there, in one line" {
  run kmemlab proc nonsense --pid "$PROGRAM"
  assert_usage_error "no such text; choose one of buddyinfo"
  run kmemlab proc buddyinfo --pid 1
  assert_usage_error "no stress program runs as process 1"
  run kmemlab proc
  assert_usage_error "name a text, as buddyinfo"
  run kmemlab top --pid 1
  assert_usage_error "no stress program runs as process 1"
}

@test "proc prints what a result file recorded, byte for byte as the run printed it" {
  out=$BATS_TEST_TMPDIR/run.json
  stress pages --cpus 1 --ops 3000 --mem 32M --proc zoneinfo --quiet --out "$out" |
    sed '1,/^==> /d' >"$BATS_TEST_TMPDIR/zoneinfo"
  kmemlab proc zoneinfo "$out" | cmp - "$BATS_TEST_TMPDIR/zoneinfo"
  run kmemlab proc list "$out"
  assert_matches '^pagetypeinfo$'
  run kmemlab proc zoneinf "$out"
  assert_usage_error "did you mean 'zoneinfo'?"
  run kmemlab proc zoneinfo "$KMEMLAB_DATA/report/sample.json"
  assert_usage_error "has no /proc texts"
}

@test "top --batch prints frames: locks, CPUs, zones" {
  run kmemlab top --batch --frames 2 --delay 0.3 --pid "$PROGRAM"
  assert_exit 0
  [ "$(grep -c '^stress-slab, process' <<<"$output")" -eq 2 ]
  assert_matches '^LOCK +acquired/s +contended/s +cont\. \| +wait/CPU'
  assert_matches '^[a-z_]+(->lock)?(\[[A-Za-z0-9_(). -]+\])? +[0-9][0-9 ]* +[0-9].*\|'
  assert_matches '^1 +[0-9][0-9 ]* .*\[[#.]{30}\]'
  assert_matches '^0 DMA32 +[0-9]'
  [ "$(awk 'length > 100' <<<"$output" | wc -l)" -eq 0 ]
}

@test "top sorts, and its numbers agree with the snapshots" {
  kmemlab top --json -n 2 -d 0.5 --pid "$PROGRAM" >"$BATS_TEST_TMPDIR/frames"
  python3 - "$BATS_TEST_TMPDIR/frames" "$PROGRAM" <<'PYTHON'
import json, sys
a, b = [json.loads(line) for line in open(sys.argv[1])]
assert a["schema"] == "kmemlab-live/1" and a["pid"] == int(sys.argv[2])
assert b["elapsed_ns"] > a["elapsed_ns"]
assert sum(b["ops"]) > sum(a["ops"]) and len(b["ops"]) == 2
for zone in b["zones"]:
    assert zone["free"] <= zone["managed"]
    # The lists are read while CPUs work: what they hold is within what the zone has.
    assert sum(n << o for o, n in enumerate(zone["nr_free"])) <= zone["managed"]
    assert len(zone["pcp"]) == 2
PYTHON
  run kmemlab top -b -n 1 --sort acquired --delay 0.3 --pid "$PROGRAM"
  python3 - "$output" <<'PYTHON'
import re, sys
rows = sys.argv[1].split("\nLOCK")[1].split("\n\n")[0].split("\n")[1:]
rates = [int(re.match(r".{30} ([\d ]{12})", row)[1].replace(" ", "")) for row in rows if "|" in row]
assert rates and rates == sorted(rates, reverse=True), rates
PYTHON
  run kmemlab top -b --sort waits
  assert_usage_error "did you mean 'wait'?"
}

@test "top ends with the program" {
  "$KMEMLAB_BIN/stress-pages" --cpus 1 --mem 32M --seconds 2 --quiet \
    >"$BATS_TEST_TMPDIR/log" 3>&- &
  pid=$!
  for _ in $(seq 50); do
    kmemlab proc buddyinfo --pid "$pid" >/dev/null 2>&1 && break
    sleep 0.1
  done
  run timeout 60 "$KMEMLAB_BIN/kmemlab" top --batch --delay 0.2 --pid "$pid"
  assert_exit 0
  assert_has "stress-pages, process $pid"
  wait "$pid"
}

@test "top draws on a terminal, and q ends it" {
  kmemlab version | grep -q ncurses || skip "built without ncurses"
  python3 - "$KMEMLAB_BIN/kmemlab" "$PROGRAM" <<'PYTHON'
import fcntl, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], ["kmemlab", "top", "--delay", "0.3", "--pid", sys.argv[2]])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
seen, asked, end = b"", False, time.time() + 60
while time.time() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
    if b"ZONE" in seen and not asked:
        os.write(fd, b"sq")
        asked = True
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert status == 0, status
for word in (b"LOCK", b"->lock", b"CPU", b"ZONE", b"DMA32"):
    assert word in seen, (word, seen[:2000])
# The terminal is given back: the alternate screen is left.
assert b"\x1b[?1049h" in seen and b"\x1b[?1049l" in seen
PYTHON
  run kmemlab top --pid "$PROGRAM"
  assert_usage_error "use --batch"
}
