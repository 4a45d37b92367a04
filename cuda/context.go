//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"gorgonia.org/cu"
)

// Context is a device that is in use. Do and Close may be called from any
// goroutine.
type Context struct {
	device  Device
	thread  int // the OS thread that holds the device's context
	tasks   chan *task
	quit    chan struct{}
	stopped chan struct{}
	close   sync.Once
	closed  error // what letting go returned

	kernels *Kernels // once they are loaded
}

type task struct {
	f     func() error
	err   error
	panic any
	done  chan struct{}
}

// Open takes a device into use. The device's primary context is shared with
// whoever else in the process uses it.
func Open(ordinal int) (*Context, error) {
	devices, err := Devices()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= len(devices) {
		return nil, fmt.Errorf("%w gpu:%d: there are gpu:0 to gpu:%d", ErrNoDevice, ordinal, len(devices)-1)
	}
	c := &Context{device: devices[ordinal], tasks: make(chan *task), quit: make(chan struct{}), stopped: make(chan struct{})}
	started := make(chan error)
	go c.own(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// own holds the context on one thread, which ends with it.
func (c *Context) own(started chan<- error) {
	runtime.LockOSThread()
	c.thread = syscall.Gettid()
	defer close(c.stopped)
	h := cu.Device(c.device.Ordinal)
	primary, err := h.RetainPrimaryCtx()
	if err != nil {
		started <- wrap("cuDevicePrimaryCtxRetain", err)
		return
	}
	if err := cu.SetCurrentContext(primary); err != nil {
		_ = h.ReleasePrimaryCtx()
		started <- wrap("cuCtxSetCurrent", err)
		return
	}
	started <- nil
	for {
		select {
		case t := <-c.tasks:
			t.run()
		case <-c.quit:
			c.closed = errors.Join(
				wrap("cuCtxSetCurrent", cu.SetCurrentContext(cu.CUContext{})),
				wrap("cuDevicePrimaryCtxRelease", h.ReleasePrimaryCtx()))
			return
		}
	}
}

func (t *task) run() {
	returned := false
	defer func() {
		if !returned {
			if t.panic = recover(); t.panic == nil {
				t.panic = "cuda: a function given to Do ended its goroutine"
			}
		}
		close(t.done)
	}()
	t.err = t.f()
	returned = true
}

// Device returns the device.
func (c *Context) Device() Device { return c.device }

// Do calls f on the thread of the context and returns what it returns. Inside f
// it calls at once. A panic of f becomes one of the caller.
func (c *Context) Do(f func() error) error {
	if syscall.Gettid() == c.thread {
		return f()
	}
	t := &task{f: f, done: make(chan struct{})}
	select {
	case c.tasks <- t:
	case <-c.stopped:
		return ErrClosed
	}
	<-t.done
	if t.panic != nil {
		panic(t.panic)
	}
	return t.err
}

// Memory returns the bytes of device memory that are free, and all.
func (c *Context) Memory() (free, total int64, err error) {
	err = c.Do(func() error {
		var err error
		free, total, err = cu.MemInfo()
		return wrap("cuMemGetInfo", err)
	})
	return free, total, err
}

// Close lets go of the device. It is not called inside Do.
func (c *Context) Close() error {
	c.close.Do(func() { close(c.quit) })
	<-c.stopped
	return c.closed
}
