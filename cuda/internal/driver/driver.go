//go:build gpu

package driver

/*
#cgo LDFLAGS: -L${SRCDIR}/lib -Wl,--as-needed -ldl
#include <stdlib.h>
#include "driver.h"

int cuDriverGetVersion(int *version);
int cuGetErrorName(int code, const char **name);
int cuGetErrorString(int code, const char **text);
int cuMemHostAlloc(void **p, size_t bytes, unsigned flags);
int cuFuncGetAttribute(int *value, int attribute, void *f);
int cuFuncSetAttribute(void *f, int attribute, int value);
int cuStreamBeginCapture_v2(void *stream, int mode);
int cuStreamEndCapture(void *stream, void **graph);
int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags);
int cuGraphDestroy(void *graph);
int cuGraphExecDestroy(void *exec);
int cuGraphLaunch(void *exec, void *stream);
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
	unsigned shared, void *stream, void **params, void **extra);

// A kernel takes one struct, so that its parameters are one address.
static int launch(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
	unsigned shared, void *stream, void *args)
{
	void *params[] = {args};
	return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, stream, params, 0);
}
*/
import "C"

import (
	"strings"
	"sync"
	"unsafe"
)

// Status is what became of opening a library.
type Status int

// What Open answers.
const (
	Opened Status = C.DRIVER_OPEN   // it is there, and initialised
	Absent Status = C.DRIVER_ABSENT // there is no such file
	Broken Status = C.DRIVER_BROKEN // there is a file that is no usable driver
	Old    Status = C.DRIVER_OLD    // its version is too low
	Failed Status = C.DRIVER_INIT   // cuInit failed
)

// Outcome says what became of opening a library. Value is the version of one that
// is Old and the code of one that Failed; Why is the linker's reason, and Name
// and Why are the name and the meaning of a code.
type Outcome struct {
	Status    Status
	Value     int
	Name, Why string
}

var mu sync.Mutex

// Open opens the library at path, unless one is open already. A driver older than
// oldest, as cuDriverGetVersion counts, is refused.
func Open(path string, oldest int) Outcome {
	mu.Lock()
	defer mu.Unlock()
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var why [512]C.char
	var value C.int
	o := Outcome{Status: Status(C.open_driver(name, C.int(oldest), &value, &why[0], C.int(len(why))))}
	if o.Status == Opened {
		return o
	}
	o.Value, o.Why = int(value), C.GoString(&why[0])
	if o.Status == Failed {
		o.Name, o.Why, _ = strings.Cut(o.Why, "\n")
	}
	return o
}

// Explain returns the driver's name for a code and what it means, "" for a code
// that it does not know.
func Explain(code int) (name, meaning string) {
	var a, b *C.char
	if C.cuGetErrorName(C.int(code), &a) == 0 && a != nil {
		name = C.GoString(a)
	}
	if C.cuGetErrorString(C.int(code), &b) == 0 && b != nil {
		meaning = C.GoString(b)
	}
	return name, meaning
}

// The calls below return the driver's code, 0 for success. Handles are those of
// gorgonia.org/cu.

// Version returns the CUDA version that the driver supports, 1000 major + 10 minor.
func Version() (version, code int) {
	var v C.int
	code = int(C.cuDriverGetVersion(&v))
	return int(v), code
}

// HostAlloc takes page-locked memory of the host.
func HostAlloc(bytes int) (p unsafe.Pointer, code int) {
	code = int(C.cuMemHostAlloc(&p, C.size_t(bytes), 0))
	return p, code
}

// MostThreads returns the number of threads that a block of a function may have.
func MostThreads(f unsafe.Pointer) (threads, code int) {
	const maxThreadsPerBlock = 0
	var n C.int
	code = int(C.cuFuncGetAttribute(&n, maxThreadsPerBlock, f))
	return int(n), code
}

// AllowShared lets launches of a function ask for more shared memory.
func AllowShared(f unsafe.Pointer, bytes int) (code int) {
	const maxDynamicSharedSizeBytes = 8
	return int(C.cuFuncSetAttribute(f, maxDynamicSharedSizeBytes, C.int(bytes)))
}

// Launch queues a kernel that takes one struct, which is read before it returns.
func Launch(f unsafe.Pointer, grid, block [3]int, shared int, stream, args unsafe.Pointer) (code int) {
	return int(C.launch(f, C.uint(grid[0]), C.uint(grid[1]), C.uint(grid[2]),
		C.uint(block[0]), C.uint(block[1]), C.uint(block[2]), C.uint(shared), stream, args))
}

// BeginCapture makes a stream record what it is given.
func BeginCapture(stream unsafe.Pointer) (code int) {
	const threadLocal = 1
	return int(C.cuStreamBeginCapture_v2(stream, threadLocal))
}

// EndCapture ends what BeginCapture began.
func EndCapture(stream unsafe.Pointer) (graph unsafe.Pointer, code int) {
	code = int(C.cuStreamEndCapture(stream, &graph))
	return graph, code
}

// Instantiate makes a graph that can be launched.
func Instantiate(graph unsafe.Pointer) (exec unsafe.Pointer, code int) {
	code = int(C.cuGraphInstantiateWithFlags(&exec, graph, 0))
	return exec, code
}

// DestroyGraph frees what EndCapture returned.
func DestroyGraph(graph unsafe.Pointer) (code int) { return int(C.cuGraphDestroy(graph)) }

// DestroyExec frees what Instantiate returned.
func DestroyExec(exec unsafe.Pointer) (code int) { return int(C.cuGraphExecDestroy(exec)) }

// LaunchGraph queues a graph.
func LaunchGraph(exec, stream unsafe.Pointer) (code int) {
	return int(C.cuGraphLaunch(exec, stream))
}
