#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Computes with scipy what stress/compare/stats.c computes, for tests/unit/test_stats.c.

usage: stats_oracle.py --check      exit 0 when scipy is there, 77 when not
       stats_oracle.py CASES.json   prints the answers as JSON

CASES.json: {"tests": [{"a": [...], "b": [...]}], "holm": [[...]]}. Nothing here shares a method
with the C code: the rank test is scipy's or a full enumeration, the interval of the shift comes
from moving one sample until the test accepts it.
"""

import json
import sys

try:
    import numpy as np
    from scipy import stats
except ImportError:
    print("scipy is not installed: apt install python3-scipy", file=sys.stderr)
    sys.exit(77)

ALPHA = 0.05
# Both samples together up to which the C code computes exactly.
EXACT_MAX = 140


def rank_test(a, b):
    pooled = np.concatenate([a, b])
    if len(pooled) > EXACT_MAX:
        return stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    if len(np.unique(pooled)) == len(pooled):
        return stats.mannwhitneyu(a, b, method="exact").pvalue
    ranks = stats.rankdata(pooled)
    result = stats.permutation_test(
        (ranks[:len(a)], ranks[len(a):]), lambda x, y, axis: np.sum(x, axis=axis),
        permutation_type="independent", vectorized=True, n_resamples=np.inf)
    return result.pvalue


def shift_interval(a, b):
    """The shifts that the exact test does not reject; None when it rejects none or has ties."""
    steps = np.unique(np.subtract.outer(b, a))
    if len(a) + len(b) > EXACT_MAX or len(steps) != len(a) * len(b):
        return None
    inside = []
    for low, high in zip(steps[:-1], steps[1:]):
        p = stats.mannwhitneyu(a, b - (low + high) / 2, method="exact").pvalue
        if p > ALPHA:
            inside.append((low, high))
    outside = stats.mannwhitneyu(a, b - steps[-1] - 1, method="exact").pvalue
    if outside > ALPHA or not inside:
        return None
    return [float(inside[0][0]), float(inside[-1][1])]


def median_interval(a):
    k = int(stats.binom.ppf(ALPHA / 2, len(a), 0.5))
    ordered = np.sort(a)
    return [float(ordered[k - 1]), float(ordered[-k])] if k >= 1 else None


def answer(case):
    a = np.array(case["a"], dtype=float)
    b = np.array(case["b"], dtype=float)
    return {
        "u": float(stats.mannwhitneyu(a, b).statistic),
        "p": float(rank_test(a, b)),
        "shift": float(np.median(np.subtract.outer(b, a))),
        "shift_interval": shift_interval(a, b),
        "median": float(np.median(a)),
        "median_interval": median_interval(a),
        "variation": float(abs(stats.variation(a, ddof=1))) if len(a) > 1 else None,
    }


def holm(p):
    """Straight from the definition: no sorting, no running maximum."""
    n = len(p)
    rank = [sum(q < p[i] for q in p) for i in range(n)]
    return [max(min(1.0, (n - rank[j]) * p[j]) for j in range(n) if p[j] <= p[i])
            for i in range(n)]


def main():
    if sys.argv[1:] == ["--check"]:
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    json.dump({"tests": [answer(c) for c in cases["tests"]],
               "holm": [holm(p) for p in cases["holm"]]}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
