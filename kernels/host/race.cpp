// The race check: the kernels are compiled with -fsanitize=thread, whose calls
// for every load and store end here instead of in ThreadSanitizer's own library.
// That one knows threads of an operating system and forgets old accesses; what
// CUDA orders is simpler, so that every two accesses can be compared:
//
//   of one thread                 in order
//   of one warp                   ordered by __syncwarp and __syncthreads, not by shuffles
//   of one block                  ordered by __syncthreads
//   of two blocks of one launch   not ordered
//   of two operations             ordered as streams, events and graphs say
//
// Two accesses of a word that are not ordered, one of which writes, are a race,
// unless both are atomic. Atomics order nothing here, and there are no
// fences.
#include "race.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <set>
#include <string>
#include <sys/mman.h>
#include <vector>

RaceWhere race_now;

namespace {

enum : uint16_t { LANES = 1, WARPS = 2, BLOCKS = 4, OPS = 8, ATOMIC = 16 };

// Access is one that later ones must come after, or several that are not ordered
// with each other: of several lanes of a warp, several warps, several blocks.
// Those of several operations are a set, and op is its number.
struct Access {
	uint32_t op; // 0: none
	uint32_t pc; // offset in this library; 0: of a copy
	uint32_t block;
	uint32_t warp_phase, block_phase;
	uint16_t thread, flags;
};

// Word is what is known of four bytes.
struct Word {
	Access wrote, read; // since then
};

struct Op {
	const char *name;
	uint32_t timeline, position;
};

enum { PAGE = 4096, WORDS = PAGE / 4, REGION = 22, REGIONS = 1 << (47 - REGION) };

// Pages of memory that is watched; NEW where nothing has been accessed.
struct Region {
	Word *page[(1 << REGION) / PAGE];
};

Word *const NEW = (Word *)1;
Region **regions;
uint64_t last_page;
Word *last_words;

std::vector<Op> ops(1);
std::vector<std::vector<uint32_t>> sets(1);
std::map<std::pair<uint32_t, uint32_t>, uint32_t> unions;
const uint32_t *clock_now;
size_t timelines_now;

struct Shared {
	uint64_t at, bytes;
	std::vector<Word> words;
};

std::vector<Shared> shared;
uint64_t stacks_at, stack_bytes;
unsigned grid_x = 1, grid_y = 1;

struct Found {
	Access now, before;
	bool writes, wrote;
	uint64_t at;
	bool in_shared;
};

std::vector<Found> found;
std::set<std::pair<uint64_t, uint64_t>> known; // pairs of places that found has

uint32_t current_op;
const char *base; // of this library

bool before(uint32_t op) { return ops[op].timeline < timelines_now && clock_now[ops[op].timeline] >= ops[op].position; }

inline bool ordered(const Access &a, const Access &now)
{
	if (a.op == 0)
		return true;
	if (a.flags & OPS) {
		for (uint32_t op : sets[a.op])
			if (op == now.op || !before(op))
				return false;
		return true;
	}
	if (a.op != now.op)
		return before(a.op);
	if (a.block != now.block || (a.flags & BLOCKS))
		return false;
	if (a.block_phase < now.block_phase)
		return true;
	if (a.flags & WARPS)
		return false;
	if (a.thread == now.thread && !(a.flags & LANES))
		return true;
	return a.thread / 32 == now.thread / 32 && a.warp_phase < now.warp_phase;
}

// add makes a stand for now too, which is not ordered with it.
void add(Access &a, const Access &now)
{
	if (a.op == now.op && !(a.flags & OPS)) {
		if (a.block != now.block)
			a.flags |= BLOCKS;
		else if (a.thread / 32 != now.thread / 32)
			a.flags |= WARPS;
		else
			a.flags |= LANES;
		a.flags &= now.flags | ~ATOMIC;
		return;
	}
	uint32_t &u = unions[{a.op * 2 + !!(a.flags & OPS), now.op}];
	if (u == 0) {
		std::vector<uint32_t> all;
		if (a.flags & OPS) {
			for (uint32_t op : sets[a.op])
				if (op != now.op && !before(op))
					all.push_back(op);
		} else
			all.push_back(a.op);
		all.push_back(now.op);
		u = sets.size();
		sets.push_back(all);
	}
	a.op = u;
	a.flags |= OPS;
	a.flags &= now.flags | ~ATOMIC;
}

void report(const Access &now, const Access &a, bool writes, bool wrote, uint64_t at, bool in_shared)
{
	const uint64_t here = (uint64_t)now.pc << 1 | writes, there = (uint64_t)a.pc << 1 | wrote;
	if (known.insert({here, there}).second)
		found.push_back({now, a, writes, wrote, at, in_shared});
}

inline void check(Word &w, const Access &now, bool writes, uint64_t at, bool in_shared)
{
	const bool atomic = now.flags & ATOMIC;
	const bool after = ordered(w.wrote, now);
	if (!after && !(atomic && (w.wrote.flags & ATOMIC)))
		report(now, w.wrote, writes, true, at, in_shared);
	if (!writes) {
		// Most words are read by all of a block.
		const Access &r = w.read;
		if ((r.flags & WARPS) && r.op == now.op && r.block == now.block && r.block_phase == now.block_phase && !(r.flags & OPS))
			return;
		if (ordered(w.read, now))
			w.read = now;
		else
			add(w.read, now);
		return;
	}
	if (!ordered(w.read, now) && !(atomic && (w.read.flags & ATOMIC)))
		report(now, w.read, writes, false, at, in_shared);
	else if (ordered(w.read, now))
		w.read = {};
	if (!after && atomic && (w.wrote.flags & ATOMIC))
		add(w.wrote, now);
	else
		w.wrote = now;
}

// words finds what is known of a page of device memory.
Word *words(uint64_t page)
{
	if (page == last_page)
		return last_words;
	const uint64_t at = page * PAGE;
	Word *w = nullptr;
	if (at >> 47 == 0 && regions && regions[at >> REGION]) {
		Word *&slot = regions[at >> REGION]->page[page % ((1 << REGION) / PAGE)];
		if (slot == NEW) {
			slot = (Word *)calloc(WORDS, sizeof(Word));
			if (!slot) {
				fprintf(stderr, "race check: no memory\n");
				abort();
			}
		}
		w = slot;
	}
	last_page = page;
	last_words = w;
	return w;
}

// track compares an access of a CUDA thread with what is known.
void track(uint64_t at, size_t bytes, bool writes, bool atomic, void *caller)
{
	if (!race_now.on || at - stacks_at < stack_bytes)
		return;
	const Access now = {current_op, (uint32_t)((const char *)caller - base), race_now.block, race_now.warp_phase,
		race_now.block_phase, (uint16_t)race_now.thread, (uint16_t)(atomic ? ATOMIC : 0)};
	for (Shared &s : shared)
		if (at - s.at < s.bytes) {
			for (uint64_t i = at / 4; i <= (at + bytes - 1) / 4 && i * 4 < s.at + s.bytes; i++)
				check(s.words[i - s.at / 4], now, writes, i * 4, true);
			return;
		}
	for (uint64_t i = at / 4; i <= (at + bytes - 1) / 4; i++)
		if (Word *w = words(i / WORDS))
			check(w[i % WORDS], now, writes, i * 4, false);
}

void each_page(uint64_t at, size_t bytes, Word *to)
{
	if (!regions) {
		regions = (Region **)mmap(nullptr, sizeof(Region *) * REGIONS, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (regions == MAP_FAILED) {
			fprintf(stderr, "race check: no memory\n");
			abort();
		}
	}
	for (uint64_t page = at / PAGE; page <= (at + bytes - 1) / PAGE; page++) {
		Region *&r = regions[page * PAGE >> REGION];
		if (!r)
			r = (Region *)calloc(1, sizeof(Region));
		Word *&slot = r->page[page % ((1 << REGION) / PAGE)];
		if (slot && slot != NEW)
			free(slot);
		slot = to;
	}
	last_page = 0;
	last_words = nullptr;
}

void memory(uint64_t at, size_t bytes) { each_page(at, bytes, NEW); }
void forget(uint64_t at, size_t bytes) { each_page(at, bytes, nullptr); }

void begin(const char *name, uint32_t timeline, uint32_t position, const uint32_t *clock, size_t timelines)
{
	if (!base) {
		Dl_info here;
		dladdr((void *)&race_now, &here);
		base = (const char *)here.dli_fbase;
	}
	static std::set<std::string> names;
	ops.push_back({names.insert(name).first->c_str(), timeline, position});
	current_op = ops.size() - 1;
	clock_now = clock;
	timelines_now = timelines;
	found.clear();
	known.clear();
}

void touch(uint64_t at, size_t bytes, bool write)
{
	Access now = {};
	now.op = current_op;
	for (uint64_t i = at / 4; bytes > 0 && i <= (at + bytes - 1) / 4; i++)
		if (Word *w = words(i / WORDS))
			check(w[i % WORDS], now, write, i * 4, false);
}

// place is the source line of an access, that of a kernel rather than the shim's.
std::string place(uint32_t pc)
{
	if (pc == 0)
		return "";
	Dl_info here;
	dladdr((void *)&race_now, &here);
	char command[4096], line[1024];
	snprintf(command, sizeof command, "addr2line -i -s -e '%s' 0x%x 2>/dev/null", here.dli_fname, pc - 1);
	std::string best;
	if (FILE *f = popen(command, "r")) {
		while (fgets(line, sizeof line, f)) {
			line[strcspn(line, " \n")] = 0;
			if (line[0] != '?' && (best.empty() || best.rfind("shim.h:", 0) == 0))
				best = line;
		}
		pclose(f);
	}
	if (best.empty()) {
		snprintf(line, sizeof line, "+0x%x", pc);
		best = line;
	}
	return " at " + best;
}

std::string describe(const Access &a)
{
	const bool set = a.flags & OPS;
	std::string s = set ? "" : ops[a.op].name;
	if (set)
		for (uint32_t op : sets[a.op])
			s += std::string(s.empty() ? "" : ", ") + ops[op].name;
	s += place(a.pc);
	if (a.pc && !set) {
		char text[96];
		snprintf(text, sizeof text, " (block %u %u %u, thread %u%s)", a.block % grid_x, a.block / grid_x % grid_y,
			a.block / grid_x / grid_y, a.thread, a.flags & (LANES | WARPS | BLOCKS) ? " and others" : "");
		s += text;
	}
	return s;
}

const char *end()
{
	static std::string first;
	static std::set<std::string> printed;
	first.clear();
	for (const Found &f : found) {
		char where[64];
		snprintf(where, sizeof where, "%s memory 0x%lx: ", f.in_shared ? "shared" : "device", (unsigned long)f.at);
		const std::string text = describe(f.now) + (f.writes ? " writes" : " reads") + " what " + describe(f.before) +
			(f.wrote ? " wrote" : " read") + ", in no order";
		if (printed.insert(text).second)
			fprintf(stderr, "race: %s%s\n", where, text.c_str());
		if (first.empty())
			first = std::string("race: ") + where + text;
	}
	found.clear();
	race_now.on = false;
	return first.empty() ? nullptr : first.c_str();
}

} // namespace

extern "C" {

__attribute__((visibility("default"))) extern const RaceCheck race_check;
const RaceCheck race_check = {memory, forget, begin, touch, end};

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN void race_block(unsigned x, unsigned y, const void *stacks, size_t bytes)
{
	grid_x = x;
	grid_y = y;
	stacks_at = (uint64_t)stacks;
	stack_bytes = bytes;
	shared.clear();
}

HIDDEN void race_shared(const void *at, size_t bytes)
{
	if (bytes)
		shared.push_back({(uint64_t)at, bytes, std::vector<Word>((bytes + 7) / 4)});
}

HIDDEN void race_constant(const void *at, size_t bytes)
{
	const Access now = {current_op, (uint32_t)((const char *)__builtin_return_address(0) - base), race_now.block, 0, 0,
		(uint16_t)race_now.thread, 0};
	for (uint64_t i = (uint64_t)at / 4; i <= ((uint64_t)at + bytes - 1) / 4; i++)
		if (Word *w = words(i / WORDS)) {
			const Access &a = w[i % WORDS].wrote;
			if (a.op == now.op && !(a.flags & OPS))
				report(now, a, false, true, i * 4, false);
		}
}

// What -fsanitize=thread calls.
#define ACCESS(name, bytes, writes) \
	HIDDEN void __tsan_##name(void *p) { track((uint64_t)p, bytes, writes, false, __builtin_return_address(0)); }
#define ACCESSES(n) \
	ACCESS(read##n, n, false) \
	ACCESS(write##n, n, true) \
	ACCESS(unaligned_read##n, n, false) \
	ACCESS(unaligned_write##n, n, true) \
	ACCESS(volatile_read##n, n, false) \
	ACCESS(volatile_write##n, n, true) \
	ACCESS(unaligned_volatile_read##n, n, false) \
	ACCESS(unaligned_volatile_write##n, n, true)
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

#define RANGE(name, writes) \
	HIDDEN void __tsan_##name##_range(void *p, size_t n) { track((uint64_t)p, n, writes, false, __builtin_return_address(0)); }
RANGE(read, false)
RANGE(write, true)

HIDDEN void __tsan_init() {}
HIDDEN void __tsan_func_entry(void *) {}
HIDDEN void __tsan_func_exit() {}
HIDDEN void __tsan_vptr_update(void *, void *) {}
HIDDEN void __tsan_vptr_read(void *) {}

#define ATOMIC_ACCESS(p, writes) track((uint64_t)p, sizeof *p, writes, true, __builtin_return_address(0))
#define ATOMICS(bits, T) \
	HIDDEN T __tsan_atomic##bits##_load(const T *p, int) \
	{ \
		ATOMIC_ACCESS(p, false); \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST); \
	} \
	HIDDEN void __tsan_atomic##bits##_store(T *p, T v, int) \
	{ \
		ATOMIC_ACCESS(p, true); \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST); \
	} \
	HIDDEN T __tsan_atomic##bits##_exchange(T *p, T v, int) \
	{ \
		ATOMIC_ACCESS(p, true); \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); \
	} \
	HIDDEN T __tsan_atomic##bits##_fetch_add(T *p, T v, int) \
	{ \
		ATOMIC_ACCESS(p, true); \
		return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); \
	} \
	HIDDEN bool __tsan_atomic##bits##_compare_exchange_strong(T *p, T *e, T v, int, int) \
	{ \
		ATOMIC_ACCESS(p, true); \
		return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	} \
	HIDDEN bool __tsan_atomic##bits##_compare_exchange_weak(T *p, T *e, T v, int, int) \
	{ \
		ATOMIC_ACCESS(p, true); \
		return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	}
ATOMICS(8, uint8_t) // guards of static variables
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)
}
