//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"paspo/cuda/internal/driver"
)

// Stream is a queue of copies and launches, done in order. Its methods are called
// inside Do and return before the work is done, but Sync. An error may be that of
// earlier work.
//
// A copy reads memory of Pinned when the stream gets there, and other memory of the host before the
// call returns. In a capture only memory of Pinned is allowed.
type Stream struct {
	c    *Context
	h    cu.Stream
	past cu.Event // recorded for those who wait
}

// NewStream makes a stream. It does not wait for others.
func (c *Context) NewStream() (*Stream, error) {
	s := &Stream{c: c}
	err := c.Do(func() error {
		var err error
		if s.h, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return wrap("cuStreamCreate", err)
		}
		if s.past, err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return errors.Join(wrap("cuEventCreate", err), wrap("cuStreamDestroy", s.h.Destroy()))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close frees the stream.
func (s *Stream) Close() error {
	return s.c.Do(func() error {
		return errors.Join(wrap("cuEventDestroy", cu.DestroyEvent(&s.past)), wrap("cuStreamDestroy", s.h.Destroy()))
	})
}

func (s *Stream) handle() unsafe.Pointer { return unsafe.Pointer(s.h.C()) }

// CopyIn copies from the host to the device.
func (s *Stream) CopyIn(dst Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return wrap("cuMemcpyHtoDAsync", cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src)), s.h))
}

// CopyOut copies from the device to the host.
func (s *Stream) CopyOut(dst []byte, src Ptr) error {
	if len(dst) == 0 {
		return nil
	}
	return wrap("cuMemcpyDtoHAsync", cu.MemcpyDtoHAsync(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst)), s.h))
}

// Copy copies on the device.
func (s *Stream) Copy(dst, src Ptr, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return wrap("cuMemcpyDtoDAsync", cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, s.h))
}

// Zero sets bytes to 0.
func (s *Stream) Zero(dst Ptr, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return wrap("cuMemsetD8Async", cu.MemsetD8Async(cu.DevicePtr(dst), 0, bytes, s.h))
}

// Launch queues a kernel; args is the address of its struct, which has no Go
// pointers and f.ArgBytes bytes, and is read before Launch returns.
func (s *Stream) Launch(f *Function, grid, block [3]int, shared int, args unsafe.Pointer) error {
	for i := range grid {
		if grid[i] < 1 || block[i] < 1 {
			return fmt.Errorf("cuda: kernel %s: a grid %v of blocks %v", f.Name, grid, block)
		}
	}
	if n := block[0] * block[1] * block[2]; n > f.most {
		return fmt.Errorf("cuda: kernel %s: blocks of %d threads where there can be %d", f.Name, n, f.most)
	}
	if err := f.allow(shared); err != nil {
		return fmt.Errorf("kernel %s: %w", f.Name, err)
	}
	if code := driver.Launch(f.h, grid, block, shared, s.handle(), args); code != 0 {
		return fmt.Errorf("kernel %s: %w", f.Name, check("cuLaunchKernel", code))
	}
	return nil
}

// Wait makes what is queued from now on wait for what the other stream has been
// given so far. In a capture this takes s into the capture of the other stream,
// or joins it.
func (s *Stream) Wait(other *Stream) error {
	if err := other.past.Record(other.h); err != nil {
		return wrap("cuEventRecord", err)
	}
	return wrap("cuStreamWaitEvent", s.h.Wait(other.past, 0))
}

// Sync waits until everything is done.
func (s *Stream) Sync() error { return wrap("cuStreamSynchronize", s.h.Synchronize()) }

// Graph is work that was captured, to be queued as often as needed.
type Graph struct {
	c    *Context
	exec unsafe.Pointer
}

// Capture records what f queues on the stream instead of doing it. f may not wait
// for the device or take memory.
func (s *Stream) Capture(f func() error) (*Graph, error) {
	if err := check("cuStreamBeginCapture", driver.BeginCapture(s.handle())); err != nil {
		return nil, err
	}
	ended := false
	defer func() { // where f panics
		if !ended {
			driver.EndCapture(s.handle())
		}
	}()
	err := f()
	graph, code := driver.EndCapture(s.handle())
	ended = true
	if graph != nil {
		defer driver.DestroyGraph(graph)
	}
	if err != nil {
		return nil, err
	}
	if err := check("cuStreamEndCapture", code); err != nil {
		return nil, err
	}
	exec, code := driver.Instantiate(graph)
	if err := check("cuGraphInstantiate", code); err != nil {
		return nil, err
	}
	return &Graph{c: s.c, exec: exec}, nil
}

// Launch queues the graph on a stream. It is called inside Do.
func (g *Graph) Launch(s *Stream) error {
	return check("cuGraphLaunch", driver.LaunchGraph(g.exec, s.handle()))
}

// Close frees the graph.
func (g *Graph) Close() error {
	return g.c.Do(func() error {
		exec := g.exec
		g.exec = nil
		if exec == nil {
			return nil
		}
		return check("cuGraphExecDestroy", driver.DestroyExec(exec))
	})
}
