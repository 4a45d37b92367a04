//go:build gpu

package cudatest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"paspo/cuda"
	"paspo/internal/cudatest"
)

// Tests of the race check itself, by kernels that only its library has.

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"PASPO_TEST_RACES": "1", "PASPO_FAKE_RACES": ""} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// racy is a device with memory for the kernels of kernels/host/racy.cu.
type racy struct {
	loaded  map[string]*cuda.Function
	a, b    *cuda.Stream
	x, n    cuda.Ptr
	staging []byte
}

var racyKernels = []string{
	"racy_no_barrier", "racy_barrier_in_loop", "racy_warp", "racy_shuffle", "racy_blocks", "racy_neighbours", "racy_often", "racy_often_later", "racy_atomic", "racy_constant",
	"racy_none", "racy_add",
}

// The arguments of all of them.
type racyArgs struct{ x, n cuda.Ptr }

const racyPTX = `.version 8.0
.target sm_75
.address_size 64
.visible .entry %s(
	.param .align 8 .b8 %[1]s_param_0[16]
)
.maxntid 64, 1, 1
{
	ret;
}
`

// try runs f on a device that no one else uses, and returns what it and then
// waiting for everything says.
func try(t *testing.T, f func(r *racy) error) error {
	t.Helper()
	cudatest.Fake(t)
	cudatest.Select(t)
	c, err := cuda.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.Do(func() error {
		r := &racy{loaded: map[string]*cuda.Function{}}
		for _, name := range racyKernels {
			m, err := c.Load(fmt.Sprintf(racyPTX, name))
			if err != nil {
				return err
			}
			if r.loaded[name], err = m.Function(name); err != nil {
				return err
			}
		}
		if r.a, err = c.NewStream(); err != nil {
			return err
		}
		if r.b, err = c.NewStream(); err != nil {
			return err
		}
		arena, err := c.NewArena(4096)
		if err != nil {
			return err
		}
		r.x, r.n = arena.Take(2048), arena.Take(256)
		var free func()
		if r.staging, free, err = c.Pinned(1024); err != nil {
			return err
		}
		defer free()
		if err := r.a.Zero(r.x, 4096); err != nil {
			return err
		}
		return errors.Join(r.a.Sync(), f(r), r.a.Sync(), r.b.Sync())
	})
}

// launch puts a kernel of three blocks on a stream.
func (r *racy) launch(s *cuda.Stream, name string) error {
	args := racyArgs{r.x, r.n}
	return s.Launch(r.loaded[name], [3]int{3, 1, 1}, [3]int{64, 1, 1}, 256, unsafe.Pointer(&args))
}

func wantRace(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, cuda.ErrLost) || !strings.Contains(err.Error(), "race: ") {
		t.Fatalf("no race was found: %v", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the race is not described by %q: %v", p, err)
		}
	}
}

func TestRacesOfKernels(t *testing.T) {
	for name, parts := range map[string][]string{
		"racy_no_barrier":      {"shared memory", "racy_no_barrier at racy.cu:", " 0 0, thread "},
		"racy_barrier_in_loop": {"shared memory", "racy.cu:24", "racy.cu:26"},
		"racy_warp":            {"shared memory"},
		"racy_shuffle":         {"shared memory"},
		"racy_blocks":          {"device memory", " writes what ", " wrote"},
		"racy_neighbours":      {"device memory"},
		"racy_often":           {"shared memory", " writes what ", " read"},
		"racy_often_later":     {"device memory", "racy.cu:75", "racy.cu:78"}, // which block comes first is the order of their turns
		"racy_atomic":          {"device memory"},
		"racy_constant":        {"device memory", "racy_constant at racy.cu:"},
	} {
		t.Run(name, func(t *testing.T) {
			wantRace(t, try(t, func(r *racy) error { return r.launch(r.a, name) }), parts...)
		})
	}
	if err := try(t, func(r *racy) error { return r.launch(r.a, "racy_none") }); err != nil {
		t.Error(err)
	}
}

// What is queued, with a race where the last step is left out.
func TestRacesBetweenOperations(t *testing.T) {
	add := func(r *racy, s *cuda.Stream) error { return r.launch(s, "racy_add") }
	for name, f := range map[string]func(r *racy, order func(s, behind *cuda.Stream) error) error{
		"kernels of two streams": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			return errors.Join(add(r, r.a), order(r.b, r.a), add(r, r.b))
		},
		"a kernel and a set": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			return errors.Join(r.a.Zero(r.x, 4), order(r.b, r.a), add(r, r.b))
		},
		"a kernel and a copy to the host": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			return errors.Join(r.a.CopyOut(r.staging, r.x), order(r.b, r.a), add(r, r.b))
		},
		"copies of memory of the host": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			return errors.Join(r.a.CopyIn(r.x, r.staging[:4]), order(r.b, r.a), r.b.CopyOut(r.staging[:4], r.n))
		},
		"lanes of a graph": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			g, err := r.a.Capture(func() error {
				return errors.Join(r.b.Wait(r.a), add(r, r.a), order(r.b, r.a), add(r, r.b), r.a.Wait(r.b))
			})
			if err != nil {
				return err
			}
			return errors.Join(g.Launch(r.a), g.Launch(r.a), r.a.Sync(), g.Close())
		},
		"a graph and another stream": func(r *racy, order func(s, behind *cuda.Stream) error) error {
			g, err := r.a.Capture(func() error {
				return errors.Join(r.b.Wait(r.a), add(r, r.b), r.a.Wait(r.b), add(r, r.a))
			})
			if err != nil {
				return err
			}
			return errors.Join(g.Launch(r.a), order(r.b, r.a), add(r, r.b), r.b.Sync(), g.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			none := func(s, behind *cuda.Stream) error { return nil }
			wantRace(t, try(t, func(r *racy) error { return f(r, none) }))
			if err := try(t, func(r *racy) error { return f(r, (*cuda.Stream).Wait) }); err != nil {
				t.Errorf("with an event between them: %v", err)
			}
		})
	}
}

// The host's waiting is an order too, and so is reading by both.
func TestNoRaces(t *testing.T) {
	if err := try(t, func(r *racy) error {
		return errors.Join(r.launch(r.a, "racy_add"), r.a.Sync(), r.launch(r.b, "racy_add"), r.b.Sync(),
			r.a.CopyOut(r.staging[:64], r.x), r.b.CopyOut(r.staging[64:128], r.x), r.a.Wait(r.b), r.launch(r.a, "racy_add"))
	}); err != nil {
		t.Error(err)
	}
	wantRace(t, try(t, func(r *racy) error {
		err := r.a.CopyIn(r.x, r.staging[:64])
		r.staging[7]++
		return err
	}), "the host writes")
	wantRace(t, try(t, func(r *racy) error {
		return errors.Join(
			r.a.CopyOut(r.staging[:64], r.x), r.b.CopyOut(r.staging[64:128], r.x), r.launch(r.a, "racy_add"))
	}))
}
