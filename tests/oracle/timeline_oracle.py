#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks a timeline of events (Chrome JSON): spans nest on every track, every flow goes from its
sender over its target back to the sender, counters and names are there.  Prints one line per kind
with its number."""

import collections
import json
import sys


def check_nesting(spans):
    """On one track a span lies within another or beside it."""
    tracks = collections.defaultdict(list)
    for span in spans:
        # Nanoseconds as integers: sums of decimal fractions would not compare.
        start, dur = round(span["ts"] * 1000), round(span["dur"] * 1000)
        assert start >= 0 and dur >= 0, span
        tracks[span["pid"], span["tid"]].append((start, -dur, span["name"]))
    for track, list_of_spans in tracks.items():
        open_ends = []
        for start, minus_dur, name in sorted(list_of_spans):
            while open_ends and open_ends[-1][0] <= start:
                open_ends.pop()
            end = start - minus_dur
            assert not open_ends or end <= open_ends[-1][0], (track, name, start, open_ends[-1])
            open_ends.append((end, name))
    return len(tracks)


def check_flows(events):
    """One flow per call: s on the sender, t on the target, perhaps f on the sender; in time."""
    flows = collections.defaultdict(list)
    for event in events:
        if event["ph"] in "stf":
            flows[event["id"]].append(event)
    complete = 0
    for name, steps in flows.items():
        sender, target, _ = (int(word) for word in name.split("-"))
        assert sender != target, name
        steps.sort(key=lambda e: (e["ts"], "stf".index(e["ph"])))
        kinds = "".join(step["ph"] for step in steps)
        assert kinds in ("s", "st", "stf"), (name, kinds)
        for step in steps:
            assert step["tid"] == (target if step["ph"] == "t" else sender), (name, step)
        complete += kinds != "s"
    return len(flows), complete


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        document = json.load(f)
    events = document["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    tracks = check_nesting(spans)
    flows, complete = check_flows(events)
    names = [e["args"]["name"] for e in events if e["ph"] == "M"]
    assert "CPUs" in names and "CPU 0" in names or "CPU 0 (begins later: ring full)" in names
    counters = {event["name"] for event in events if event["ph"] == "C"}
    for cat, nr in sorted(collections.Counter(span["cat"] for span in spans).items()):
        print(cat, nr)
    print("tracks", tracks)
    print("flows", flows, complete)
    print("counters", len(counters))
    print("lost", document["otherData"]["events_lost"])


if __name__ == "__main__":
    main()
