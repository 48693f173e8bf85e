#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kmemlab report --format: folded stacks, pprof, Chrome JSON, the offline page.

load helpers/common

setup() {
  sample=$KMEMLAB_DATA/report/sample.json
  out=$BATS_TEST_TMPDIR/out
}

# The interpreter that has Debian's modules, else the first in the path.
python() {
  if [ -x /usr/bin/python3 ]; then /usr/bin/python3 "$@"; else python3 "$@"; fi
}

@test "folded stacks: lock, waiter, holder, nanoseconds" {
  run kmemlab report --format folded "$sample"
  assert_exit 0
  want='zone->lock[Normal];drain page_alloc.c:498;behind refill page_alloc.c:412 1000000'
  [ "${lines[0]}" = "$want" ]
  [ "${#lines[@]}" -eq 3 ]
  # Every line is a stack and one number, as flamegraph.pl wants it.
  [ "$(grep -cvE '^[^;]+(;[^;]+)+ [0-9]+$' <<<"$output")" -eq 0 ]
}

@test "pprof: Google's library reads it, totals are those of the report" {
  kmemlab report --format pprof "$sample" >"$out" || skip "built without protobuf-c"
  [ "$(head -c 2 "$out" | od -An -tx1 | tr -d ' ')" = 1f8b ]
  rc=0
  python "$KMEMLAB_SOURCE/tests/oracle/profile_oracle.py" "$out" >"$out.txt" || rc=$?
  [ "$rc" -ne 77 ] || skip "python3-protobuf is not installed"
  [ "$rc" -eq 0 ]
  grep -qx 'contentions/count 102' "$out.txt"
  grep -qx 'delay/nanoseconds 1100000' "$out.txt"
  # 1000 + 4 + 40 in rows, 5000 by the owner side.
  grep -qx 'acquisitions/count 6044' "$out.txt"
  grep -qx 'zone->lock\[Normal\];drain 10 1000000 0 0' "$out.txt"
  kmemlab report --format pprof "$sample" | cmp - "$out"
}

@test "go tool pprof opens it" {
  command -v go >/dev/null || skip "go is not installed"
  kmemlab report --format pprof "$sample" >"$out" || skip "built without protobuf-c"
  run go tool pprof -top -sample_index=delay "$out"
  assert_exit 0
  assert_has "drain"
  assert_has "1.10ms total"
}

@test "Chrome JSON: a bar per CPU and lock, counters, and it says that it is a summary" {
  kmemlab report --format perfetto "$sample" >"$out"
  python3 - "$out" <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
events = d["traceEvents"]
bars = [e for e in events if e["ph"] == "X"]
assert sum(e["dur"] for e in bars) == 1100, "microseconds of waiting"
for tid in {e["tid"] for e in bars}:
    end = 0
    for e in (e for e in bars if e["tid"] == tid):
        assert e["ts"] >= end, "bars of one track overlap"
        end = e["ts"] + e["dur"]
assert {e["ph"] for e in events} == {"M", "X", "C"}
assert "summary" in d["otherData"]["note"]
PYTHON
}

@test "the page is one small file that asks the network for nothing" {
  kmemlab report --format html "$sample" >"$out.html"
  [ "$(wc -c <"$out.html")" -lt 1048576 ]
  [ "$(grep -cE '(src|href)=|@import|url\(|fetch\(|XMLHttpRequest' "$out.html")" -eq 0 ]
  [ "$(grep -c '@DATA@' "$out.html")" -eq 1 ]
  # What is embedded is the result.
  python3 - "$out.html" "$sample" <<'PYTHON'
import json, re, sys
page = open(sys.argv[1], encoding="utf-8").read()
data = re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.S).group(1)
assert json.loads(data)["header"] == json.load(open(sys.argv[2]))["header"]
PYTHON
}

@test "names in a result cannot break out of the page" {
  sed 's,mmap_lock,</script><b>evil,g' "$sample" >"$out.json"
  kmemlab report --format html "$out.json" >"$out.html"
  [ "$(grep -c '<b>evil' "$out.html")" -eq 0 ]
}

@test "a browser sorts the table, draws heat map and histograms" {
  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    skip "chromium is not installed"
  kmemlab report --format html "$sample" >"$out.html"
  render() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$out.profile" \
      --virtual-time-budget=2000 --dump-dom "file://$out.html#$1" 2>/dev/null
  }
  render 'sort=acquired' >"$out.dom"
  [ "$(grep -o '<tr data-lock="[^"]*"' "$out.dom" | head -1)" = '<tr data-lock="pcp[cpu0]"' ]
  render 'sort=name&lock=zone-%3Elock%5BNormal%5D' >"$out.dom"
  [ "$(grep -o '<tr data-lock="[^"]*"' "$out.dom" | head -1)" = '<tr data-lock="mmap_lock"' ]
  grep -q 'id="chosen">zone-&gt;lock\[Normal\]<' "$out.dom"
  # Two cells of the heat map, two waits and one hold step in the histograms.
  [ "$(grep -o 'rgba(214, 69, 65' "$out.dom" | wc -l)" -ge 2 ]
  [ "$(grep -o '<rect' "$out.dom" | wc -l)" -eq 3 ]
}

@test "a browser draws the run in slices and the map of memory" {
  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    skip "chromium is not installed"
  stress pages --cpus 3 --seconds 1 --slices 10 --mem 64M --quiet --out "$out.json"
  kmemlab report --format html "$out.json" >"$out.html"
  [ "$(wc -c <"$out.html")" -lt 1048576 ]
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$out.profile" \
    --virtual-time-budget=2000 --dump-dom "file://$out.html" >"$out.dom" 2>/dev/null
  python3 - "$out.json" "$out.dom" <<'PYTHON'
import json, re, sys
run, dom = json.load(open(sys.argv[1])), open(sys.argv[2], encoding="utf-8").read()
lines = re.findall(r'<polyline points="([^"]*)"[^>]*data-name="([^"]*)"', dom)
names = [name.replace("&gt;", ">") for _, name in lines]
t = run["timeline"]
assert names == (["CPU 0", "CPU 1", "CPU 2"] + [f"node 0 {z['name']}" for z in t["zones"]] +
                 [l["name"] for l in t["locks"]]), names
assert all(len(points.split()) == len(t["end_ns"]) for points, _ in lines)
# The lowest point of a line is its smallest value: the chart shows the numbers of the result.
first = [float(p.split(",")[1]) for p in lines[0][0].split()]
assert first.index(min(first)) == t["pcp_pages"][0].index(max(t["pcp_pages"][0]))
assert dom.count('class="cell"') == len(run["memory_map"]["cells"])
assert '<div id="run">' in dom and '<div id="memory">' in dom
PYTHON
}

@test "unknown formats are refused by name" {
  run kmemlab report --format flamegraph "$sample"
  assert_usage_error "unknown format 'flamegraph'"
  run kmemlab report --format pproff "$sample"
  assert_usage_error "did you mean 'pprof'?"
}
