// Which accesses of device memory are ordered, see race.cpp: what the shim and
// the fake driver tell it.
#pragma once
#include <stddef.h>
#include <stdint.h>

// RaceWhere is the running CUDA thread, how many barriers of its warp it is past,
// and the number of the span: what is between two barriers of a block, counted
// through all blocks and operations.
enum { WARP_PHASE_BITS = 18 };

struct RaceWhere {
	uint32_t span, thread, warp_phase;
	bool on; // a thread runs, not what schedules it
};

// RaceCheck is what a library of instrumented kernels exports as race_check.
// Operations (kernels, copies, sets) are numbered along timelines, on each of
// which they are in order; clock says for every timeline up to which position
// operations are before the one that begins. The driver runs one at a time.
struct RaceCheck {
	void (*memory)(uint64_t at, size_t bytes); // is to be watched, and as if new
	void (*forget)(uint64_t at, size_t bytes);
	void (*begin)(const char *name, uint32_t timeline, uint32_t position, const uint32_t *clock, size_t timelines);
	void (*touch)(uint64_t at, size_t bytes, bool write); // by the operation as a whole
	const char *(*end)();                                 // the first race that was found in it, or null
};

#ifdef PASPO_RACE
extern RaceWhere race_now __attribute__((visibility("hidden")));

// race_shared makes an array the block's, race_block begins one and forgets those of the one before.
extern "C" void race_block(uint32_t block, unsigned x, unsigned y, const void *stacks, size_t bytes);
extern "C" void race_shared(const void *at, size_t bytes);

// race_constant says that a read goes through a cache that does not see what the
// same kernel writes.
extern "C" void race_constant(const void *at, size_t bytes);
#endif
