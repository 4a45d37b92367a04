//go:build gpu

// The driver's functions, as jumps through a table that open_driver fills from
// the library. Before that, and without a library, every one answers
// CUDA_ERROR_STUB_LIBRARY, but cuInit answers that all is well: gorgonia.org/cu
// calls it when the program starts and ends the program where it fails.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "symbols.h"
#include "driver.h"

#define HIDDEN __attribute__((visibility("hidden")))

enum { STUB_LIBRARY = 34, NOT_FOUND = 500 };

static int not_open(void) { return STUB_LIBRARY; }
static int not_found(void) { return NOT_FOUND; }

#define ENTRY(i, name) (void *)not_open,
HIDDEN void *paspo_driver_table[NSYMBOLS] = {SYMBOLS(ENTRY)};

#define NAME(i, name) #name,
static const char *const names[NSYMBOLS] = {SYMBOLS(NAME)};

#if defined(__x86_64__)
#define JUMP(i, name) \
	__asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ",@function\n" \
		#name ":\n\tjmp *paspo_driver_table+8*" #i "(%rip)\n.size " #name ",.-" #name "\n");
#elif defined(__aarch64__)
#define JUMP(i, name) \
	__asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ",%function\n" \
		#name ":\n\tadrp x16, paspo_driver_table+8*" #i "\n" \
		"\tldr x16, [x16, #:lo12:paspo_driver_table+8*" #i "]\n\tbr x16\n.size " #name ",.-" #name "\n");
#else
#error "no trampolines for this architecture"
#endif
SYMBOLS(JUMP)

static void *library;
static int (*device_count)(int *);

int cuInit(unsigned flags) { return 0; }

int cuDeviceGetCount(int *n)
{
	*n = 0;
	return device_count ? device_count(n) : STUB_LIBRARY;
}

static int fail(int what, void *handle, char *why, int size, const char *text)
{
	snprintf(why, size, "%s", text ? text : "no reason given");
	if (handle)
		dlclose(handle);
	return what;
}

// The functions without which a library is no driver that this package can use.
static const char *const needed[] = {
	"cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuMemAlloc_v2", "cuModuleLoadData",
	"cuModuleGetFunction", "cuStreamCreate", "cuLaunchKernel", "cuStreamBeginCapture_v2", "cuStreamEndCapture",
	"cuGraphInstantiateWithFlags", "cuGraphLaunch",
};

int open_driver(const char *path, int oldest, int *value, char *why, int size)
{
	if (library)
		return DRIVER_OPEN;
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!h) {
		const char *text = dlerror();
		size_t n = strlen(path);
		int absent = text && !strncmp(text, path, n) && strstr(text + n, "cannot open shared object file");
		return fail(absent ? DRIVER_ABSENT : DRIVER_BROKEN, NULL, why, size, text);
	}
	char text[256];
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(h, "cuInit");
	int (*version)(int *) = (int (*)(int *))dlsym(h, "cuDriverGetVersion");
	int (*count)(int *) = (int (*)(int *))dlsym(h, "cuDeviceGetCount");
	if (!init || !version || !count) {
		snprintf(text, sizeof text, "%s: not a driver: no %s", path,
			!init ? "cuInit" : !version ? "cuDriverGetVersion" : "cuDeviceGetCount");
		return fail(DRIVER_BROKEN, h, why, size, text);
	}
	*value = 0;
	int code = version(value);
	if (!code && *value < oldest)
		return fail(DRIVER_OLD, h, why, size, path);
	if (!code)
		code = init(0);
	if (code) {
		// What the code means is told by the library.
		int (*name)(int, const char **) = (int (*)(int, const char **))dlsym(h, "cuGetErrorName");
		int (*meaning)(int, const char **) = (int (*)(int, const char **))dlsym(h, "cuGetErrorString");
		const char *a = NULL, *b = NULL;
		if (!name || name(code, &a) || !a)
			a = "";
		if (!meaning || meaning(code, &b) || !b)
			b = "";
		snprintf(text, sizeof text, "%s\n%s", a, b);
		*value = code;
		return fail(DRIVER_INIT, h, why, size, text);
	}
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!dlsym(h, needed[i])) {
			snprintf(text, sizeof text, "%s: no %s", path, needed[i]);
			return fail(DRIVER_BROKEN, h, why, size, text);
		}
	for (int i = 0; i < NSYMBOLS; i++) {
		void *p = dlsym(h, names[i]);
		paspo_driver_table[i] = p ? p : (void *)not_found;
	}
	device_count = count;
	library = h;
	return DRIVER_OPEN;
}
