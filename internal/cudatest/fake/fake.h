// A driver library for tests: it runs kernels that were compiled for the host
// behind the driver's functions, checks what it is given, and does everything as
// late as a device may, so that what does not wait for it is found out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../../../kernels/host/race.h"

#define API extern "C" __attribute__((visibility("default")))

typedef uint64_t address;

enum {
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_CONTEXT = 201,
	INVALID_PTX = 218,
	UNSUPPORTED_PTX_VERSION = 222,
	INVALID_HANDLE = 400,
	NOT_FOUND = 500,
	NOT_READY = 600,
	ILLEGAL_ADDRESS = 700,
	LAUNCH_OUT_OF_RESOURCES = 701,
	LAUNCH_FAILED = 719,
	CAPTURE_UNSUPPORTED = 900,
	CAPTURE_INVALIDATED = 901,
	CAPTURE_MERGE = 902,
	CAPTURE_UNMATCHED = 903,
	CAPTURE_UNJOINED = 904,
	CAPTURE_WRONG_THREAD = 908,
};

// What is counted; the order is that of cudatest.Counts.
enum Counter { LAUNCHES, GRAPHS, COPIES_IN, COPIES_OUT, COPIES, SETS, SYNCS, ALLOCATIONS, LEAKS, RACES, COUNTERS };

struct Context;

struct Device {
	int number; // before CUDA_VISIBLE_DEVICES
	size_t total = 0, used = 0;
	int references = 0;
	Context *context = nullptr;
	long die_after = -1; // launches; below 0: never
	uint64_t counts[COUNTERS] = {};
};

struct Context {
	Device *device;
	int lost = 0;                      // the code that every call returns
	std::map<address, size_t> memory;  // what is allocated
	std::map<address, size_t> freed;   // what was
};

// Clock says how far along every timeline operations come before, for the race
// check. What is given to a stream lies on one timeline, and each further lane of
// the graphs that it launches on another.
typedef std::vector<uint32_t> Clock;

struct Op {
	const char *name;
	std::function<int()> run;
	uint32_t timeline, position;
	Clock clock;
};

struct Stream;
typedef std::map<Stream *, uint64_t> Known; // of other streams, how far

// Node is an op in a capture or a graph: what it waits for is how many of the ops
// of every lane.
struct Node {
	const char *name;
	std::function<int()> run;
	Stream *stream;
	Known known;
};

// Recording of streams into a graph.
struct Capture {
	Stream *origin;
	std::thread::id thread;
	int mode;
	bool invalid = false;
	std::vector<Node> nodes;
	std::set<Stream *> members;
};

struct Stream {
	Context *context;
	std::deque<Op> queue;
	uint64_t queued = 0, done = 0;
	Capture *capture = nullptr;
	uint64_t captured = 0; // ops given to the capture
	Known known;           // in the capture
	std::vector<uint32_t> timelines;
	Clock clock;
};

struct Event {
	Context *context;
	bool timed;
	Stream *stream = nullptr; // recorded there, after this many ops
	uint64_t at = 0;
	Capture *capture = nullptr;
	Known known;
	Clock clock;
	double time = 0;
};

extern std::recursive_mutex lock;
extern std::vector<Device> devices;
extern thread_local Context *current;
extern std::set<Stream *> streams;
extern std::vector<Capture *> captures;
extern const RaceCheck *race; // of the library of kernels, or null

// fail keeps a reason, which cuGetErrorString gives along with the code.
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// enter checks that a call may use the thread's context.
int enter();

// unsafe says that the calling thread may not do something in a capture.
int unsafe_in_capture(const char *call);

// give queues an op, or records it. Its name is kept.
int give(Stream *s, const char *name, std::function<int()> run);

// queue puts an op on a lane of a stream, behind what the clock says.
void queue(Stream *s, size_t lane, const char *name, std::function<int()> run, const Clock &clock);

// end is how far a lane of a stream goes.
uint32_t &end_of(Stream *s, size_t lane, uint32_t *timeline = nullptr);

// join makes a clock that of what comes after both.
void join(Clock &c, const Clock &other);

// begin starts an op for the race check, and ended says whether it found any.
void begin(const Op &op);
int ended(Device *d);

// What the host has waited for. Its threads count as one.
extern Clock waited_for;

// library opens PASPO_FAKE_KERNELS, the kernels as they were compiled for the host.
void *library();

// reach runs what a stream was given, up to a number of ops.
int reach(Stream *s, uint64_t at);

// drain runs what all streams of a context were given.
int drain(Context *c);

// on_device says whether all of n bytes at p are in one allocation.
bool on_device(Context *c, address p, size_t n);

// release frees an allocation.
void release(Context *c, address p);

// pinned says whether all of n bytes at p are in page-locked memory.
bool pinned(const void *p, size_t n);

// stream_of checks a handle.
int stream_of(void *handle, Stream **s);

// check_arguments looks at the words of a kernel's struct that are addresses.
int check_arguments(Context *c, const char *kernel, const std::vector<uint64_t> &words);

#define ENTER() \
	std::lock_guard<std::recursive_mutex> guard(lock); \
	if (int code = enter()) \
		return code
