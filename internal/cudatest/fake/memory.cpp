#include "fake.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

enum { PAGE = 4096, ALIGN = 256 };

static std::map<address, size_t> locked; // page-locked memory of the host

static bool within(const std::map<address, size_t> &m, address p, size_t n)
{
	auto at = m.upper_bound(p);
	if (at == m.begin())
		return false;
	--at;
	return p - at->first <= at->second && n <= at->second - (p - at->first);
}

bool on_device(Context *c, address p, size_t n) { return within(c->memory, p, n); }

bool pinned(const void *p, size_t n) { return within(locked, (address)p, n); }

static size_t pages(size_t n) { return (n + PAGE - 1) / PAGE * PAGE; }

API int cuMemGetInfo_v2(size_t *free, size_t *total)
{
	ENTER();
	*total = current->device->total;
	*free = *total - current->device->used;
	return 0;
}

// Memory ends where a page begins that nothing may touch, and starts as NaN.
API int cuMemAlloc_v2(address *p, size_t bytes)
{
	ENTER();
	if (int code = unsafe_in_capture("cuMemAlloc"))
		return code;
	if (bytes == 0)
		return fail(INVALID_VALUE, "an allocation of 0 bytes");
	Device *d = current->device;
	size_t n = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	if (n > d->total - d->used)
		return fail(OUT_OF_MEMORY, "%zu bytes of %zu free", bytes, d->total - d->used);
	char *m = (char *)mmap(nullptr, pages(n) + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m == MAP_FAILED)
		return fail(OUT_OF_MEMORY, "the host has no %zu bytes", n);
	mprotect(m + pages(n), PAGE, PROT_NONE);
	memset(m, 0xFF, pages(n));
	*p = (address)m + pages(n) - n;
	current->freed.erase(*p);
	current->memory[*p] = bytes;
	d->used += n;
	d->counts[ALLOCATIONS]++;
	if (race)
		race->memory(*p, n);
	return 0;
}

void release(Context *c, address p)
{
	size_t n = (c->memory[p] + ALIGN - 1) / ALIGN * ALIGN;
	if (race)
		race->forget(p, n);
	munmap((void *)(p / PAGE * PAGE), pages(n) + PAGE);
	c->device->used -= n;
	c->freed[p] = c->memory[p];
	c->memory.erase(p);
}

API int cuMemFree_v2(address p)
{
	ENTER();
	if (int code = unsafe_in_capture("cuMemFree"))
		return code;
	auto at = current->memory.find(p);
	if (at == current->memory.end())
		return fail(INVALID_VALUE, "no memory was allocated at 0x%lx", p);
	if (int code = drain(current))
		return code;
	release(current, p);
	return 0;
}

API int cuMemAllocManaged(address *p, size_t bytes, unsigned flags)
{
	fprintf(stderr, "fake driver: managed memory was asked for\n");
	abort();
}

API int cuMemHostAlloc(void **p, size_t bytes, unsigned flags)
{
	ENTER();
	if (int code = unsafe_in_capture("cuMemHostAlloc"))
		return code;
	if (bytes == 0)
		return fail(INVALID_VALUE, "an allocation of 0 bytes");
	*p = aligned_alloc(PAGE, pages(bytes));
	if (!*p)
		return fail(OUT_OF_MEMORY, "the host has no %zu bytes", bytes);
	memset(*p, 0xFF, bytes);
	locked[(address)*p] = bytes;
	if (race)
		race->memory((address)*p, bytes);
	return 0;
}

API int cuMemFreeHost(void *p)
{
	ENTER();
	auto at = locked.find((address)p);
	if (at == locked.end())
		return fail(INVALID_VALUE, "no page-locked memory at %p", p);
	if (int code = drain(current))
		return code;
	if (race)
		race->forget(at->first, at->second);
	locked.erase(at);
	free(p);
	return 0;
}

// device_range checks what a copy or a set touches.
static int device_range(const char *call, address p, size_t n)
{
	if (p % 4)
		return fail(INVALID_VALUE, "%s: address 0x%lx is not a multiple of 4", call, p);
	if (!on_device(current, p, n))
		return fail(INVALID_VALUE, "%s: %zu bytes at 0x%lx are not in one allocation", call, n, p);
	return 0;
}

static int host_range(const char *call, const void *p, size_t n, bool *direct)
{
	if (!p || on_device(current, (address)p, 1))
		return fail(INVALID_VALUE, "%s: %p is not an address of the host", call, p);
	*direct = pinned(p, n);
	if (!*direct && pinned(p, 1))
		return fail(INVALID_VALUE, "%s: %zu bytes at %p end beyond page-locked memory", call, n, p);
	return 0;
}

#define CHECK(call) \
	if (int code = call) \
		return code

#define ON_STREAM(handle) \
	ENTER(); \
	Stream *s; \
	CHECK(stream_of(handle, &s)); \
	Context *c = current

// still says that page-locked memory has not been freed before it was used.
static int still(const void *p, size_t n)
{
	return pinned(p, n) ? 0 : fail(ILLEGAL_ADDRESS, "page-locked memory at %p was freed before a copy was done", p);
}

static int still_there(Context *c, address p, size_t n)
{
	return on_device(c, p, n) ? 0 : fail(ILLEGAL_ADDRESS, "memory at 0x%lx was freed before it was used", p);
}

// copy copies what may be memory of a device or page-locked.
static void copy(address from, address to, size_t n)
{
	memcpy((void *)to, (void *)from, n);
	if (race) {
		race->touch(from, n, false);
		race->touch(to, n, true);
	}
}

static uint64_t checksum(const void *p, size_t n)
{
	uint64_t sum = 14695981039346656037ull;
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ ((const unsigned char *)p)[i]) * 1099511628211ull;
	return sum | 1;
}

API int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t n, void *handle)
{
	ON_STREAM(handle);
	CHECK(device_range("cuMemcpyHtoDAsync", to, n));
	bool direct;
	CHECK(host_range("cuMemcpyHtoDAsync", from, n, &direct));
	if (direct) {
		const uint64_t sum = race && !s->capture ? checksum(from, n) : 0;
		return give(s, "cuMemcpyHtoDAsync", [=] {
			CHECK(still(from, n));
			if (sum && sum != checksum(from, n)) {
				c->device->counts[RACES]++;
				return fail(LAUNCH_FAILED, "race: the host writes to %p, which a copy has not read yet", from);
			}
			CHECK(still_there(c, to, n));
			copy((address)from, to, n);
			c->device->counts[COPIES_IN]++;
			return 0;
		});
	}
	if (s->capture)
		return fail(CAPTURE_UNSUPPORTED, "cuMemcpyHtoDAsync: memory at %p is not page-locked", from);
	std::vector<char> staged((const char *)from, (const char *)from + n);
	return give(s, "cuMemcpyHtoDAsync", [=] {
		CHECK(still_there(c, to, n));
		copy((address)staged.data(), to, n);
		c->device->counts[COPIES_IN]++;
		return 0;
	});
}

API int cuMemcpyDtoHAsync_v2(void *to, address from, size_t n, void *handle)
{
	ON_STREAM(handle);
	CHECK(device_range("cuMemcpyDtoHAsync", from, n));
	bool direct;
	CHECK(host_range("cuMemcpyDtoHAsync", to, n, &direct));
	if (s->capture && !direct)
		return fail(CAPTURE_UNSUPPORTED, "cuMemcpyDtoHAsync: memory at %p is not page-locked", to);
	CHECK(give(s, "cuMemcpyDtoHAsync", [=] {
		if (direct)
			CHECK(still(to, n));
		CHECK(still_there(c, from, n));
		copy(from, (address)to, n);
		c->device->counts[COPIES_OUT]++;
		return 0;
	}));
	if (direct)
		return 0;
	join(waited_for, s->clock); // a copy to other memory is done when it returns
	return reach(s, s->queued);
}

API int cuMemcpyDtoDAsync_v2(address to, address from, size_t n, void *handle)
{
	ON_STREAM(handle);
	CHECK(device_range("cuMemcpyDtoDAsync", to, n));
	CHECK(device_range("cuMemcpyDtoDAsync", from, n));
	if (to < from + n && from < to + n)
		return fail(INVALID_VALUE, "cuMemcpyDtoDAsync: %zu bytes at 0x%lx and 0x%lx overlap", n, to, from);
	return give(s, "cuMemcpyDtoDAsync", [=] {
		CHECK(still_there(c, to, n));
		CHECK(still_there(c, from, n));
		copy(from, to, n);
		c->device->counts[COPIES]++;
		return 0;
	});
}

API int cuMemsetD8Async(address to, unsigned char value, size_t n, void *handle)
{
	ON_STREAM(handle);
	CHECK(device_range("cuMemsetD8Async", to, n));
	return give(s, "cuMemsetD8Async", [=] {
		CHECK(still_there(c, to, n));
		memset((void *)to, value, n);
		if (race)
			race->touch(to, n, true);
		c->device->counts[SETS]++;
		return 0;
	});
}

int check_arguments(Context *c, const char *kernel, const std::vector<uint64_t> &words)
{
	for (size_t i = 0; i < words.size(); i++) {
		address p = words[i];
		if (on_device(c, p, 1)) {
			if (p % 4)
				return fail(INVALID_VALUE, "%s: word %zu of the arguments, 0x%lx, is not a multiple of 4", kernel, i, p);
		} else if (within(c->freed, p, 1)) {
			return fail(INVALID_VALUE, "%s: word %zu of the arguments, 0x%lx, is in memory that was freed", kernel, i, p);
		} else if (within(locked, p, 1)) {
			return fail(INVALID_VALUE, "%s: word %zu of the arguments, 0x%lx, is in memory of the host", kernel, i, p);
		}
	}
	return 0;
}
