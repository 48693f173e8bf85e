#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tidy.py: every rule reports its violating sample at its line, and clean code passes."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TIDY = os.path.join(HERE, "tidy.py")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import tidy  # noqa: E402  (needs the path above)

HEAD = "/* SPDX-License-Identifier: MIT */\n/* A sample. */\n"
NOTE = "TO" + "DO"

# Rule -> list of (path, text below the two head lines, line that is reported).
VIOLATIONS = {
    "layer": [
        ("percpu/a.c", '#include "mm/page/gfp.h"\n', 3),
        ("runtime/a.h", '#include "percpu/percpu.h"\n', 3),
        ("mm/page/a.c", '\n#include "stress/harness/boot.h"\n', 4),
        ("stress/a.c", '#include "tests/support/a.h"\n', 3),
    ],
    "mm-order": [
        ("mm/page/a.c", '#include "mm/slab/slab.h"\n', 3),
        ("mm/vma/a.c", '#include "mm/reclaim/oom.h"\n', 3),
        ("mm/slab/a.c", '#include "mm/init.h"\n', 3),
    ],
    "include-path": [
        ("mm/page/a.c", '#include "gfp.h"\n', 3),
        ("mm/page/a.c", '#include "mm/../mm/page/gfp.h"\n', 3),
        ("mm/page/a.c", "#include <runtime/cpu.h>\n", 3),
    ],
    "include-c": [("tests/unit/test_a.c", '#include "mm/page/a.c"\n', 3)],
    "wrapper": [
        ("runtime/spinlock.c", "#include <ck_spinlock.h>\n", 3),
        ("tests/bench/bench_a.c", "#include <urcu/urcu-qsbr.h>\n", 3),
        ("runtime/fiber.c", "#include <sanitizer/tsan_interface.h>\n", 3),
    ],
    "file-lines": [("runtime/a.c", "int a;\n" * 599, 601)],
    "function-lines": [
        ("runtime/a.c", "static int f(void)\n{\n" + "\t;\n" * 89 + "}\n", 4),
    ],
    "function-long": [
        ("runtime/a.c", "static int f(void)\n{\n" + "\t;\n" * 69 + "}\n", 4),
    ],
    "parameters": [
        ("runtime/a.c", "int f(int a, int b, int c,\n      int d, int e, int f)\n{\n}\n", 5),
    ],
    "volatile": [("mm/page/a.c", "static volatile int ready;\n", 3)],
    "sanitize": [("mm/page/a.c", '__attribute__((no_sanitize("thread"))) int f(void);\n', 3)],
    "rand": [("stress/a.c", "int f(void)\n{\n\treturn rand();\n}\n", 5)],
    "tabs": [
        ("mm/page/a.c", "int f(void)\n{\n        return 0;\n}\n", 5),
        ("mm/page/a.c", "int f(void)\n{\n    return 0;\n}\n", 5),
    ],
    "columns": [("mm/page/a.c", "\t/* " + "a" * 95 + " */\n", 3)],
    "whitespace": [
        ("mm/page/a.c", "int a; \n", 3),
        ("mm/page/a.c", "int a;", 3),
        ("mm/page/a.c", "int a;\n\n", 4),
    ],
    "banned-word": [("mm/page/a.c", f"/* {NOTE}: later */\n", 3)],
    "conditional": [
        ("mm/page/a.c", "int f(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n", 5),
        ("percpu/a.h", "static inline int f(void)\n{\n# if A\n\tg();\n#endif\n}\n", 5),
    ],
}

# Samples whose head itself is wrong: rule -> (path, whole text, line).
HEADLESS = {
    "spdx": ("mm/page/a.c", "int a;\n", 1),
    "file-sentence": ("mm/page/a.c", "/* SPDX-License-Identifier: MIT */\nint a;\n", 2),
}

CLEAN = {
    "runtime/a.c": "#include <stdint.h>\n\n#include \"runtime/a.h\"\n\nint f(int a,\n      int b)\n"
                   "{\n\t__asm__ __volatile__(\"\" ::: \"memory\");\n\tasm volatile(\"\");\n"
                   "\treturn a + b; /* not volatile, no rand() */\n}\n",
    "runtime/ck_wrap.h": "#include <ck_spinlock.h>\n",
    "runtime/urcu_wrap.c": "#include <urcu/urcu-qsbr.h>\n#include <urcu.h>\n",
    "runtime/tsan.h": '#include <sanitizer/tsan_interface.h>\n#define N no_sanitize("thread")\n',
    "runtime/lib/atomic.h": "#define ONCE(x) (*(volatile int *)&(x))\n",
    "mm/slab/a.c": '#include "mm/page/gfp.h"\n#include "percpu/percpu.h"\n'
                   '#include "runtime/cpu.h"\n#ifdef A\nstatic int g;\n#endif\n'
                   "static const int t[] =\n{\n#if 1\n\t1,\n#endif\n};\n",
    "mm/procfs.c": '#include "mm/reclaim/oom.h"\n',
    "stress/harness/a.c": 'int f(void)\n{\n\treturn rand_below(3) + r->rand(1);\n'
                          'out:\n\treturn 0;\n}\n',
    "tests/mt/test_a.c": '#include "stress/harness/boot.h"\n#include "tests/support/a.h"\n',
}


def run_on(files):
    """Runs tidy.py over a tree of these files; returns its exit status and its output."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = tidy.main(["--root", root])
        return status, output.getvalue()


class TidyTest(unittest.TestCase):
    def expect(self, rule, path, text, line):
        status, output = run_on({path: text})
        kind = "warning" if rule in tidy.WARNINGS else "error"
        reported = [one for one in output.splitlines() if one.endswith(f"[{rule}]")]
        self.assertEqual(len(reported), 1, output)
        self.assertTrue(reported[0].startswith(f"{path}:{line}: {kind}: "), output)
        self.assertEqual(status, 0 if kind == "warning" else 1, output)

    def test_every_violation_is_reported(self):
        for rule, samples in VIOLATIONS.items():
            for path, text, line in samples:
                with self.subTest(rule=rule, path=path):
                    self.expect(rule, path, HEAD + text, line)
        for rule, (path, text, line) in HEADLESS.items():
            with self.subTest(rule=rule, path=path):
                self.expect(rule, path, text, line)

    def test_every_rule_has_a_sample(self):
        self.assertEqual(set(tidy.RULES), set(VIOLATIONS) | set(HEADLESS))

    def test_clean_code_passes(self):
        status, output = run_on({path: HEAD + text for path, text in CLEAN.items()})
        self.assertEqual(output, f"tidy: {len(CLEAN)} files, 0 errors, 0 warnings\n")
        self.assertEqual(status, 0)

    def test_scripts_are_checked_and_data_is_not(self):
        status, output = run_on({
            "toolchain/tool": "#!/bin/sh\necho\n",
            "toolchain/blob": "no interpreter line, no source\n",
            "tests/data/sample.c": "anything \n",
        })
        self.assertEqual(status, 1)
        self.assertIn("toolchain/tool:2: error:", output)
        self.assertIn("tidy: 1 files, 1 errors, 0 warnings", output)

    def test_wrong_root_is_a_usage_error(self):
        done = subprocess.run([sys.executable, TIDY, "--root", "/nonexistent"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no such folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
