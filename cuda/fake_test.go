//go:build gpu

package cuda_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"gorgonia.org/cu"

	"paspo/cuda"
	"paspo/internal/cudatest"
)

// The fake driver reports misuse of which a real one would say nothing, or something else.
func TestFakeRefuses(t *testing.T) {
	cudatest.Fake(t)
	r := newRig(t)
	whole := r.arena.Take(rigBytes)
	gone, err := r.NewArena(256)
	if err != nil {
		t.Fatal(err)
	}
	freed := gone.Take(8)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	local := make([]byte, 64)
	launch := func(grid, block [3]int, shared int, x cuda.Ptr) error {
		a := cudatest.ScaleArgs{X: uint64(x), N: 1}
		return r.Launch(r.kernel, grid, block, shared, unsafe.Pointer(&a))
	}
	one := [3]int{1, 1, 1}
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"beyond the end":          {func() error { return r.CopyIn(whole+rigBytes-32, local) }, "64 bytes at 0x"},
		"before the start":        {func() error { return r.CopyOut(local, whole-4) }, "not in one allocation"},
		"an odd address":          {func() error { return r.CopyIn(whole+2, local) }, "not a multiple of 4"},
		"set beyond the end":      {func() error { return r.Zero(whole, rigBytes+1) }, "not in one allocation"},
		"freed memory":            {func() error { return r.Zero(freed, 8) }, "not in one allocation"},
		"overlap":                 {func() error { return r.Copy(whole, whole+8, 16) }, "overlap"},
		"beyond page-locked":      {func() error { return r.CopyIn(whole, unsafe.Slice(&r.host[rigBytes-8], 64)) }, "end beyond page-locked memory"},
		"the device as the host":  {func() error { return r.CopyIn(whole, unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), whole)), 8)) }, "not an address of the host"},
		"too high a grid":         {func() error { return launch([3]int{1, 1, 65536}, one, 0, whole) }, "a grid of 1 x 1 x 65536"},
		"too much shared memory":  {func() error { return launch(one, one, 64<<10+1, whole) }, "attribute 8"},
		"a freed argument":        {func() error { return launch(one, one, 0, freed) }, "is in memory that was freed"},
		"an odd argument":         {func() error { return launch(one, one, 0, whole+2) }, "is not a multiple of 4"},
		"the host as an argument": {func() error { return launch(one, one, 0, cuda.Ptr(uintptr(unsafe.Pointer(&r.host[0])))) }, "is in memory of the host"},
		"not page-locked in a capture": {func() error {
			_, err := r.Capture(func() error { return r.CopyIn(whole, local) })
			return err
		}, "is not page-locked"},
		"memory in a capture": {func() error {
			_, err := r.Capture(func() error {
				_, err := r.NewArena(1)
				return err
			})
			return err
		}, "cuMemAlloc in a capture"},
	} {
		t.Run(name, func(t *testing.T) {
			err := r.Do(c.f)
			var e *cuda.Error
			if !errors.As(err, &e) || !strings.Contains(e.Meaning, c.want) || errors.Is(err, cuda.ErrLost) {
				t.Errorf("got %v", err)
			}
		})
	}
	r.do(t, r.Sync)
}

func TestFakeMemoryStartsAsNaN(t *testing.T) {
	r := newRig(t)
	cudatest.Fake(t)
	got := make([]byte, rigBytes)
	r.do(t, func() error { return errors.Join(r.CopyOut(got, r.arena.Take(rigBytes)), r.Sync()) })
	if !bytes.Equal(got, bytes.Repeat([]byte{0xFF}, rigBytes)) {
		t.Error("fresh memory is not poisoned")
	}
}

// Page-locked memory is read and written when the stream gets there.
func TestFakeIsLate(t *testing.T) {
	if cudatest.Races() {
		t.Skip("what it does is a race")
	}
	r := newRig(t)
	cudatest.Fake(t)
	x := r.arena.Take(64)
	in, out := r.host[:8], r.host[64:72]
	copy(in, "before..")
	copy(out, "nothing.")
	r.do(t, func() error {
		if err := errors.Join(r.CopyIn(x, in), r.CopyOut(out, x)); err != nil {
			return err
		}
		if string(out) != "nothing." {
			t.Errorf("the copy was done at once: %q", out)
		}
		copy(in, "after...")
		return r.Sync()
	})
	if string(out) != "after..." {
		t.Errorf("%q came back", out)
	}
	// Without an order between streams there is none.
	other, err := r.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	copy(in, "first...")
	r.do(t, func() error {
		return errors.Join(r.CopyIn(x, in), other.CopyOut(out, x), other.Sync(), r.Sync())
	})
	if string(out) != "after..." {
		t.Errorf("another stream read %q", out)
	}
}

func TestFakeCounts(t *testing.T) {
	r := newRig(t)
	x, y := r.arena.Take(64), r.arena.Take(64)
	before := cudatest.Count(t, r.Context)
	r.do(t, func() error {
		g, err := r.Capture(func() error { return errors.Join(r.Zero(x, 64), r.scale(r.Stream, x, 8, 1, 1), r.Copy(y, x, 64)) })
		if err != nil {
			return err
		}
		return errors.Join(g.Launch(r.Stream), g.Launch(r.Stream), r.scale(r.Stream, x, 8, 1, 1),
			r.CopyIn(x, r.host[:64]), r.CopyOut(r.host[:64], x), r.CopyOut(r.host[:64], y), r.Sync(), g.Close())
	})
	want := cudatest.Counts{Launches: 3, Graphs: 2, CopiesIn: 1, CopiesOut: 2, Copies: 2, Sets: 2, Syncs: 1}
	if got := cudatest.Count(t, r.Context).Since(before); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
}

// The PTX and what was compiled for the host are of one source.
func TestFakeComparesArguments(t *testing.T) {
	cudatest.Fake(t)
	c := cudatest.Open(t)
	for name, ptx := range map[string]string{
		"32 on the host":          strings.Replace(cudatest.Scale, "param_0[32]", "param_0[40]", 1),
		"one struct by value":     strings.Replace(cudatest.Scale, ".b8 cudatest_scale_param_0[32]", ".b8 cudatest_scale_param_0[32], .param .u64 cudatest_scale_param_1", 1),
		"not compiled for":        strings.ReplaceAll(cudatest.Scale, "cudatest_scale", "stranger"),
		"PTX 8.3 is newer":        strings.Replace(cudatest.Scale, ".version 8.0", ".version 8.3", 1),
		"it is made for sm_90":    strings.Replace(cudatest.Scale, "sm_75", "sm_90", 1),
		"has no kernel cudatest_": strings.Replace(cudatest.Scale, ".entry", ".func", 1),
	} {
		kernel := "cudatest_scale"
		if strings.Contains(ptx, "stranger") {
			kernel = "stranger"
		}
		m, err := c.Load(ptx)
		if err == nil {
			_, err = m.Function(kernel)
			_ = m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFakeEndsWithManagedMemory(t *testing.T) {
	cudatest.Fake(t)
	if os.Getenv("PASPO_PROBE") == "managed" {
		_ = cudatest.Open(t).Do(func() error {
			_, err := cu.MemAllocManaged(64, 1)
			return err
		})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFakeEndsWithManagedMemory$")
	cmd.Env = append(os.Environ(), "PASPO_PROBE=managed")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "managed memory was asked for") {
		t.Errorf("%v\n%.300s", err, out)
	}
}
