#include "fake.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

typedef void Host(const void *args, const unsigned grid[3], const unsigned block[3], unsigned shared);

enum { PLAIN_SHARED = 48 << 10, MOST_SHARED = 64 << 10, MOST_THREADS = 1024 };

struct Function {
	Context *context;
	std::string name;
	Host *host;
	size_t bytes;             // of its struct
	unsigned threads;         // a block may have
	bool loaded = false;
	unsigned shared = PLAIN_SHARED;
};

struct Module {
	Context *context;
	std::string ptx;
	std::map<std::string, Function *> functions;
};

static std::set<void *> modules, functions;

void *library()
{
	const char *path = getenv("PASPO_FAKE_KERNELS");
	return path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
}

// host finds what was compiled for the host, here or in PASPO_FAKE_KERNELS.
static void *host(const std::string &name)
{
	static std::vector<void *> libraries;
	if (libraries.empty()) {
		Dl_info here;
		dladdr(&modules, &here);
		libraries.push_back(dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD));
		libraries.push_back(library());
	}
	for (void *l : libraries)
		if (void *p = l ? dlsym(l, name.c_str()) : nullptr)
			return p;
	return nullptr;
}

API int cuModuleLoadData(void **module, const void *image)
{
	ENTER();
	if (int code = unsafe_in_capture("cuModuleLoadData"))
		return code;
	const char *ptx = (const char *)image;
	const char *version = strstr(ptx, ".version "), *target = strstr(ptx, ".target sm_");
	if (!version || !target)
		return fail(INVALID_PTX, "no .version or no .target");
	if (atof(version + 9) > 8.0)
		return fail(UNSUPPORTED_PTX_VERSION, "PTX %.3s is newer than 8.0", version + 9);
	if (atoi(target + 11) > 75)
		return fail(INVALID_PTX, "it is made for sm_%d", atoi(target + 11));
	Module *m = new Module{current, ptx};
	modules.insert(m);
	*module = m;
	return 0;
}

API int cuModuleUnload(void *module)
{
	ENTER();
	if (!modules.erase(module))
		return fail(INVALID_HANDLE, "%p is no module", module);
	if (int code = drain(current))
		return code;
	for (auto &f : ((Module *)module)->functions)
		functions.erase(f.second);
	return 0;
}

API int cuModuleGetFunction(void **function, void *module, const char *name)
{
	ENTER();
	if (!modules.count(module))
		return fail(INVALID_HANDLE, "%p is no module", module);
	Module *m = (Module *)module;
	if (Function *f = m->functions[name]) {
		*function = f;
		return 0;
	}
	// .entry name( .param .align 8 .b8 name_param_0[bytes] ) .maxntid x, y, z {
	std::string head = std::string(".entry ") + name + "(";
	size_t at = m->ptx.find(head);
	if (at == std::string::npos)
		return fail(NOT_FOUND, "the PTX has no kernel %s", name);
	size_t end = m->ptx.find('{', at);
	std::string entry = m->ptx.substr(at, end - at);
	size_t open = entry.find(std::string(name) + "_param_0[");
	if (open == std::string::npos || entry.find("_param_1") != std::string::npos)
		return fail(INVALID_PTX, "%s does not take one struct by value", name);
	size_t bytes = atol(entry.c_str() + entry.find('[', open) + 1);
	Host *run = (Host *)host(std::string("host_") + name);
	size_t *size = (size_t *)host(std::string(name) + "_args_size");
	if (!run || !size)
		return fail(NOT_FOUND, "%s was not compiled for the host", name);
	if (*size != bytes)
		return fail(INVALID_PTX, "%s takes %zu bytes in the PTX and %zu on the host", name, bytes, *size);
	unsigned threads = MOST_THREADS;
	size_t limit = entry.find(".maxntid ");
	if (limit != std::string::npos)
		threads = atoi(entry.c_str() + limit + 9);
	Function *f = new Function{current, name, run, bytes, threads};
	functions.insert(f);
	m->functions[name] = f;
	*function = f;
	return 0;
}

API int cuFuncGetAttribute(int *value, int attribute, void *function)
{
	ENTER();
	if (!functions.count(function))
		return fail(INVALID_HANDLE, "%p is no kernel", function);
	if (attribute != 0)
		return fail(INVALID_VALUE, "attribute %d of a kernel", attribute);
	((Function *)function)->loaded = true;
	*value = ((Function *)function)->threads;
	return 0;
}

API int cuFuncSetAttribute(void *function, int attribute, int value)
{
	ENTER();
	if (!functions.count(function))
		return fail(INVALID_HANDLE, "%p is no kernel", function);
	if (attribute != 8 || value < 0 || value > MOST_SHARED)
		return fail(INVALID_VALUE, "attribute %d of a kernel as %d", attribute, value);
	((Function *)function)->shared = value;
	return 0;
}

API int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
	unsigned shared, void *handle, void **params, void **extra)
{
	ENTER();
	Stream *s;
	if (int code = stream_of(handle, &s))
		return code;
	if (!functions.count(function))
		return fail(INVALID_HANDLE, "%p is no kernel", function);
	Function *f = (Function *)function;
	const char *name = f->name.c_str();
	if (f->context != current)
		return fail(INVALID_HANDLE, "%s belongs to another context", name);
	if (s->capture && !f->loaded)
		return fail(CAPTURE_UNSUPPORTED, "%s: it would be loaded in a capture", name);
	f->loaded = true;
	if (!gx || !gy || !gz || gx > 0x7fffffff || gy > 65535 || gz > 65535)
		return fail(INVALID_VALUE, "%s: a grid of %u x %u x %u", name, gx, gy, gz);
	if (!bx || !by || !bz || bz > 64 || (uint64_t)bx * by * bz > f->threads)
		return fail(INVALID_VALUE, "%s: blocks of %u x %u x %u threads where %u are allowed", name, bx, by, bz, f->threads);
	if (shared > f->shared)
		return fail(INVALID_VALUE, "%s: %u bytes of shared memory where %u are allowed", name, shared, f->shared);
	if (!params || !params[0] || extra)
		return fail(INVALID_VALUE, "%s: no arguments", name);

	std::vector<uint64_t> words((f->bytes + 7) / 8);
	memcpy(words.data(), params[0], f->bytes);
	if (int code = check_arguments(current, name, words))
		return code;
	Context *c = current;
	return give(s, name, [=] {
		if (c->device->die_after >= 0 && c->device->die_after-- == 0)
			return fail(LAUNCH_FAILED, "%s was told to fail", f->name.c_str());
		if (int code = check_arguments(c, f->name.c_str(), words)) // memory freed since
			return code;
		const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
		f->host(words.data(), grid, block, shared);
		c->device->counts[LAUNCHES]++;
		return 0;
	});
}

// The kernel of cudatest/scale.ptx.
struct Scale {
	double *x;
	long long n;
	double factor, term;
};

extern "C" {
__attribute__((visibility("default"))) size_t cudatest_scale_args_size = sizeof(Scale);
}

API void host_cudatest_scale(const void *args, const unsigned grid[3], const unsigned block[3], unsigned shared)
{
	const Scale *a = (const Scale *)args;
	if (race)
		race->touch((uint64_t)a->x, sizeof *a->x * a->n, true);
	for (long long i = 0; i < (long long)grid[0] * block[0] && i < a->n; i++)
		a->x[i] = fma(a->factor, a->x[i], a->term);
}
