/* SPDX-License-Identifier: MIT */
/*
 * fuzz_trace.c - libFuzzer entry for the trace and state readers.
 *
 * Start it with tests/data/trace as the corpus. The first bytes choose the reader: what begins
 * like a state file also goes to the state readers. A failure without an error text aborts.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stress/replay/proc_state.h"
#include "stress/replay/trace_load.h"
#include "stress/replay/trace_quality.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void fuzz_state(enum proc_file kind, const uint8_t *data, size_t size)
{
	struct trace_error err = { "" };
	struct proc_state st = { 0 };

	if (proc_state_read_mem(&st, kind, data, size, "f", &err) < 0)
		require(err.text[0] != '\0');
	proc_state_destroy(&st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_error err = { "" };
	struct trace_quality q;
	struct trace t;

	if (trace_load_mem(data, size, "f", &t, &err) < 0) {
		require(err.text[0] != '\0');
	} else {
		require(trace_quality_measure(&t, true, &q) == 0);
		trace_destroy(&t);
	}
	if (size >= 5 && memcmp(data, "Node ", 5) == 0) {
		fuzz_state(PROC_ZONEINFO, data, size);
		fuzz_state(PROC_BUDDYINFO, data, size);
	} else {
		fuzz_state(PROC_VMSTAT, data, size);
	}
	return 0;
}
