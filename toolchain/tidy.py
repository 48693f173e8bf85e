#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The style guide as a test: reports what breaks it, with file, line and rule.

usage: tidy.py [--root DIR] [--quiet] [--list-rules]

Exit status: 0 clean (warnings allowed), 1 at least one error, 2 wrong usage.
Every rule has a violating sample in test_tidy.py.
"""

import argparse
import os
import re
import sys

LAYERS = ("runtime", "percpu", "mm", "stress")
# Inside mm a folder may include itself and what stands before it. Files directly in mm/ and the
# /proc texts look at everything.
MM_ORDER = ("page", "slab", "mmu", "kva", "swap", "vma", "reclaim")
OTHER_ROOTS = ("tests",)

# Who may include a foreign header: its prefix, its only users, and what the others do instead.
WRAPPERS = (
    ("ck_", ("runtime/ck_wrap.h",), "use runtime/ck_wrap.h"),
    ("urcu", ("runtime/urcu_wrap.c",), "use runtime/rcu.h"),
    ("sanitizer/", ("runtime/tsan.h",), "use runtime/tsan.h"),
)
VOLATILE_ALLOWED = ("runtime/lib/compiler.h", "runtime/lib/atomic.h")
NO_SANITIZE_ALLOWED = ("runtime/tsan.h", "runtime/sim/")
RAND_ALLOWED = ("runtime/lib/rand.h", "runtime/lib/rand.c")

MAX_FILE_LINES = 600
MAX_COLUMNS = 100
FUNCTION_LINES_WARN = 70
FUNCTION_LINES_MAX = 90
MAX_PARAMETERS = 5

RULES = {
    "layer": "includes point down: stress, mm, percpu, runtime",
    "mm-order": "inside mm they point down: " + ", ".join(reversed(MM_ORDER)),
    "include-path": "a quoted include names its file from the project root",
    "include-c": "no .c file is included",
    "wrapper": "foreign headers are included by their one wrapper file",
    "file-lines": f"a file has at most {MAX_FILE_LINES} lines",
    "function-lines": f"a function has at most {FUNCTION_LINES_MAX} lines",
    "function-long": f"(warning) a function has more than {FUNCTION_LINES_WARN} lines",
    "parameters": f"(warning) a function has more than {MAX_PARAMETERS} parameters",
    "spdx": "the file begins with its SPDX licence line",
    "file-sentence": "after the licence line a comment says what the file is",
    "volatile": "volatile is not synchronisation; use runtime/lib/atomic.h",
    "sanitize": "no code is hidden from the sanitizers outside runtime/tsan.h and runtime/sim",
    "rand": "the only source of randomness is runtime/lib/rand.h",
    "tabs": "C is indented with tabs",
    "columns": f"a line has at most {MAX_COLUMNS} columns",
    "whitespace": "no trailing blanks; the file ends with one newline",
    "banned-word": "no notes to self: an open point is an issue, not a comment",
    "conditional": "no #if inside a function of mm or percpu: use an empty inline",
}
WARNINGS = ("function-long", "parameters")

C_SUFFIXES = (".c", ".h")
SCRIPT_SUFFIXES = (".py", ".sh", ".bash", ".bats", ".cmake", ".txt")
SCANNED = LAYERS + OTHER_ROOTS + ("toolchain", ".ci")
SKIPPED = {"__pycache__", "data", "build"}

# Split, so that this file does not break its own rule.
BANNED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
ASM_VOLATILE = re.compile(r"\b(?:asm|__asm__|__asm)\s+(?:volatile|__volatile__)\b")
VOLATILE = re.compile(r"\b(?:volatile|__volatile__|__volatile)\b")
NO_SANITIZE = re.compile(r"\b(?:no_sanitize\w*|disable_sanitizer_instrumentation)\b")
RAND = re.compile(r"(?<![\w.>])(?:s?rand|s?random|rand_r|random_r|[delmnj]rand48|srand48)\s*\(")
CONDITIONAL = re.compile(r"[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else)\b")
BAD_INDENT = re.compile(r"^\t* {8}[ \t]*\S|^ +\t[ \t]*\S|(?<=[;{})]\n) {2,7}\S", re.M)
BLANK_END = re.compile(r"[ \t\r]+$", re.M)


def blank(match):
    """Replaces a comment or a literal by blanks, keeping its first character and line breaks."""
    text = match.group()
    if "\n" not in text:
        return text[0] + " " * (len(text) - 1)
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One file: its text, the text without comments and literals, and where lines begin."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.is_c = path.endswith(C_SUFFIXES)
        self.lines = text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.code = TOKEN.sub(blank, text) if self.is_c else text

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1


def rank_of_mm(path):
    """The place of a file in the order inside mm; past its end for what may see everything."""
    parts = path.split("/")
    if parts[0] == "mm" and len(parts) > 2 and parts[1] in MM_ORDER:
        return MM_ORDER.index(parts[1])
    return len(MM_ORDER)


def check_includes(src):
    folder = src.path.split("/")[0]
    for match in INCLUDE.finditer(src.text):
        kind, name = match.groups()
        line = src.line_of(match.start())
        target = name.split("/")[0]
        if name.endswith(".c"):
            yield line, "include-c", f"includes {name}; compile it as a file of its own"
        if kind == '"':
            for prefix, users, remedy in WRAPPERS:
                if name.startswith(prefix):
                    yield line, "wrapper", f'"{name}" is only for {", ".join(users)}; {remedy}'
            if target not in LAYERS + OTHER_ROOTS or "/" not in name or ".." in name:
                yield line, "include-path", f'"{name}" must start with a layer, as "mm/page/gfp.h"'
                continue
        else:
            for prefix, users, remedy in WRAPPERS:
                if name.startswith(prefix) and src.path not in users:
                    yield line, "wrapper", f"<{name}> is only for {', '.join(users)}; {remedy}"
            if target in LAYERS:
                yield line, "include-path", f'<{name}> is ours: write "{name}"'
        if folder not in LAYERS:
            continue
        if target in OTHER_ROOTS:
            yield line, "layer", f"{folder} includes {name}: product code never needs a test"
        if target not in LAYERS:
            continue
        if LAYERS.index(target) > LAYERS.index(folder):
            yield line, "layer", f"{folder} includes {name}, a layer above it"
        elif folder == target == "mm" and rank_of_mm(name) > rank_of_mm(src.path):
            yield line, "mm-order", f"{src.path} includes {name}, which stands above it"


def functions(src):
    """Yields name, line of the opening brace, line of the closing one, parameters as text."""
    lines = src.code.split("\n")
    start = None
    for number, line in enumerate(lines):
        if start is None:
            if line.startswith("{"):
                start = number
        elif line.startswith("}"):
            name, parameters = signature(lines, start)
            if name:
                yield name, start + 1, number + 1, parameters
            start = None


def signature(lines, brace):
    """The name and parameters of the function whose opening brace is on this line."""
    first = brace
    while first > 0:
        above = lines[first - 1].rstrip()
        if above == "" or above.endswith((";", "}", "\\")) or above.startswith("#"):
            break
        first -= 1
    text = " ".join(lines[first:brace])
    match = re.search(r"(\w+)\s*\(", text)
    if not match or text.rstrip().endswith("="):
        return None, ""
    depth = 0
    for end in range(match.end() - 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return match.group(1), text[match.end():end]
    return match.group(1), ""


def count_parameters(text):
    depth = 0
    count = 1
    for char in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
        count += char == "," and depth == 0
    return count


def check_functions(src):
    strict = src.path.startswith(("mm/", "percpu/"))
    lines = src.code.split("\n")
    for name, first, last, parameters in functions(src):
        length = last - first + 1
        if length > FUNCTION_LINES_MAX:
            yield first, "function-lines", f"{name}() has {length} lines: split it"
        elif length > FUNCTION_LINES_WARN:
            yield first, "function-long", f"{name}() has {length} lines"
        if count_parameters(parameters) > MAX_PARAMETERS:
            yield first, "parameters", f"{name}() has {count_parameters(parameters)} parameters"
        if strict:
            for number in range(first, last):
                if CONDITIONAL.match(lines[number]):
                    yield number + 1, "conditional", f"preprocessor condition inside {name}()"


def allowed(path, places):
    return any(path == p or (p.endswith("/") and path.startswith(p)) for p in places)


def check_tokens(src):
    path = src.path
    if "volatile" in src.code and not allowed(path, VOLATILE_ALLOWED):
        code = ASM_VOLATILE.sub(lambda match: " " * len(match.group()), src.code)
        for match in VOLATILE.finditer(code):
            yield src.line_of(match.start()), "volatile", "use READ_ONCE, WRITE_ONCE or an atomic"
    if "saniti" in src.code and not allowed(path, NO_SANITIZE_ALLOWED):
        for match in NO_SANITIZE.finditer(src.code):
            yield src.line_of(match.start()), "sanitize", f"{match.group()} hides code from checks"
    if "rand" in src.code and not allowed(path, RAND_ALLOWED):
        for match in RAND.finditer(src.code):
            yield src.line_of(match.start()), "rand", "draw from runtime/lib/rand.h"
    for match in BAD_INDENT.finditer(src.code):
        yield src.line_of(match.start()), "tabs", "indent with tabs of 8"


def check_head(src):
    head = 1 if src.lines and src.lines[0].startswith("#!") else 0
    if len(src.lines) <= head or "SPDX-License-Identifier: MIT" not in src.lines[head]:
        comment = "/* {} */" if src.is_c else "# {}"
        want = comment.format("SPDX-License-Identifier: MIT")
        yield head + 1, "spdx", f"the first line must be: {want}"
        return
    if src.is_c:
        after = src.lines[head + 1].strip() if len(src.lines) > head + 1 else ""
        if not after.startswith(("/*", "*")):
            yield head + 2, "file-sentence", "say in one sentence what the file is"


def check_text(src):
    if len(src.lines) > MAX_FILE_LINES:
        yield MAX_FILE_LINES + 1, "file-lines", f"{len(src.lines)} lines: split it"
    for number, line in enumerate(src.lines, 1):
        if len(line) * 8 > MAX_COLUMNS and len(line.expandtabs(8)) > MAX_COLUMNS:
            yield number, "columns", f"{len(line.expandtabs(8))} columns"
    for match in BLANK_END.finditer(src.text):
        yield src.line_of(match.start()), "whitespace", "trailing blanks"
    if src.text and (not src.text.endswith("\n") or src.text.endswith("\n\n")):
        yield len(src.lines), "whitespace", "end the file with exactly one newline"
    for match in BANNED.finditer(src.text):
        yield src.line_of(match.start()), "banned-word", f"{match.group()} is not for the tree"


def check(src):
    yield from check_head(src)
    yield from check_text(src)
    if src.is_c:
        yield from check_includes(src)
        yield from check_functions(src)
        yield from check_tokens(src)


def is_script(root, path):
    """A file without a suffix counts when it starts with an interpreter line."""
    if "." in os.path.basename(path):
        return path.endswith(SCRIPT_SUFFIXES)
    with open(os.path.join(root, path), "rb") as file:
        return file.read(2) == b"#!"


def sources(root):
    for name in ("CMakeLists.txt",):
        if os.path.isfile(os.path.join(root, name)):
            yield name
    for top in SCANNED:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if path.endswith(C_SUFFIXES) or is_script(root, path):
                    yield path


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--root", default=os.path.dirname(here))
    parser.add_argument("--quiet", action="store_true", help="no warnings, no summary when clean")
    parser.add_argument("--list-rules", action="store_true")
    args = parser.parse_args(arguments)
    if args.list_rules:
        for rule, text in RULES.items():
            print(f"{rule:15} {text}")
        return 0
    if not os.path.isdir(args.root):
        parser.error(f"--root {args.root}: no such folder")

    files = errors = warnings = 0
    for path in sources(args.root):
        with open(os.path.join(args.root, path), encoding="utf-8", errors="replace") as file:
            src = Source(path, file.read())
        files += 1
        for line, rule, message in sorted(set(check(src))):
            is_warning = rule in WARNINGS
            warnings += is_warning
            errors += not is_warning
            if not (is_warning and args.quiet):
                kind = "warning" if is_warning else "error"
                print(f"{path}:{line}: {kind}: {message} [{rule}]")
    if errors or not args.quiet:
        print(f"tidy: {files} files, {errors} errors, {warnings} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
