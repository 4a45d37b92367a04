//go:build gpu

package cuda

import (
	"fmt"
	"regexp"
	"strconv"
	"unsafe"

	"gorgonia.org/cu"

	"paspo/cuda/internal/driver"
)

// Module is PTX that is loaded on a device.
type Module struct {
	c   *Context
	h   cu.Module
	ptx string
}

// Load compiles PTX for the device and loads it.
func (c *Context) Load(ptx string) (*Module, error) {
	m := &Module{c: c, ptx: ptx}
	err := c.Do(func() error {
		var err error
		m.h, err = cu.LoadData(ptx)
		return wrap("cuModuleLoadData", err)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Close unloads the module.
func (m *Module) Close() error {
	return m.c.Do(func() error { return wrap("cuModuleUnload", m.h.Unload()) })
}

// Function is a kernel.
type Function struct {
	Name     string
	ArgBytes int // size of the struct that it takes

	h      unsafe.Pointer
	most   int // threads of a block
	shared int // dynamic shared memory that launches may ask for
}

// plainShared is the dynamic shared memory that every block may have. More has to be allowed first.
const plainShared = 48 << 10

// Function finds a kernel, which has to take one struct by value.
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{Name: name, shared: plainShared}
	err := m.c.Do(func() error {
		h, err := m.h.Function(name)
		if err != nil {
			return wrap("cuModuleGetFunction", err)
		}
		f.h = *(*unsafe.Pointer)(unsafe.Pointer(&h))
		// Drivers load code when it is first asked about or launched. A launch that
		// is captured would be too late.
		var code int
		f.most, code = driver.MostThreads(f.h)
		return check("cuFuncGetAttribute", code)
	})
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", name, err)
	}
	if f.ArgBytes, err = argBytes(m.ptx, name); err != nil {
		return nil, err
	}
	return f, nil
}

// argBytes reads the size of a kernel's only parameter from the PTX.
func argBytes(ptx, name string) (int, error) {
	entry := regexp.MustCompile(`\.entry\s+` + regexp.QuoteMeta(name) + `\s*\(([^)]*)\)`).FindStringSubmatch(ptx)
	if entry == nil {
		return 0, fmt.Errorf("kernel %s: the PTX has no such entry", name)
	}
	params := structParam.FindAllStringSubmatch(entry[1], -1)
	if len(params) != 1 || len(anyParam.FindAllString(entry[1], -1)) != 1 {
		return 0, fmt.Errorf("kernel %s: it does not take one struct by value", name)
	}
	return strconv.Atoi(params[0][1])
}

var (
	anyParam    = regexp.MustCompile(`\.param\b`)
	structParam = regexp.MustCompile(`\.param\s+\.align\s+8\s+\.b8\s+\S+\[(\d+)\]`)
)

// allow permits launches with more shared memory than a block gets without asking.
func (f *Function) allow(shared int) error {
	if shared <= f.shared {
		return nil
	}
	if err := check("cuFuncSetAttribute", driver.AllowShared(f.h, shared)); err != nil {
		return fmt.Errorf("%d bytes of shared memory: %w", shared, err)
	}
	f.shared = shared
	return nil
}
