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
#include "shim.cpp"

#include <algorithm>
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

enum : uint32_t { LANES = 1, WARPS = 2, BLOCKS = 4, ATOMIC = 8 };

// Access is one that later ones must come after, or several that are not ordered
// with each other: of several lanes of a warp, several warps, several blocks.
// Those of several operations are a set, and op is its number beyond SETS. An
// access is small, since what is known of memory is read with every access.
struct Access {
	uint32_t op; // 0: none
	uint32_t pc; // offset in this library; 0: of a copy
	uint32_t span;
	uint32_t warp_phase : WARP_PHASE_BITS, thread : 10, flags : 4;
};

enum : uint32_t { SETS = 1u << 31 };

// Word is what is known of four bytes.
struct Word {
	Access wrote, read; // since then
};

// Page is what is known of a page of memory, or of an array of a block. Quiet says of a word
// whose reads say nothing new, since they come after what wrote it and several like them are
// known: those of a span, or in it those of a warp between two of its barriers. Most reads look
// at no more than that.
struct Page {
	std::vector<uint64_t> quiet;
	std::vector<Word> words;
	uint32_t wrote = 0; // the last operation that wrote to it

	explicit Page(size_t n) : quiet(n), words(n) {}
};

struct Op {
	const char *name;
	uint32_t timeline, position;
	uint32_t then; // the last operation that was found to come after it
};

// Start is where a block begins: spans from there on are of its operation and block.
struct Start {
	uint32_t span, block;
};

enum { PAGE = 4096, SEEN = 64, WORDS = PAGE / 4, REGION = 22, REGIONS = 1 << (47 - REGION) };

// Pages of memory that is watched; NEW where nothing has been accessed.
struct Region {
	Page *page[(1 << REGION) / PAGE];
};

Page *const NEW = (Page *)1;
Region **regions;

// Pages that were looked at last: kernels go from one array to another.
struct Seen {
	uint64_t number;
	Page *page;
} seen[SEEN];

std::vector<Op> ops(1);
std::vector<Start> starts(1);
uint32_t block_span; // where the running block begins
std::vector<std::vector<uint32_t>> sets(1);
std::map<std::pair<uint32_t, uint32_t>, uint32_t> unions;
const uint32_t *clock_now;
size_t timelines_now;

struct Shared {
	uint64_t at, bytes;
	Page page;
};

std::vector<Shared> shared;
uint64_t shared_from = ~0ull, shared_bytes; // what all of them lie in
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

inline bool before(uint32_t op)
{
	Op &o = ops[op];
	if (o.then == current_op)
		return true;
	if (o.timeline >= timelines_now || clock_now[o.timeline] < o.position)
		return false;
	o.then = current_op;
	return true;
}

inline bool ordered(const Access &a, const Access &now)
{
	if (a.op == 0)
		return true;
	if (a.op == now.op) {
		if (a.span != now.span)
			return a.span >= block_span;
		if (a.flags & WARPS)
			return false;
		if (a.thread == now.thread && !(a.flags & LANES))
			return true;
		return a.thread / 32 == now.thread / 32 && a.warp_phase < now.warp_phase;
	}
	if (a.op < SETS)
		return before(a.op);
	for (uint32_t op : sets[a.op - SETS])
		if (op == now.op || !before(op))
			return false;
	return true;
}

// add makes a stand for now too, which is not ordered with it.
void add(Access &a, const Access &now)
{
	if (a.op == now.op) {
		if (a.span < block_span)
			a.flags |= BLOCKS;
		else if (a.thread / 32 != now.thread / 32)
			a.flags |= WARPS;
		else
			a.flags |= LANES;
		a.flags &= now.flags | ~ATOMIC;
		return;
	}
	uint32_t &u = unions[{a.op, now.op}];
	if (u == 0) {
		std::vector<uint32_t> all;
		if (a.op >= SETS) {
			for (uint32_t op : sets[a.op - SETS])
				if (op != now.op && !before(op))
					all.push_back(op);
		} else
			all.push_back(a.op);
		all.push_back(now.op);
		u = SETS + sets.size();
		sets.push_back(all);
	}
	a.op = u;
	a.flags &= now.flags | ~ATOMIC;
}

void report(const Access &now, const Access &a, bool writes, bool wrote, uint64_t at, bool in_shared)
{
	const uint64_t here = (uint64_t)now.pc << 1 | writes, there = (uint64_t)a.pc << 1 | wrote;
	if (known.insert({here, there}).second)
		found.push_back({now, a, writes, wrote, at, in_shared});
}

// What quiet has for all threads, and for those of a warp.
inline uint64_t for_all() { return (uint64_t)race_now.span << 32 | 0xFFFFFFFF; }
inline uint64_t for_warp() { return (uint64_t)race_now.span << 32 | race_now.thread / 32 << WARP_PHASE_BITS | race_now.warp_phase; }

template <bool writes> void check(Page &p, size_t i, const Access &now, uint64_t at, bool in_shared)
{
	Word &w = p.words[i];
	const bool atomic = now.flags & ATOMIC;
	const bool after = ordered(w.wrote, now);
	if (!after && !(atomic && (w.wrote.flags & ATOMIC)))
		report(now, w.wrote, writes, true, at, in_shared);
	if (!writes) {
		if (ordered(w.read, now))
			w.read = now;
		else
			add(w.read, now);
		const Access &r = w.read;
		if (!after || (w.wrote.op == now.op && w.wrote.span == now.span) || r.op != now.op || (r.flags & ATOMIC))
			return;
		if (r.flags & (BLOCKS | WARPS))
			p.quiet[i] = for_all();
		else if ((r.flags & LANES) && r.warp_phase == now.warp_phase)
			p.quiet[i] = for_warp();
		return;
	}
	p.quiet[i] = 0;
	p.wrote = now.op;
	if (!ordered(w.read, now)) {
		if (!(atomic && (w.read.flags & ATOMIC)))
			report(now, w.read, writes, false, at, in_shared);
	} else
		w.read = {};
	if (!after && atomic && (w.wrote.flags & ATOMIC))
		add(w.wrote, now);
	else
		w.wrote = now;
}

// find finds what is known of a page of device memory.
Page *find(uint64_t number)
{
	const uint64_t at = number * PAGE;
	Page *p = nullptr;
	if (at >> 47 == 0 && regions && regions[at >> REGION]) {
		Page *&slot = regions[at >> REGION]->page[number % ((1 << REGION) / PAGE)];
		if (slot == NEW)
			slot = new Page(WORDS);
		p = slot;
	}
	seen[number % SEEN] = {number, p};
	return p;
}

inline Page *page(uint64_t number)
{
	const Seen &s = seen[number % SEEN];
	return s.number == number ? s.page : find(number);
}

// is_quiet says that reads of words from..to say nothing new.
inline bool is_quiet(const uint64_t *quiet, size_t from, size_t to)
{
	const uint64_t all = for_all(), warp = for_warp();
	for (size_t i = from; i <= to; i++)
		if (quiet[i] != all && quiet[i] != warp)
			return false;
	return true;
}

// compare compares an access of a CUDA thread with what is known.
template <bool writes> __attribute__((noinline)) void compare(uint64_t at, size_t bytes, uint32_t flags, void *caller)
{
	const Access now = {current_op, (uint32_t)((const char *)caller - base), race_now.span, race_now.warp_phase, race_now.thread, flags};
	const uint64_t first = at / 4, last = (at + bytes - 1) / 4;
	for (Shared &s : shared)
		if (at - s.at < s.bytes) {
			for (uint64_t i = first; i <= last && i * 4 < s.at + s.bytes; i++)
				check<writes>(s.page, i - s.at / 4, now, i * 4, true);
			return;
		}
	for (uint64_t i = first; i <= last; i++)
		if (Page *p = page(i / WORDS))
			check<writes>(*p, i % WORDS, now, i * 4, false);
}

// track leaves to compare what cannot be passed over at a glance, which few reads are.
template <bool writes> inline __attribute__((always_inline)) void track(uint64_t at, size_t bytes, uint32_t flags, void *caller)
{
	if (!race_now.on || at - stacks_at < stack_bytes)
		return;
	if (at - shared_from < shared_bytes) {
		for (const Shared &s : shared)
			if (!writes && at - s.at < s.bytes && bytes <= s.bytes - (at - s.at) &&
				is_quiet(s.page.quiet.data() - s.at / 4, at / 4, (at + bytes - 1) / 4))
				return;
	} else if (const Seen &s = seen[at / PAGE % SEEN]; s.number == at / PAGE && at % PAGE + bytes <= PAGE)
		if (!s.page || (!writes && is_quiet(s.page->quiet.data(), at % PAGE / 4, (at % PAGE + bytes - 1) / 4)))
			return;
	compare<writes>(at, bytes, flags, caller);
}

void each_page(uint64_t at, size_t bytes, Page *to)
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
		Page *&slot = r->page[page % ((1 << REGION) / PAGE)];
		if (slot != NEW)
			delete slot;
		slot = to;
	}
	memset(seen, 0, sizeof seen);
}

void memory(uint64_t at, size_t bytes) { each_page(at, bytes, NEW); }
void forget(uint64_t at, size_t bytes) { each_page(at, bytes, nullptr); }

// start begins a block of the running operation.
void start(uint32_t block)
{
	if (++race_now.span >= SETS || current_op >= SETS) {
		fprintf(stderr, "race check: too many operations and barriers\n");
		abort();
	}
	block_span = race_now.span;
	starts.push_back({block_span, block});
}

void begin(const char *name, uint32_t timeline, uint32_t position, const uint32_t *clock, size_t timelines)
{
	if (!base) {
		Dl_info here;
		dladdr((void *)&race_now, &here);
		base = (const char *)here.dli_fbase;
	}
	static std::set<std::string> names;
	ops.push_back({names.insert(name).first->c_str(), timeline, position, 0});
	current_op = ops.size() - 1;
	start(0);
	clock_now = clock;
	timelines_now = timelines;
	found.clear();
	known.clear();
}

void touch(uint64_t at, size_t bytes, bool write)
{
	const Access now = {current_op, 0, race_now.span, 0, 0, 0};
	for (uint64_t i = at / 4; bytes > 0 && i <= (at + bytes - 1) / 4; i++)
		if (Page *p = page(i / WORDS))
			(write ? check<true> : check<false>)(*p, i % WORDS, now, i * 4, false);
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
	const bool set = a.op >= SETS;
	std::string s = set ? "" : ops[a.op].name;
	if (set)
		for (uint32_t op : sets[a.op - SETS])
			s += std::string(s.empty() ? "" : ", ") + ops[op].name;
	s += place(a.pc);
	if (a.pc && !set) {
		char text[96];
		const uint32_t block = std::upper_bound(starts.begin(), starts.end(), a.span, [](uint32_t span, const Start &s) {
			return span < s.span;
		})[-1].block;
		snprintf(text, sizeof text, " (block %u %u %u, thread %u%s)", block % grid_x, block / grid_x % grid_y,
			block / grid_x / grid_y, a.thread, a.flags & (LANES | WARPS | BLOCKS) ? " and others" : "");
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

HIDDEN void race_block(uint32_t block, unsigned x, unsigned y, const void *stacks, size_t bytes)
{
	start(block);
	grid_x = x;
	grid_y = y;
	stacks_at = (uint64_t)stacks;
	stack_bytes = bytes;
	shared.clear();
	shared_from = ~0ull;
	shared_bytes = 0;
}

HIDDEN void race_shared(const void *at, size_t bytes)
{
	if (!bytes)
		return;
	const uint64_t from = (uint64_t)at, end = std::max(shared.empty() ? 0 : shared_from + shared_bytes, from + bytes);
	shared.push_back({from, bytes, Page((bytes + 7) / 4)});
	shared_from = std::min(shared_from, from);
	shared_bytes = end - shared_from;
}

HIDDEN void race_constant(const void *at, size_t bytes)
{
	const Access now = {current_op, (uint32_t)((const char *)__builtin_return_address(0) - base), race_now.span, 0, race_now.thread, 0};
	for (uint64_t i = (uint64_t)at / 4; i <= ((uint64_t)at + bytes - 1) / 4; i++)
		if (const Page *p = page(i / WORDS); p && p->wrote == now.op) {
			const Access &a = p->words[i % WORDS].wrote;
			if (a.op == now.op)
				report(now, a, false, true, i * 4, false);
		}
}

// What -fsanitize=thread calls.
#define ACCESS(name, bytes, writes) \
	HIDDEN void __tsan_##name(void *p) { track<writes>((uint64_t)p, bytes, 0, __builtin_return_address(0)); }
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
	HIDDEN void __tsan_##name##_range(void *p, size_t n) { track<writes>((uint64_t)p, n, 0, __builtin_return_address(0)); }
RANGE(read, false)
RANGE(write, true)

HIDDEN void __tsan_init() {}
HIDDEN void __tsan_func_entry(void *) {}
HIDDEN void __tsan_func_exit() {}
HIDDEN void __tsan_vptr_update(void *, void *) {}
HIDDEN void __tsan_vptr_read(void *) {}

#define ATOMIC_ACCESS(p, writes) track<writes>((uint64_t)p, sizeof *p, ATOMIC, __builtin_return_address(0))
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
