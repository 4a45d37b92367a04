//go:build gpu

package cuda_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"paspo/cuda"
	"paspo/internal/cudatest"
)

func TestDo(t *testing.T) {
	c := cudatest.Open(t)
	mine := errors.New("mine")
	if err := c.Do(func() error { return c.Do(func() error { return mine }) }); !errors.Is(err, mine) {
		t.Errorf("within Do: %v", err)
	}
	var calls sync.WaitGroup
	inside, most := 0, 0
	for range 20 {
		calls.Go(func() {
			for range 50 {
				_ = c.Do(func() error { // one at a time: no lock is needed
					inside++
					most = max(most, inside)
					runtime.Gosched()
					inside--
					return nil
				})
			}
		})
	}
	calls.Wait()
	if most != 1 {
		t.Errorf("%d functions at the same time", most)
	}
	func() {
		defer func() {
			if p := recover(); p != "oh" {
				t.Errorf("a panic became %v", p)
			}
		}()
		_ = c.Do(func() error { panic("oh") })
	}()
	if err := c.Do(func() error { return nil }); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestClose(t *testing.T) {
	cudatest.Select(t)
	c, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Do(func() error { return nil }); !errors.Is(err, cuda.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := c.NewArena(1); !errors.Is(err, cuda.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	a, err := other.NewArena(1)
	if err != nil {
		t.Fatalf("another context of the device: %v", err)
	}
	if err := errors.Join(a.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}

// A function that ends its goroutine, as t.Fatal does, must not leave the caller
// waiting.
func TestGoexitInDo(t *testing.T) {
	cudatest.Select(t)
	c, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "ended its goroutine") {
				t.Errorf("it became %v", p)
			}
		}()
		_ = c.Do(func() error { runtime.Goexit(); return nil })
	}()
	if err := c.Do(func() error { return nil }); !errors.Is(err, cuda.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
	_ = c.Close()
}

func TestCallsOutsideDo(t *testing.T) {
	r := newRig(t)
	var e *cuda.Error
	if err := r.Zero(r.arena.Take(4), 4); !errors.As(err, &e) || e.Name != "CUDA_ERROR_INVALID_CONTEXT" && e.Name != "CUDA_ERROR_CONTEXT_IS_DESTROYED" {
		t.Errorf("got %v", err)
	}
}

func TestOutOfMemory(t *testing.T) {
	c := cudatest.Open(t)
	free, total, err := c.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if free <= 0 || free > total || total > c.Device().Memory {
		t.Errorf("%d free of %d, the device has %d", free, total, c.Device().Memory)
	}
	need := total + 12345
	_, err = c.NewArena(need)
	var e *cuda.OutOfMemoryError
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Need != cuda.Aligned(need) || e.Total != total || e.Missing() != e.Need-e.Free || e.Device != c.Device().Name {
		t.Errorf("%+v", e)
	}
	for _, part := range []string{" of device memory needed", "free on " + e.Device, "missing"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	a, err := c.NewArena(1 << 20)
	if err != nil {
		t.Fatalf("memory is to be had after it: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestArena(t *testing.T) {
	c := cudatest.Open(t)
	a, err := c.NewArena(1200)
	if err != nil {
		t.Fatal(err)
	}
	var last cuda.Ptr
	for i, n := range []int64{1, 256, 257, 0, 100} {
		p := a.Take(n)
		if p%256 != 0 || i > 0 && p < last {
			t.Errorf("take %d is at %#x", i, p)
		}
		last = p
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a full arena gave more")
			}
		}()
		a.Take(1)
	}()
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int64{-1, -1 << 62} {
		if _, err := c.NewArena(n); err == nil {
			t.Errorf("an arena of %d bytes", n)
		}
	}
}

// What a device that died says, from then on and for all.
func TestLostDevice(t *testing.T) {
	cudatest.Fake(t)
	cudatest.Select(t)
	c, err := cuda.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.NewArena(64)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Load(cudatest.Scale)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("cudatest_scale")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Context: c, Stream: s, arena: a, kernel: f}
	x := a.Take(64)
	cudatest.DieAfter(t, c, 2)
	for i := range 4 {
		err := c.Do(func() error { return errors.Join(r.scale(s, x, 8, 1, 0), s.Sync()) })
		if lost := errors.Is(err, cuda.ErrLost); lost != (i >= 2) || !lost && err != nil {
			t.Errorf("launch %d: %v", i, err)
		}
	}
	_, err = c.NewArena(64)
	if !errors.Is(err, cuda.ErrLost) || !strings.Contains(err.Error(), "cuMemAlloc: error 719 CUDA_ERROR_LAUNCH_FAILED: cudatest_scale") {
		t.Errorf("after it: %v", err)
	}
	if _, _, err := c.Memory(); !errors.Is(err, cuda.ErrLost) {
		t.Errorf("after it: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = cuda.Open(1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.NewStream(); err != nil {
		t.Errorf("a fresh context: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
