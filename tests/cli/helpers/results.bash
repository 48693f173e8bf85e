# SPDX-License-Identifier: MIT
# Results for the tests of diff, gate and bench.
#
#   variant FILE [STATEMENT...]   the sample result, changed by Python statements about `r`
#   result_set PREFIX FACTOR      ten results PREFIX1.json .. whose waits and holds are FACTOR long,
#                                 each run a little different

variant() {
  python3 - "$KMEMLAB_DATA/report/sample.json" "$@" <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    r = json.load(file)
for statement in sys.argv[3:]:
    exec(statement)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(r, file)
PYTHON
}

result_set() {
  python3 - "$KMEMLAB_DATA/report/sample.json" "$@" <<'PYTHON'
import copy
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    sample = json.load(file)
factor = float(sys.argv[3])
for i in range(1, 11):
    r = copy.deepcopy(sample)
    spread = factor * (1 + (i - 5) / 400)
    r["header"]["seed"] = i
    r["ops"] = {"total": 100000}
    r["exact"] = {"vm_events": {"pcp_refill": 4000, "pgfree": 90000}}
    r["sampled"] = {"ops_per_second": 100000 / spread}
    for row in r["locks"]["rows"]:
        row["wait"]["sum_ns"] = int(row["wait"]["sum_ns"] * 100 * spread)
        for hold in ("hold", "hold_contended"):
            row[hold]["sum_ns"] = int(row[hold]["sum_ns"] * 20 * spread)
    for pair in r["locks"]["pairs"]:
        pair["wait"]["sum_ns"] = int(pair["wait"]["sum_ns"] * 100 * spread)
    with open(f"{sys.argv[2]}{i}.json", "w", encoding="utf-8") as file:
        json.dump(r, file)
PYTHON
}
