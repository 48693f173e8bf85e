#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The README's way from a trace to a gate: every command runs, and prints what the README shows.

load helpers/common

@test "each command of the README prints the lines that stand below it" {
  mkdir "$BATS_TEST_TMPDIR/tree"
  ln -s "$KMEMLAB_SOURCE/tests" "$BATS_TEST_TMPDIR/tree/tests"
  cd "$BATS_TEST_TMPDIR/tree"
  PATH=$KMEMLAB_BIN:$PATH python3 - "$KMEMLAB_SOURCE/README.md" <<'PYTHON'
import re, subprocess, sys

readme = open(sys.argv[1], encoding="utf-8").read()
block = re.search(r"## From a trace to a gate.*?```\n(.*?)```", readme, re.S)[1]

def shape(line):
    """A line without its numbers, which change with the code, and without its spacing."""
    line = re.sub(r"[+-]?\d[\d .,]*", "N ", line)
    return re.sub(r"\s+", " ", line).strip()

nr = 0
for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
    command, *shown = part.rstrip("\n").split("\n")
    status = int((re.search(r"# exit (\d)", command) or [0, 0])[1])
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=300)
    assert run.returncode == status, (command, run.returncode, run.stdout, run.stderr)
    lines = [shape(line) for line in (run.stdout + run.stderr).splitlines()]
    at, gap = 0, False
    for line in shown:
        if line == "...":
            gap = True
            continue
        rest = lines[at:]
        assert shape(line) in (rest if gap else rest[:1]), (command, line, run.stdout)
        at += rest.index(shape(line)) + 1
        gap = False
    nr += 1
assert nr >= 8, nr
PYTHON
}
