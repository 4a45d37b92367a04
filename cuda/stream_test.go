//go:build gpu

package cuda_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"paspo/cuda"
	"paspo/internal/cudatest"
)

// rig is a device with a stream, the test kernel, and memory of both sides.
type rig struct {
	*cuda.Context
	*cuda.Stream
	arena  *cuda.Arena
	host   []byte // page-locked
	kernel *cuda.Function
}

const rigBytes = 1 << 16

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{Context: cudatest.Open(t)}
	var err error
	if r.Stream, err = r.NewStream(); err != nil {
		t.Fatal(err)
	}
	if r.arena, err = r.NewArena(rigBytes); err != nil {
		t.Fatal(err)
	}
	var free func()
	if r.host, free, err = r.Pinned(rigBytes); err != nil {
		t.Fatal(err)
	}
	m, err := r.Load(cudatest.Scale)
	if err != nil {
		t.Fatal(err)
	}
	if r.kernel, err = m.Function("cudatest_scale"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		free()
		if err := errors.Join(m.Close(), r.arena.Close(), r.Stream.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// do fails the test where f fails on the device's thread.
func (r *rig) do(t *testing.T, f func() error) {
	t.Helper()
	if err := r.Do(f); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) scale(s *cuda.Stream, x cuda.Ptr, n int, factor, term float64) error {
	a := cudatest.ScaleArgs{X: uint64(x), N: int64(n), Factor: factor, Term: term}
	return s.Launch(r.kernel, [3]int{(n + 127) / 128, 1, 1}, [3]int{128, 1, 1}, 0, unsafe.Pointer(&a))
}

func floats(b []byte) []float64 {
	x := make([]float64, len(b)/8)
	if _, err := binary.Decode(b, binary.NativeEndian, x); err != nil {
		panic(err)
	}
	return x
}

func put(b []byte, x []float64) {
	if _, err := binary.Encode(b, binary.NativeEndian, x); err != nil {
		panic(err)
	}
}

func random(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rand.NormFloat64()
	}
	return x
}

func TestCopiesAndLaunches(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{1, 31, 128, 129, 1000} {
		for _, pinned := range []bool{true, false} {
			buffer := r.host[:8*n]
			if !pinned {
				buffer = make([]byte, 8*n)
			}
			want := random(n)
			put(buffer, want)
			from := r.arena.Take(0)
			to := from + rigBytes/2
			r.do(t, func() error {
				return errors.Join(r.CopyIn(from, buffer), r.scale(r.Stream, from, n, 3, -1), r.Copy(to, from, int64(8*n)),
					r.Zero(from, int64(8*n)), r.CopyOut(buffer, to), r.Sync())
			})
			for i, got := range floats(buffer) {
				if got != math.FMA(3, want[i], -1) {
					t.Fatalf("n = %d, pinned %v, number %d: %v of %v", n, pinned, i, got, want[i])
				}
			}
			r.do(t, func() error { return errors.Join(r.CopyOut(buffer, from), r.Sync()) })
			if !bytes.Equal(buffer, make([]byte, 8*n)) {
				t.Fatalf("n = %d: Zero left something", n)
			}
		}
	}
}

func TestGraphReplaysWhatWasCaptured(t *testing.T) {
	r := newRig(t)
	const n = 300
	x := r.arena.Take(8 * n)
	start := random(n)
	put(r.host[:8*n], start)
	before := r.host[:8*n]
	var g *cuda.Graph
	r.do(t, func() error {
		if err := r.CopyIn(x, before); err != nil {
			return err
		}
		var err error
		g, err = r.Capture(func() error {
			return errors.Join(r.scale(r.Stream, x, n, 2, 0), r.scale(r.Stream, x, n, 1, 1))
		})
		return err
	})
	const replays = 5
	r.do(t, func() error {
		for range replays {
			if err := g.Launch(r.Stream); err != nil {
				return err
			}
		}
		return errors.Join(r.CopyOut(r.host[:8*n], x), r.Sync())
	})
	for i, got := range floats(r.host[:8*n]) {
		want := start[i]
		for range replays {
			want = 2*want + 1
		}
		if got != want {
			t.Fatalf("number %d: %v instead of %v: a capture runs nothing, a replay all", i, got, want)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatalf("closed twice: %v", err)
	}
}

func TestStreamsWaitForEachOther(t *testing.T) {
	r := newRig(t)
	const n = 64
	other, err := r.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	x := r.arena.Take(8 * n)
	start := random(n)
	put(r.host[:8*n], start)
	work := func() error {
		return errors.Join(
			r.scale(r.Stream, x, n, 2, 0), other.Wait(r.Stream),
			r.scale(other, x, n, 1, 5), r.Wait(other),
			r.scale(r.Stream, x, n, 3, 0))
	}
	want := func(x float64) float64 { return 3 * (2*x + 5) }
	r.do(t, func() error {
		return errors.Join(r.CopyIn(x, r.host[:8*n]), work(), r.CopyOut(r.host[:8*n], x), r.Sync())
	})
	for i, got := range floats(r.host[:8*n]) {
		if got != want(start[i]) {
			t.Fatalf("number %d: %v instead of %v", i, got, want(start[i]))
		}
	}
	var g *cuda.Graph
	r.do(t, func() error {
		var err error
		g, err = r.Capture(work)
		return err
	})
	defer g.Close()
	r.do(t, func() error {
		return errors.Join(g.Launch(r.Stream), r.CopyOut(r.host[:8*n], x), r.Sync())
	})
	for i, got := range floats(r.host[:8*n]) {
		if got != want(want(start[i])) {
			t.Fatalf("captured, number %d: %v instead of %v", i, got, want(want(start[i])))
		}
	}
}

func TestLaunchOfTooManyThreads(t *testing.T) {
	r := newRig(t)
	args := cudatest.ScaleArgs{X: uint64(r.arena.Take(64)), N: 1}
	err := r.Do(func() error { return r.Launch(r.kernel, [3]int{1, 1, 1}, [3]int{1025, 1, 1}, 0, unsafe.Pointer(&args)) })
	if err == nil || !strings.Contains(err.Error(), "blocks of 1025 threads where there can be") {
		t.Errorf("got %v", err)
	}
}

func TestCaptureThatGoesWrong(t *testing.T) {
	r := newRig(t)
	other, err := r.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	x := r.arena.Take(64)
	mine := errors.New("mine")
	for name, f := range map[string]func() error{
		"an error of f": func() error { return mine },
		"a wait":        func() error { return r.Sync() },
		"a wait whose error is dropped": func() error {
			_ = r.Sync()
			return nil
		},
		"a fork without a join": func() error { return errors.Join(other.Wait(r.Stream), other.Zero(x, 64)) },
	} {
		t.Run(name, func(t *testing.T) {
			err := r.Do(func() error {
				g, err := r.Capture(f)
				if g != nil {
					t.Error("there is a graph")
				}
				return err
			})
			var e *cuda.Error
			if err == nil || !errors.Is(err, mine) && !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			// The stream is good for more.
			r.do(t, func() error { return errors.Join(r.Zero(x, 64), r.Sync()) })
		})
	}
	func() {
		defer func() {
			if p := recover(); p != "oh" {
				t.Errorf("a panic became %v", p)
			}
		}()
		_ = r.Do(func() error {
			_, err := r.Capture(func() error { panic("oh") })
			return err
		})
	}()
	r.do(t, func() error { return errors.Join(r.Zero(x, 64), r.Sync()) })
}

func TestErrorsNameCallCodeAndMeaning(t *testing.T) {
	r := newRig(t)
	_, err := r.Load("no PTX")
	var e *cuda.Error
	if !errors.As(err, &e) || e.Call != "cuModuleLoadData" || e.Code == 0 || !strings.HasPrefix(e.Name, "CUDA_ERROR_") || e.Meaning == "" {
		t.Errorf("got %#v of %v", e, err)
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "cuModuleLoadData: error ") {
		t.Errorf("%q", err)
	}
	if errors.Is(err, cuda.ErrLost) {
		t.Error("bad PTX is no lost device")
	}
	m, err := r.Load(cudatest.Scale)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Function("nothing"); err == nil || !strings.Contains(err.Error(), "kernel nothing: cuModuleGetFunction: error 500") {
		t.Errorf("got %v", err)
	}
	if err := r.Do(func() error {
		return r.Launch(r.kernel, [3]int{1, 0, 1}, [3]int{1, 1, 1}, 0, unsafe.Pointer(&cudatest.ScaleArgs{}))
	}); err == nil || !strings.Contains(err.Error(), "kernel cudatest_scale") {
		t.Errorf("got %v", err)
	}
	if err := r.Do(func() error {
		return r.Launch(r.kernel, [3]int{1, 1, 1}, [3]int{1, 1, 1}, 1<<30, unsafe.Pointer(&cudatest.ScaleArgs{}))
	}); err == nil || !strings.Contains(err.Error(), "cuFuncSetAttribute: error 1") {
		t.Errorf("got %v", err)
	}
}

func init() { cuda.OpenTest = func(t testing.TB) *cuda.Context { return cudatest.Open(t) } }
