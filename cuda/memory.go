//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"paspo/cuda/internal/driver"
)

// Arena is one piece of device memory that is handed out from its start on.
type Arena struct {
	c          *Context
	base       Ptr
	size, used int64
}

// NewArena takes device memory. Too little of it is an *OutOfMemoryError.
func (c *Context) NewArena(bytes int64) (*Arena, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("cuda: an arena of %d bytes", bytes)
	}
	a := &Arena{c: c, size: Aligned(max(bytes, 1))}
	err := c.Do(func() error {
		p, err := cu.MemAlloc(a.size)
		a.base = Ptr(p)
		err = wrap("cuMemAlloc", err)
		var e *Error
		if !errors.As(err, &e) || e.Code != codeOutOfMemory {
			return err
		}
		free, total, err := c.Memory()
		if err != nil {
			return err
		}
		return &OutOfMemoryError{Need: a.size, Free: free, Total: total, Device: c.device.Name}
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Take hands out memory at a multiple of 256 bytes, see Aligned. What it holds is
// not defined.
func (a *Arena) Take(bytes int64) Ptr {
	p := a.base + Ptr(a.used)
	if bytes < 0 || a.used+bytes > a.size {
		panic(fmt.Sprintf("cuda: an arena of %d bytes, %d in use, is asked for %d", a.size, a.used, bytes))
	}
	a.used += Aligned(bytes)
	return p
}

// Close gives the memory back.
func (a *Arena) Close() error {
	return a.c.Do(func() error {
		base := a.base
		if base == 0 {
			return nil
		}
		a.base, a.size, a.used = 0, 0, 0
		return wrap("cuMemFree", cu.MemFree(cu.DevicePtr(base)))
	})
}

// Pinned takes page-locked memory of the host, which copies use without waiting:
// it must be left alone until the stream is past them. What it holds is not
// defined.
func (c *Context) Pinned(bytes int) (p []byte, free func(), err error) {
	if bytes < 0 {
		return nil, nil, fmt.Errorf("cuda: %d bytes of page-locked memory", bytes)
	}
	var at unsafe.Pointer
	err = c.Do(func() error {
		var code int
		at, code = driver.HostAlloc(max(bytes, 1))
		return check("cuMemHostAlloc", code)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cuda: %s of page-locked host memory: %w", size(int64(bytes)), err)
	}
	// A device that is lost has given the memory back itself.
	return unsafe.Slice((*byte)(at), bytes), func() { _ = c.Do(func() error { return cu.MemFreeHost(at) }) }, nil
}
