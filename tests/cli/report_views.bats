#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab report --by: contention by waiter, holder, pair, CPU, context, and slice of time.

load helpers/common

setup() {
  sample=$KMEMLAB_DATA/report/sample.json
}

@test "every view adds up to the same waiting" {
  for by in waiter holder pair cpu context; do
    kmemlab report --by "$by" --json "$sample" >"$BATS_TEST_TMPDIR/$by.json"
  done
  python3 - "$BATS_TEST_TMPDIR" "$sample" <<'PYTHON'
import json, sys
sample = json.load(open(sys.argv[2]))
waits = sum(p["wait"]["sum_ns"] for p in sample["locks"]["pairs"])
nr = sum(p["contended"] for p in sample["locks"]["pairs"])
for by in ("waiter", "holder", "pair", "cpu", "context"):
    view = json.load(open(f"{sys.argv[1]}/{by}.json"))
    assert view["schema"] == "kmemlab-report/1" and view["by"] == by
    rows = view["runs"][0]["rows"]
    assert sum(r["wait_ns"] for r in rows) == waits == 1100000, (by, rows)
    assert sum(r["contended"] for r in rows) == nr == 102, (by, rows)
    if by != "cpu":
        assert rows == sorted(rows, key=lambda r: -r["wait_ns"]), by
PYTHON
}

@test "the text names who waits, behind whom, and for what" {
  run kmemlab report --by pair "$sample"
  assert_exit 0
  assert_matches '^ +10 \| +1\.0 ms +91 % .*  drain page_alloc.c:498  zone->lock\[Normal\]$'
  assert_matches '^ +-> refill :412$'
  run kmemlab report --by cpu "$sample"
  assert_matches '  CPU 1$'
  run kmemlab report --by context "$sample"
  assert_matches '  task$'
  run kmemlab report --by waiter --top 1 "$sample"
  assert_has "1 of 3 rows"
  [ "$(awk 'length > 100' <<<"$output" | wc -l)" -eq 0 ]
}

@test "--lock keeps one lock, or a class of locks" {
  run kmemlab report --by waiter --lock 'zone->lock' "$sample"
  assert_exit 0
  assert_has 'zone->lock[Normal]'
  refute_has 'mmap_lock'
  run kmemlab report --by waiter --lock zome "$sample"
  assert_exit 2
  assert_has "no lock 'zome'"
}

@test "a run in slices: they follow one another and add up to the run" {
  out=$BATS_TEST_TMPDIR/run.json
  stress pages --cpus 2 --seconds 1 --slices 10 --mem 64M --quiet --out "$out"
  run kmemlab report --by interval "$out"
  assert_exit 0
  assert_matches '^interval +ops/s +contended \| wait/CPU +free pages +pcp pages +hottest lock$'
  kmemlab report --by interval --json "$out" >"$BATS_TEST_TMPDIR/view"
  python3 - "$out" "$BATS_TEST_TMPDIR/view" <<'PYTHON'
import json, sys
run, view = (json.load(open(path)) for path in sys.argv[1:])
rows = view["runs"][0]["rows"]
# A busy host may oversleep some of the ten.
assert 2 <= len(rows) <= 11, len(rows)
assert rows[0]["start_ns"] == 0
for a, b in zip(rows, rows[1:]):
    assert a["end_ns"] == b["start_ns"] < b["end_ns"]
assert sum(r["ops"] for r in rows) == run["ops"]["total"]
managed = sum(z["managed_pages"] for z in run["header"]["zones"])
assert all(r["free_pages"] + r["pcp_pages"] <= managed * 1.01 for r in rows)
contended = {l["name"]: sum(l["contended"]) for l in run["timeline"]["locks"]}
for lock in run["locks"]["summary"]:
    if lock.get("name") in contended and "contended" in lock:
        assert contended[lock["name"]] == lock["contended"]
PYTHON
}

@test "a run by operations has slices too, at most twice as many as asked for" {
  out=$BATS_TEST_TMPDIR/run.json
  stress pages --cpus 1 --ops 400000 --slices 4 --mem 64M --quiet --out "$out"
  python3 - "$out" <<'PYTHON'
import json, sys
run = json.load(open(sys.argv[1]))
t = run["timeline"]
assert 1 <= len(t["end_ns"]) <= 9, len(t["end_ns"])
assert sum(t["ops"]) == run["ops"]["total"] == 400000
assert t["end_ns"] == sorted(t["end_ns"])
PYTHON
  stress pages --cpus 1 --ops 1000 --slices 0 --mem 64M --quiet --out "$out"
  run kmemlab report --by interval "$out"
  assert_usage_error "has no timeline"
}

@test "several files and files of several runs are reported one after the other" {
  python3 - "$sample" "$BATS_TEST_TMPDIR/runs.json" <<'PYTHON'
import json, sys
run = json.load(open(sys.argv[1]))
json.dump({"schema": "kmemlab-results/1", "runs": [run, run]}, open(sys.argv[2], "w"))
PYTHON
  run kmemlab report "$sample" "$BATS_TEST_TMPDIR/runs.json"
  assert_exit 0
  assert_has "==> $sample, run 1 of 3 <=="
  [ "$(grep -c '^zone->lock\[Normal\]' <<<"$output")" -eq 3 ]
  run kmemlab report --by cpu --json "$sample" "$sample"
  [ "$(grep -c '"rows"' <<<"$output")" -eq 2 ]
  run kmemlab report --format html "$sample" "$sample"
  assert_usage_error "--format html takes one run, and these are 2"
  run kmemlab report --by pair --format folded "$sample"
  assert_usage_error "--by pair is text or json"
}

@test "the map of memory has a letter for every cell" {
  out=$BATS_TEST_TMPDIR/run.json
  stress pages --cpus 1 --ops 50000 --mem 64M --quiet --out "$out"
  python3 - "$out" <<'PYTHON'
import json, re, sys
m = json.load(open(sys.argv[1]))["memory_map"]
assert len(m["cells"]) == -(-m["pages"] // m["pages_per_cell"]) <= 2048
assert re.fullmatch(r"[.0-9a-kp]+", m["cells"])
# The load holds pages and leaves others free.
assert re.search(r"[1-9]", m["cells"]) and re.search(r"[a-k]", m["cells"])
PYTHON
}
