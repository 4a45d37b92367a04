#include "fake.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

std::recursive_mutex lock;
std::vector<Device> devices;
thread_local Context *current;

static bool initialised;
static std::string reason;
static int reason_code;

int fail(int code, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	reason = text;
	reason_code = code;
	return code;
}

int enter()
{
	if (!initialised)
		return fail(NOT_INITIALIZED, "cuInit was not called");
	if (!current)
		return fail(INVALID_CONTEXT, "the thread has no current context");
	return current->lost;
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? atol(text) : otherwise;
}

// visible lists the devices that CUDA_VISIBLE_DEVICES leaves: up to the first
// entry that is none.
static std::vector<int> visible(int n)
{
	std::vector<int> list;
	const char *text = getenv("CUDA_VISIBLE_DEVICES");
	for (int i = 0; !text && i < n; i++)
		list.push_back(i);
	while (text && *text) {
		char *end;
		long i = strtol(text, &end, 10);
		if (end == text || i < 0 || i >= n)
			break;
		list.push_back(i);
		text = *end == ',' ? end + 1 : "";
	}
	return list;
}

API int cuInit(unsigned flags)
{
	std::lock_guard<std::recursive_mutex> guard(lock);
	if (int code = setting("PASPO_FAKE_INIT", 0))
		return code;
	if (initialised)
		return 0;
	for (int number : visible(setting("PASPO_FAKE_DEVICES", 2))) {
		Device d;
		d.number = number;
		d.total = setting("PASPO_FAKE_MEMORY", 4l << 30);
		devices.push_back(d);
	}
	if (devices.empty())
		return NO_DEVICE;
	devices[0].die_after = setting("PASPO_FAKE_DIE", -1);
	if (void *kernels = library())
		race = (const RaceCheck *)dlsym(kernels, "race_check");
	initialised = true;
	return 0;
}

API int cuDriverGetVersion(int *version)
{
	*version = setting("PASPO_FAKE_VERSION", 12000);
	return 0;
}

API int cuGetErrorName(int code, const char **name)
{
	switch (code) {
	case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; return 0;
	case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return 0;
	case NOT_INITIALIZED: *name = "CUDA_ERROR_NOT_INITIALIZED"; return 0;
	case NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; return 0;
	case INVALID_DEVICE: *name = "CUDA_ERROR_INVALID_DEVICE"; return 0;
	case INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; return 0;
	case INVALID_PTX: *name = "CUDA_ERROR_INVALID_PTX"; return 0;
	case UNSUPPORTED_PTX_VERSION: *name = "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"; return 0;
	case INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; return 0;
	case NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; return 0;
	case NOT_READY: *name = "CUDA_ERROR_NOT_READY"; return 0;
	case ILLEGAL_ADDRESS: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; return 0;
	case LAUNCH_OUT_OF_RESOURCES: *name = "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"; return 0;
	case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; return 0;
	case CAPTURE_UNSUPPORTED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; return 0;
	case CAPTURE_INVALIDATED: *name = "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"; return 0;
	case CAPTURE_MERGE: *name = "CUDA_ERROR_STREAM_CAPTURE_MERGE"; return 0;
	case CAPTURE_UNMATCHED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"; return 0;
	case CAPTURE_UNJOINED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"; return 0;
	case CAPTURE_WRONG_THREAD: *name = "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD"; return 0;
	}
	*name = nullptr;
	return INVALID_VALUE;
}

API int cuGetErrorString(int code, const char **text)
{
	static thread_local std::string kept;
	std::lock_guard<std::recursive_mutex> guard(lock);
	kept = code == reason_code ? reason : "as the fake driver was told";
	*text = kept.c_str();
	return 0;
}

static int device_of(int d, Device **device)
{
	if (!initialised)
		return fail(NOT_INITIALIZED, "cuInit was not called");
	if (d < 0 || d >= (int)devices.size())
		return fail(INVALID_DEVICE, "no device %d", d);
	*device = &devices[d];
	return 0;
}

#define DEVICE(d) \
	std::lock_guard<std::recursive_mutex> guard(lock); \
	Device *device; \
	if (int code = device_of(d, &device)) \
		return code

API int cuDeviceGetCount(int *n)
{
	*n = devices.size();
	return initialised ? 0 : NOT_INITIALIZED;
}

API int cuDeviceGet(int *d, int ordinal)
{
	DEVICE(ordinal);
	*d = ordinal;
	return 0;
}

API int cuDeviceGetName(char *name, int size, int d)
{
	DEVICE(d);
	snprintf(name, size, "fake device %d", device->number);
	return 0;
}

API int cuDeviceTotalMem_v2(size_t *bytes, int d)
{
	DEVICE(d);
	*bytes = device->total;
	return 0;
}

// Attributes that no device has read the counters and set faults.
enum { READ_COUNTER = 1000000, DIE_AFTER = 2000000 };

API int cuDeviceGetAttribute(int *value, int attribute, int d)
{
	DEVICE(d);
	switch (attribute) {
	case 75: *value = 7; return 0;        // compute capability
	case 76: *value = 5; return 0;
	case 16: *value = 4; return 0;        // multiprocessors
	case 97: *value = 65536; return 0;    // shared memory a block
	case 13: *value = 1500000; return 0;  // clock
	case 36: *value = 5000000; return 0;  // clock of the memory
	case 37: *value = 256; return 0;      // width of the bus
	}
	if (attribute >= DIE_AFTER) {
		device->die_after = attribute - DIE_AFTER;
		*value = 0;
		return 0;
	}
	if (attribute >= READ_COUNTER && attribute < READ_COUNTER + COUNTERS) {
		*value = device->counts[attribute - READ_COUNTER];
		return 0;
	}
	return fail(INVALID_VALUE, "no attribute %d", attribute);
}

API int cuDevicePrimaryCtxRetain(Context **c, int d)
{
	DEVICE(d);
	if (device->references++ == 0)
		device->context = new Context{device};
	*c = device->context;
	return 0;
}

API int cuDevicePrimaryCtxRelease_v2(int d)
{
	DEVICE(d);
	if (device->references == 0)
		return fail(INVALID_CONTEXT, "the primary context is not retained");
	if (--device->references > 0)
		return 0;
	Context *c = device->context;
	drain(c);
	device->counts[LEAKS] += c->memory.size();
	while (!c->memory.empty())
		release(c, c->memory.begin()->first);
	device->context = nullptr;
	// Freed contexts are kept, so that handles of their streams stay harmless.
	return 0;
}

API int cuCtxSetCurrent(Context *c)
{
	std::lock_guard<std::recursive_mutex> guard(lock);
	if (c && c->device->context != c)
		return fail(INVALID_CONTEXT, "the context was released");
	current = c;
	return 0;
}

API int cuCtxGetCurrent(Context **c)
{
	*c = current;
	return 0;
}
