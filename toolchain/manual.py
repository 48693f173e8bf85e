#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the manual pages and bash's completion from what the programs say about themselves.

    manual.py --bin DIR --out DIR --text DIR [--launcher PROGRAM]

The options of a page are those of --help, so that a page cannot say anything else. What --help does
not say, examples above all, is in TEXT/NAME.txt: headings are lines in capitals, indented lines
are shown as they are. The words that an option accepts come from the message that refuses "?".
"""

import argparse
import os
import re
import subprocess
import sys

# Options whose value is one of a few words; the others are numbers, files and free text.
WORD_ARGUMENTS = ("NAME", "POLICY", "MODE", "KEY", "FORMAT", "GOAL", "VIEW")
OPTION = re.compile(r"^ {2,6}(?:-(?P<short>.), +)?(?:--(?P<long>[a-z0-9-]+))?"
                    r"(?P<arg>\[?=\S+| \S+)?(?: {2,}(?P<doc>\S.*))?$")
# The three ways in which a value is refused with what would be right.
CHOICES = (re.compile(r"choose (?:one of )?(.*)"), re.compile(r"is none of (.*)"))
ENVIRONMENT = """ENVIRONMENT

NO_COLOR, CLICOLOR_FORCE: no colour at all, or colour also where the output is no terminal.

KMEMLAB_DATA: the folder of the bundled traces, instead of the installed one.
"""


class Program:
    """One page: how it is called, and what its --help says, taken apart."""

    def __init__(self, words, launcher, binaries):
        self.words = words
        self.page = "-".join(os.path.basename(word) for word in words)
        self.spoken = " ".join(words)
        self.command = launcher + [os.path.join(binaries, words[0])] + words[1:]
        self.summary = ""
        self.usage, self.doc, self.options, self.tail = [], [], [], []
        self.parse(self.run("--help").stdout)

    def run(self, *arguments, limit=60):
        """Runs the program; the right margin keeps argp from breaking lines."""
        env = dict(os.environ, ARGP_HELP_FMT="rmargin=5000", NO_COLOR="1")
        return subprocess.run(self.command + list(arguments), env=env, capture_output=True,
                              text=True, timeout=limit, check=False, stdin=subprocess.DEVNULL)

    def parse(self, text):
        part = "usage"
        for line in text.splitlines():
            match = OPTION.match(line) if part != "usage" else None
            if part == "usage" and re.match(r"Usage:|  or: ", line):
                self.usage.append(line.split(":", 1)[1].strip())
            elif part == "usage":
                part = "doc"
                self.doc.append(line)
            elif match and (match["long"] or match["short"]):
                part = "options"
                self.options.append(match)
            elif line.startswith("Mandatory or optional"):
                part = "tail"
            elif part == "options" and line.startswith(" ") and line.endswith(":"):
                self.options.append(line.strip())
            elif part == "options" and line and not line.startswith(" "):
                part = "tail"
                self.tail.append(line)
            elif part == "doc" and line.startswith(" ") and line.endswith(":"):
                part = "options"
                self.options.append(line.strip())
            elif part in ("doc", "tail"):
                (self.doc if part == "doc" else self.tail).append(line)
        if not self.usage:
            sys.exit(f"manual.py: {self.spoken} --help has no usage line")

    def refusal(self, option):
        """What it says to a value that cannot be right; nothing when it takes even that."""
        # Should a stress program take it, one small operation is all that it runs.
        small = [] if self.words[0] == "kmemlab" else ["--ops=1", "--cpus=1", "--mem=16M"]
        try:
            return self.run(f"--{option}=?", *small, limit=5).stderr
        except subprocess.TimeoutExpired:
            return ""

    def matches(self):
        return [option for option in self.options if not isinstance(option, str)]

    def values(self):
        """The words that each option with a choice accepts, by option."""
        found = {}
        for option in self.matches():
            arg = (option["arg"] or "").strip("[]= ")
            if not option["long"]:
                continue
            if "|" in arg:
                found["--" + option["long"]] = arg.split("|")
            elif arg in WORD_ARGUMENTS:
                words = choices(self.refusal(option["long"]))
                if words:
                    found["--" + option["long"]] = words
        return found


def choices(message):
    for pattern in CHOICES:
        match = pattern.search(message)
        if match:
            words = re.split(r", | or ", match[1].strip())
            # "random[:P]": the word, and what may follow it.
            words = [re.sub(r"\[.*|[:=].*", "", word) for word in words]
            return [word for word in words if re.fullmatch(r"[a-z0-9_.-]+", word)]
    return []


def roff(text):
    """Text as roff: hyphens that stay hyphens, and no line that looks like a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def roff_option(option):
    arg = (option["arg"] or "").strip()
    names = []
    if option["short"]:
        names.append(f"\\fB\\-{roff(option['short'])}\\fR")
    if option["long"]:
        value = f"=\\fI{roff(arg.lstrip('='))}\\fR" if arg else ""
        names.append(f"\\fB\\-\\-{roff(option['long'])}\\fR{value}")
    return ".TP\n" + ", ".join(names) + "\n" + roff(option["doc"] or "") + "\n"


def roff_text(lines):
    """Paragraphs, headings in capitals and indented lines as they are."""
    out, shown = [], False
    for line in lines:
        indented = line.startswith("  ") and line.strip()
        if shown and not indented:
            out.append(".fi\n.RE")
            shown = False
        if indented and not shown:
            out.append(".PP\n.RS 4\n.nf")
            shown = True
        if indented:
            out.append(roff(line.strip()))
        elif re.fullmatch(r"[A-Z][A-Z ]+", line):
            out.append(".SH " + line)
        else:
            out.append(roff(line) if line.strip() else ".PP")
    if shown:
        out.append(".fi\n.RE")
    text = "\n".join(out)
    # A paragraph request right after a heading or before the next one says nothing.
    text = re.sub(r"(?:\.PP\n)+(?=\.PP|\.SH)|(?<=\n)\.PP\n*\Z", "", text + "\n")
    return re.sub(r"(\.SH [A-Z ]+\n)\.PP\n", r"\1", text).rstrip("\n") + "\n"


def page_of(program, version, folder, others):
    title = program.page.upper().replace("-", "\\-")
    text = [f'.TH "{title}" 1 "" "kmemlab {version}" "kmemlab"\n',
            ".SH NAME\n", f"{roff(program.page)} \\- {roff(program.summary)}\n",
            ".SH SYNOPSIS\n"]
    for line in program.usage:
        text.append(f".nf\n{roff(line)}\n.fi\n")
    text.append(".SH DESCRIPTION\n" + roff_text(program.doc))
    if program.options:
        text.append(".SH OPTIONS\n")
    for option in program.options:
        text.append(f".SS {roff(option.rstrip(':'))}\n" if isinstance(option, str)
                    else roff_option(option))
    status = [line for line in program.tail if line.startswith("Exit status")]
    rest = [line for line in program.tail if line not in status]
    if any(line.strip() for line in rest):
        text.append(".SH NOTES\n" + roff_text(rest))
    for line in status:
        text.append(".SH EXIT STATUS\n" + roff(line.split(":", 1)[1].strip().capitalize()) + "\n")
    extra = os.path.join(folder, program.page + ".txt")
    if os.path.exists(extra):
        with open(extra, encoding="utf-8") as f:
            text.append(roff_text(f.read().splitlines()))
    text.append(roff_text(ENVIRONMENT.splitlines()))
    text.append(".SH SEE ALSO\n" +
                ",\n".join(f".BR {roff(name)} (1)" for name in others if name != program.page)
                .replace(",\n", " ,\n") + "\n")
    return "".join(text)


def completion_of(programs, positional):
    """A script of bash: two tables and one function that reads them."""
    names, values = [], []
    for program in programs:
        longs = " ".join("--" + o["long"] for o in program.matches() if o["long"])
        names.append(f"  '{program.spoken}') echo '{longs}' ;;\n")
        for option, words in sorted(program.values().items()):
            values.append(f"  '{program.spoken} {option}') echo '{' '.join(words)}' ;;\n")
    words = [f"  '{name}') echo '{' '.join(found)}' ;;\n" for name, found in positional.items()]
    stress = " ".join(p.spoken for p in programs if p.words[0] != "kmemlab")
    return f"""# SPDX-License-Identifier: MIT
# bash completion of kmemlab and its stress programs; written by toolchain/manual.py.

_kmemlab_options() {{
  case $1 in
{''.join(names)}  esac
}}

_kmemlab_values() {{
  case $1 in
{''.join(values)}  esac
}}

_kmemlab_words() {{
  case $1 in
{''.join(words)}  esac
}}

_kmemlab() {{
  local program=${{COMP_WORDS[0]##*/}} cur=${{COMP_WORDS[COMP_CWORD]}} at=$((COMP_CWORD - 1)) words
  COMPREPLY=()
  # "=" is a word of its own here.
  [ "$cur" = = ] && cur=
  [ "${{COMP_WORDS[at]}}" = = ] && at=$((at - 1))
  if [ "$program" = kmemlab ] && [ "$COMP_CWORD" -gt 1 ]; then
    program="kmemlab ${{COMP_WORDS[1]}}"
    # `kmemlab stress NAME` takes the options of stress-NAME.
    if [ "$program" = 'kmemlab stress' ] && [ "$COMP_CWORD" -gt 2 ]; then
      program=stress-${{COMP_WORDS[2]}}
    fi
  fi
  words=$(_kmemlab_values "$program ${{COMP_WORDS[at]}}")
  if [ -z "$words" ]; then
    case $cur in
    -*) words=$(_kmemlab_options "$program") ;;
    *) words=$(_kmemlab_words "$program") ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}

complete -o default -F _kmemlab kmemlab {stress}
"""


def first_words(text):
    return re.findall(r"^ {0,2}([a-z][a-z0-9-]*)(?: {2,}| |$)", text, flags=re.M)


def collect(arguments):
    launcher = [arguments.launcher] if arguments.launcher else []
    root = Program(["kmemlab", "help"], launcher, arguments.bin)
    listing = root.run().stdout
    commands = dict(re.findall(r"^  ([a-z]+) +(.*)$", listing, flags=re.M))
    programs = []
    for name, summary in commands.items():
        program = Program(["kmemlab", name], launcher, arguments.bin)
        program.summary = summary
        programs.append(program)
    for name in sorted(os.listdir(arguments.bin)):
        if not name.startswith("stress-"):
            continue
        program = Program([name], launcher, arguments.bin)
        program.summary = program.doc[0].split(":")[0].split(".")[0]
        program.summary = program.summary[0].lower() + program.summary[1:]
        programs.append(program)
    version = root.run("--help") and re.search(
        r"\d+\.\d+\.\d+", Program(["kmemlab", "version"], launcher, arguments.bin).run().stdout)[0]
    return listing, commands, programs, version


def words_of(commands, programs):
    """What the first argument of a command may be."""
    by_name = {program.spoken: program for program in programs}
    stress = [p.spoken[len("stress-"):] for p in programs if p.words[0] != "kmemlab"]
    words = {"kmemlab": list(commands), "kmemlab stress": stress, "kmemlab help": list(commands)}
    for name in ("explore", "proc"):
        program = by_name.get("kmemlab " + name)
        if program:
            words[program.spoken] = first_words(program.run("list").stdout) + ["list"]
    return words


def overview(listing, programs):
    """The page of the command itself, from the list of its commands."""
    lines = listing.splitlines()
    text = [line for line in lines if not line.startswith("usage:")]
    text = ["  " + line.strip() if line.startswith("  ") else line for line in text]
    page = object.__new__(Program)
    page.words, page.page, page.spoken = ["kmemlab"], "kmemlab", "kmemlab"
    page.summary = "the Linux kernel's memory management in user space"
    page.usage = ["kmemlab COMMAND [OPTION...]"]
    page.doc, page.options, page.tail = text, [], []
    return [page] + programs


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--launcher")
    arguments = parser.parse_args()
    listing, commands, programs, version = collect(arguments)
    pages = overview(listing, programs)
    names = [program.page for program in pages]
    man = os.path.join(arguments.out, "man")
    for old in os.listdir(man) if os.path.isdir(man) else []:
        os.remove(os.path.join(man, old))
    for program in pages:
        write(os.path.join(man, program.page + ".1"),
              page_of(program, version, arguments.text, names))
    folder = os.path.join(arguments.out, "completions")
    write(os.path.join(folder, "kmemlab"), completion_of(programs, words_of(commands, programs)))
    for program in programs:
        if program.words[0] != "kmemlab":
            write(os.path.join(folder, program.spoken),
                  '# SPDX-License-Identifier: MIT\nsource "${BASH_SOURCE%/*}/kmemlab"\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
