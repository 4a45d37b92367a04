//go:build cgo

package main

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

typedef int (*create_fn)(void **, const char *, const char *, int, const char *const *, const char *const *);
typedef int (*compile_fn)(void *, int, const char *const *);
typedef int (*size_fn)(void *, size_t *);
typedef int (*get_fn)(void *, char *);
typedef int (*version_fn)(int *, int *);

static int create(void *f, void **p, const char *source, const char *name, int n, char **text, char **names) {
	return ((create_fn)f)(p, source, name, n, (const char *const *)text, (const char *const *)names);
}
static int compile(void *f, void *p, int n, char **options) { return ((compile_fn)f)(p, n, (const char *const *)options); }
static int size(void *f, void *p, size_t *n) { return ((size_fn)f)(p, n); }
static int get(void *f, void *p, char *s) { return ((get_fn)f)(p, s); }
static int version(void *f, int *major, int *minor) { return ((version_fn)f)(major, minor); }
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// compiler is NVRTC, loaded at run time.
type compiler struct {
	handle unsafe.Pointer
	calls  map[string]unsafe.Pointer
}

func loadCompiler(library string) (*compiler, error) {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	c := &compiler{handle: C.dlopen(name, C.RTLD_NOW), calls: map[string]unsafe.Pointer{}}
	if c.handle == nil {
		return nil, fmt.Errorf("NVRTC: %s", C.GoString(C.dlerror()))
	}
	for _, f := range []string{
		"nvrtcVersion", "nvrtcCreateProgram", "nvrtcCompileProgram",
		"nvrtcGetPTXSize", "nvrtcGetPTX", "nvrtcGetProgramLogSize", "nvrtcGetProgramLog",
	} {
		s := C.CString(f)
		c.calls[f] = C.dlsym(c.handle, s)
		C.free(unsafe.Pointer(s))
		if c.calls[f] == nil {
			return nil, fmt.Errorf("%s has no %s: is it NVRTC?", library, f)
		}
	}
	return c, nil
}

// version returns the version of the compiler.
func (c *compiler) version() (major, minor int) {
	var a, b C.int
	C.version(c.calls["nvrtcVersion"], &a, &b)
	return int(a), int(b)
}

// compile returns the PTX of a source that includes the headers by their names.
func (c *compiler) compile(name, source string, headers map[string]string, options ...string) (string, error) {
	var allocated []unsafe.Pointer
	defer func() {
		for _, p := range allocated {
			C.free(p)
		}
	}()
	str := func(s string) *C.char {
		p := C.CString(s)
		allocated = append(allocated, unsafe.Pointer(p))
		return p
	}
	// Arrays that C reads hold pointers, so they are C's.
	array := func(ss []string) **C.char {
		if len(ss) == 0 {
			return nil
		}
		p := C.malloc(C.size_t(len(ss)) * C.size_t(unsafe.Sizeof(uintptr(0))))
		allocated = append(allocated, p)
		for i, s := range ss {
			unsafe.Slice((**C.char)(p), len(ss))[i] = str(s)
		}
		return (**C.char)(p)
	}
	var names, texts []string
	for n, t := range headers {
		names, texts = append(names, n), append(texts, t)
	}
	// C writes a pointer of its own to its own memory.
	program := (*unsafe.Pointer)(C.calloc(1, C.size_t(unsafe.Sizeof(uintptr(0)))))
	allocated = append(allocated, unsafe.Pointer(program))
	if r := C.create(c.calls["nvrtcCreateProgram"], program, str(source), str(name), C.int(len(names)), array(texts), array(names)); r != 0 {
		return "", fmt.Errorf("NVRTC: creating %s: code %d", name, r)
	}
	r := C.compile(c.calls["nvrtcCompileProgram"], *program, C.int(len(options)), array(options))
	if r != 0 {
		log, err := c.text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog", *program)
		if err != nil {
			return "", err
		}
		return "", fmt.Errorf("NVRTC: %s:\n%s", name, log)
	}
	return c.text("nvrtcGetPTXSize", "nvrtcGetPTX", *program)
}

func (c *compiler) text(size, get string, program unsafe.Pointer) (string, error) {
	var n C.size_t
	if r := C.size(c.calls[size], program, &n); r != 0 {
		return "", fmt.Errorf("NVRTC: %s: code %d", size, r)
	}
	b := make([]byte, n+1)
	if r := C.get(c.calls[get], program, (*C.char)(unsafe.Pointer(&b[0]))); r != 0 {
		return "", fmt.Errorf("NVRTC: %s: code %d", get, r)
	}
	return strings.TrimRight(string(b), "\x00"), nil
}
