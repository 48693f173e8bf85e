#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `cmake --install`: the programs run from where they were put, and somebody else's program builds
# against the libraries, by pkg-config and by find_package().

load helpers/common

setup_file() {
  export TREE="$BATS_FILE_TMPDIR/root"
  BUILD=$(dirname "$KMEMLAB_BIN")
  cmake --install "$BUILD" --prefix "$TREE" >"$BATS_FILE_TMPDIR/log" 2>&1 || {
    cat "$BATS_FILE_TMPDIR/log" >&2
    return 1
  }
  # The compiler of the libraries: a sanitizer's runtime belongs to one of them.
  CC=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
  pc=$(find "$TREE" -name kmemlab.pc)
  PKG_CONFIG_PATH=$(dirname "$pc")
  export CC PKG_CONFIG_PATH
}

@test "the installed command finds its workloads and its trace" {
  run "$TREE/bin/kmemlab" stress pages --cpus 2 --ops 2000 --mem 32M
  assert_exit 0
  assert_has "4 000 ops"
  run env -u KMEMLAB_DATA "$TREE/bin/kmemlab" demo --seconds 1
  assert_exit 0
  assert_has "$TREE/bin/../share/kmemlab/traces/fork"
}

@test "every program of the build is installed" {
  for program in "$KMEMLAB_BIN"/*; do
    [ -x "$TREE/bin/$(basename "$program")" ] || fail "$program is not installed"
  done
}

@test "a Makefile with pkg-config builds and runs the example" {
  cp "$KMEMLAB_SOURCE"/tests/install/* "$BATS_TEST_TMPDIR"
  run make -C "$BATS_TEST_TMPDIR"
  assert_exit 0
  run "$BATS_TEST_TMPDIR/example"
  assert_exit 0
  assert_has "4000 rounds, 0 failed, cache gone"
}

@test "find_package builds and runs the example" {
  run cmake -S "$KMEMLAB_SOURCE/tests/install" -B "$BATS_TEST_TMPDIR/build" \
    -DCMAKE_PREFIX_PATH="$TREE"
  assert_exit 0
  run cmake --build "$BATS_TEST_TMPDIR/build"
  assert_exit 0
  run "$BATS_TEST_TMPDIR/build/example"
  assert_exit 0
  assert_has "4000 rounds, 0 failed, cache gone"
}

@test "the two lower layers link by themselves, in a tree that was moved" {
  cp -r "$TREE" "$BATS_TEST_TMPDIR/moved"
  pc=$(find "$BATS_TEST_TMPDIR/moved" -name kmemlab.pc)
  export PKG_CONFIG_PATH
  PKG_CONFIG_PATH=$(dirname "$pc")
  cat >"$BATS_TEST_TMPDIR/main.c" <<'C'
#include "runtime/cpu.h"
int main(void)
{
	const struct machine_options opt = { .nr_cpus = 1, .nr_nodes = 1 };

	if (machine_boot(&opt))
		return 1;
	machine_shutdown();
	return 0;
}
C
  for layer in runtime percpu; do
    # shellcheck disable=SC2046
    run "$CC" $(pkg-config --cflags "kmemlab-$layer") -o "$BATS_TEST_TMPDIR/main" \
      "$BATS_TEST_TMPDIR/main.c" $(pkg-config --static --libs "kmemlab-$layer")
    assert_exit 0
    run "$BATS_TEST_TMPDIR/main"
    assert_exit 0
  done
}

@test "manual pages and the completion are installed" {
  [ -s "$TREE/share/man/man1/kmemlab-report.1" ]
  [ -s "$TREE/share/man/man1/stress-pages.1" ]
  [ -s "$TREE/share/bash-completion/completions/kmemlab" ]
  [ -s "$TREE/share/bash-completion/completions/stress-slab" ]
}
