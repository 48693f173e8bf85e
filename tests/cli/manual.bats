#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual pages say what --help says, and the completion of bash knows the same words.

load helpers/common

setup() {
  MANUAL=$(dirname "$KMEMLAB_BIN")/manual
}

# Programs with a page of options: "kmemlab-report kmemlab report" and so on.
programs() {
  local name
  for name in $("$KMEMLAB_BIN/kmemlab" help | awk '/^  [a-z]/ { print $1 }'); do
    echo "kmemlab-$name kmemlab $name"
  done
  for name in "$KMEMLAB_BIN"/stress-*; do
    echo "$(basename "$name") $(basename "$name")"
  done
}

# The options in a page: the first line of each tagged paragraph of the section OPTIONS.
options_of_page() {
  sed -n '/^\.SH OPTIONS/,/^\.SH [^O]/p' "$1" | grep -A1 '^\.TP' | grep -v '^\.TP\|^--$' |
    sed 's/\\-/-/g; s/\\f.//g' | grep -o -e '--[a-z][a-z0-9-]*' | sort
}

# complete_words WORD...: what the last word may become.
complete_words() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _kmemlab
  echo "${COMPREPLY[*]}"
}

@test "every option of --help is in the page, and every option of the page in --help" {
  local page program words
  while read -r page words; do
    read -ra program <<<"$words"
    [ -f "$MANUAL/man/$page.1" ] || fail "no page $page"
    # A line of an option begins with it; a mention in a text does not count.
    ARGP_HELP_FMT=rmargin=5000 "$KMEMLAB_BIN/${program[0]}" "${program[@]:1}" --help |
      grep -o -E '^ +(-.,)? +--[a-z][a-z0-9-]*' | grep -o -e '--.*' | sort \
      >"$BATS_TEST_TMPDIR/help" || true
    options_of_page "$MANUAL/man/$page.1" >"$BATS_TEST_TMPDIR/page"
    diff -u "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/page" || fail "$page differs"
    [ -s "$BATS_TEST_TMPDIR/page" ] || [ "$page" = kmemlab-stress ] || fail "$page: no option"
  done < <(programs)
}

@test "there is no page without a program" {
  programs | awk '{ print $1 } END { print "kmemlab" }' | sort >"$BATS_TEST_TMPDIR/programs"
  ls "$MANUAL/man" | sed 's/\.1$//' | sort | diff -u "$BATS_TEST_TMPDIR/programs" -
  for text in "$KMEMLAB_SOURCE"/docs/man/*.txt; do
    grep -qx "$(basename "$text" .txt)" "$BATS_TEST_TMPDIR/programs" || fail "$text has no page"
  done
}

@test "the pages have their sections, and groff finds nothing wrong" {
  for page in "$MANUAL"/man/*.1; do
    for section in NAME SYNOPSIS DESCRIPTION "SEE ALSO"; do
      grep -q "^\.SH $section$" "$page" || fail "$page has no $section"
    done
  done
  command -v groff >/dev/null || skip "groff is not installed: apt install groff"
  for page in "$MANUAL"/man/*.1; do
    run groff -man -Tutf8 -ww -z "$page"
    assert_exit 0
    [ -z "$output" ] || fail "$page"
  done
}

@test "an example calls its program with options that it has" {
  for text in "$KMEMLAB_SOURCE"/docs/man/*.txt; do
    page=$(basename "$text" .txt)
    case $page in
    kmemlab) continue ;;
    # Their options are mostly those of the workload.
    kmemlab-bench | kmemlab-stress | kmemlab-tune | kmemlab-whatif) pages="$page stress-pages" ;;
    *) pages=$page ;;
    esac
    for name in $pages; do
      options_of_page "$MANUAL/man/$name.1"
    done >"$BATS_TEST_TMPDIR/known"
    for option in $(grep -E "^  ${page/-/[- ]} " "$text" | grep -o -e '--[a-z][a-z-]*'); do
      grep -qxe "$option" "$BATS_TEST_TMPDIR/known" || fail "$text: no option $option of $page"
    done
  done
}

@test "completion: commands, workloads, options and values" {
  source "$MANUAL/completions/kmemlab"
  [ "$(complete_words kmemlab rep)" = "replay report" ]
  [ "$(complete_words kmemlab stress pa)" = "pages" ]
  [ "$(complete_words kmemlab report --fo)" = "--format" ]
  [ "$(complete_words kmemlab report --format = p)" = "pprof perfetto" ]
  [ "$(complete_words kmemlab report --sort w)" = "wait" ]
  [ "$(complete_words kmemlab stress pages --lockst)" = "--lockstat" ]
  [ "$(complete_words stress-pages --lock m)" = "mcs" ]
  [ "$(complete_words kmemlab explore pages-i)" = "pages-irq" ]
  # A file: bash's own completion takes over.
  [ -z "$(complete_words kmemlab report ru)" ]
}

@test "completion: the file of a stress program is found beside the first" {
  source "$MANUAL/completions/stress-slab"
  [ "$(complete_words stress-slab --slab = bon)" = "bonwick" ]
}
