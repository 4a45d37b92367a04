#include "shim.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
// Saves the registers that a function keeps on the stack, and goes on with
// another.
extern "C" void cuhost_switch(void **save, void *load);
__asm__(".text\n.hidden cuhost_switch\n.globl cuhost_switch\n.type cuhost_switch,@function\ncuhost_switch:\n"
	"push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
#else
#include <ucontext.h>
extern "C" void cuhost_switch(void **save, void *load)
{
	ucontext_t here;
	*save = &here;
	swapcontext(&here, (ucontext_t *)load);
}
#endif

namespace cuhost {

__thread Block *current;

// Not a multiple of a page: what threads use of their stacks would compete for the same part of the cache.
enum { STACK = (64 << 10) + 1088 };

// Order is that in which threads and blocks get their turns.
struct Order {
	unsigned long long state = 0; // 0: forwards, and odd blocks' threads backwards

	Order()
	{
		if (const char *text = getenv("PASPO_FAKE_ORDER"))
			state = strtoull(text, nullptr, 10) * 2 + 1;
	}

	// shuffle mixes n numbers.
	void shuffle(unsigned *list, unsigned n)
	{
		for (unsigned i = n; i > 1; i--) {
			state = state * 6364136223846793005ull + 1442695040888963407ull;
			const unsigned j = (state >> 33) % i, t = list[i - 1];
			list[i - 1] = list[j];
			list[j] = t;
		}
	}
};

void fail(const char *what)
{
	const Block &b = *current;
	fprintf(stderr, "host kernel %s, block %u %u %u: %s\n", b.name, b.index.x, b.index.y, b.index.z, what);
	abort();
}

static void entry()
{
	Block &b = *current;
	b.body(b.args);
	self().state = DONE;
	cuhost_switch(&self().stack, b.scheduler);
	abort();
}

// start makes a fiber that begins with entry.
static void start(Fiber &f, char *stack)
{
#if defined(__x86_64__)
	void **top = (void **)(((size_t)stack + STACK) & ~(size_t)15);
	*--top = nullptr; // a call's alignment of the stack
	*--top = (void *)entry;
	for (int i = 0; i < 6; i++)
		*--top = nullptr;
	f.stack = top;
#else
	ucontext_t *c = (ucontext_t *)stack;
	getcontext(c);
	c->uc_stack.ss_sp = stack + sizeof *c;
	c->uc_stack.ss_size = STACK - sizeof *c;
	c->uc_link = nullptr;
	makecontext(c, entry, 0);
	f.stack = c;
#endif
}

void barrier(int at, unsigned mask, int line)
{
	Block &b = *current;
	for (unsigned i = 0; at != AT_BLOCK && i < 32 && (b.now & ~31u) + i < b.threads; i++)
		if (b.fibers[(b.now & ~31u) + i].state != DONE && !(mask >> i & 1))
			fail("a mask without lanes that run: what the others do is not modelled");
	Fiber &f = self();
	f.state = at;
	f.line = line;
	cuhost_switch(&f.stack, b.scheduler);
}

void prepare(void *array, size_t bytes)
{
	Block &b = *current;
	for (unsigned i = 0; i < b.seen_count; i++)
		if (b.seen[i] == array)
			return;
	if (b.seen_count == sizeof b.seen / sizeof b.seen[0])
		fail("too many shared arrays");
	b.seen[b.seen_count++] = array;
	b.shared += bytes;
	if (b.shared > MOST_SHARED)
		fail("more than 48 KiB of shared memory");
#ifdef PASPO_RACE
	race_shared(array, bytes);
#endif
	memset(array, 0xFF, bytes);
}

// release lets the threads from..to-1 go on if all that live wait at the barrier.
static bool release(Block &b, unsigned from, unsigned to, int at)
{
	unsigned waiting = 0, live = 0;
	int line = 0;
	for (unsigned i = from; i < to; i++) {
		const Fiber &f = b.fibers[i];
		live += f.state != DONE;
		if (f.state != at)
			continue;
		if (waiting++ > 0 && f.line != line)
			return false;
		line = f.line;
	}
	if (waiting == 0 || waiting != live)
		return false;
	for (unsigned i = from; i < to; i++)
		if (b.fibers[i].state == at)
			b.fibers[i].state = READY;
	return true;
}

static void run(Block &b, bool backwards)
{
	static thread_local Order order;
	static thread_local unsigned turns[MOST_THREADS];
	for (unsigned i = 0; i < b.threads; i++)
		turns[i] = backwards && !order.state ? b.threads - 1 - i : i;
	for (;;) {
		bool moved = false;
		unsigned count[DONE + 1] = {};
		if (order.state)
			order.shuffle(turns, b.threads);
		for (unsigned i = 0; i < b.threads; i++) {
			const unsigned t = turns[i];
			if (b.fibers[t].state == READY) {
				b.now = t;
#ifdef PASPO_RACE
				race_now.thread = t;
				race_now.warp_phase = b.warp_phase[t / 32];
				if (race_now.warp_phase >> WARP_PHASE_BITS)
					fail("more barriers of a warp than the race check counts");
				race_now.on = true;
#endif
				cuhost_switch(&b.scheduler, b.fibers[t].stack);
#ifdef PASPO_RACE
				race_now.on = false;
#endif
				moved = true;
			}
			count[b.fibers[t].state]++;
		}
		if (count[DONE] == b.threads)
			return;
		if (count[AT_WARP] + count[AT_SHUFFLE] > 0)
			for (unsigned w = 0; w < b.threads; w += 32) {
				const unsigned end = w + 32 < b.threads ? w + 32 : b.threads;
				if (release(b, w, end, AT_WARP)) {
					b.warp_phase[w / 32]++;
					moved = true;
				}
				moved |= release(b, w, end, AT_SHUFFLE);
			}
		else if (release(b, 0, b.threads, AT_BLOCK)) {
#ifdef PASPO_RACE
			race_now.span++;
#endif
			moved = true;
		}
		if (!moved)
			fail("threads wait at different barriers");
	}
}

// Storage is what an operating-system thread keeps from block to block.
struct Storage {
	Block block;
	std::vector<Fiber> fibers;
	std::vector<char> stacks, dynamic;
};

struct Task {
	const char *name;
	void (*body)(const void *);
	const void *args;
	uint3 grid, size;
	unsigned shared;
	const unsigned *turns; // of the blocks; null: as they are numbered
};

static void run_block(const Task &t, size_t number)
{
	static thread_local Storage s;
	const unsigned threads = t.size.x * t.size.y * t.size.z;
	if (s.fibers.size() < threads) {
		s.fibers.resize(threads);
		s.stacks.resize((size_t)threads * STACK);
	}
	Block &b = s.block;
	b.grid = t.grid;
	b.size = t.size;
	b.index = {unsigned(number % t.grid.x), unsigned(number / t.grid.x % t.grid.y), unsigned(number / t.grid.x / t.grid.y)};
	b.name = t.name;
	b.threads = threads;
	b.fibers = s.fibers.data();
	b.body = t.body;
	b.args = t.args;
	b.shared = b.dynamic_size = t.shared;
	b.seen_count = 0;
	memset(b.warp_phase, 0, sizeof b.warp_phase);
	s.dynamic.assign(t.shared + GUARD + 16, (char)0xFF);
	b.dynamic = (char *)(((size_t)s.dynamic.data() + 15) & ~(size_t)15);
	current = &b;
#ifdef PASPO_RACE
	race_block(number, t.grid.x, t.grid.y, s.stacks.data(), s.stacks.size());
	race_shared(b.dynamic, t.shared);
#endif
	for (unsigned i = 0; i < threads; i++) {
		Fiber &f = b.fibers[i];
		f.state = READY;
		f.index = {i % t.size.x, i / t.size.x % t.size.y, i / (t.size.x * t.size.y)};
		start(f, s.stacks.data() + (size_t)i * STACK);
	}
	run(b, number & 1);
	for (const char *p = b.dynamic + t.shared; p < s.dynamic.data() + s.dynamic.size(); p++)
		if (*p != (char)0xFF)
			fail("a write beyond the dynamic shared memory");
	current = nullptr;
}

// Workers run the blocks of one launch at a time. They live as long as the
// process.
struct Workers {
	std::mutex mutex;
	std::condition_variable wake, idle;
	const Task *task = nullptr;
	size_t next = 0, blocks = 0, busy = 0;

	Workers()
	{
#ifdef PASPO_RACE
		const unsigned n = 1; // the check follows one thread
#else
		const unsigned n = std::thread::hardware_concurrency();
#endif
		for (unsigned i = 1; i < n; i++)
			std::thread([this] { serve(); }).detach();
	}

	void serve()
	{
		std::unique_lock<std::mutex> lock(mutex);
		for (;;) {
			wake.wait(lock, [this] { return task && next < blocks; });
			work(lock);
		}
	}

	void work(std::unique_lock<std::mutex> &lock)
	{
		busy++;
		while (task && next < blocks) {
			const Task t = *task;
			// A share at a time: blocks may be short.
			const size_t share = blocks / 64 + 1, from = next;
			const size_t to = from + share < blocks ? from + share : blocks;
			next = to;
			lock.unlock();
			for (size_t i = from; i < to; i++)
				run_block(t, t.turns ? t.turns[i] : i);
			lock.lock();
		}
		if (--busy == 0)
			idle.notify_all();
	}

	void run(const Task &t, size_t n)
	{
		std::unique_lock<std::mutex> lock(mutex);
		task = &t;
		next = 0;
		blocks = n;
		if (n > 1)
			wake.notify_all();
		work(lock);
		idle.wait(lock, [this] { return busy == 0; });
		task = nullptr;
	}
};

void launch(const char *name, void (*body)(const void *), const void *args, const unsigned grid[3], const unsigned block[3],
	unsigned shared, unsigned most)
{
	static Workers *workers = new Workers; // never destroyed: its threads do not end
	static std::mutex one;
	const std::lock_guard<std::mutex> only(one);
	static Order order;
	const size_t blocks = (size_t)grid[0] * grid[1] * grid[2];
	std::vector<unsigned> turns(order.state ? blocks : 0);
	for (size_t i = 0; i < turns.size(); i++)
		turns[i] = i;
	order.shuffle(turns.data(), turns.size());
	const Task t = {name, body, args, {grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, shared,
		turns.empty() ? nullptr : turns.data()};
	const size_t threads = (size_t)block[0] * block[1] * block[2];
	if (threads == 0 || threads > most || shared > MOST_SHARED) {
		fprintf(stderr, "host kernel %s: %zu threads of at most %u, %u bytes of shared memory of at most %d\n", name, threads,
			most, shared, (int)MOST_SHARED);
		abort();
	}
	workers->run(t, blocks);
}

} // namespace cuhost
