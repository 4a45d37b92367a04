//go:build gpu

package kernels_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"unsafe"

	"paspo/kernels"
)

// arena is the memory of some agents in a test: a copy on the host, and one on
// the device while kernels run. What is not set is poison, which is NaN as a
// float and -1 as an integer, and a gap of it follows every region.
type arena struct {
	t      *testing.T
	d      *device
	agents int
	stride int
	host   []byte
	device *memory
}

// region is a piece of every agent's memory.
type region struct {
	at, bytes int
}

const gap = 64

func newArena(t *testing.T, d *device, agents int) *arena {
	return &arena{t: t, d: d, agents: agents}
}

func (a *arena) region(bytes int) region {
	r := region{a.stride, bytes}
	a.stride += (bytes + gap + 15) &^ 15
	return r
}

// floats adds a region of float32.
func (a *arena) floats(n int) region { return a.region(4 * n) }

// place ends the adding of regions.
func (a *arena) place() {
	a.stride = (a.stride + 255) &^ 255
	a.host = bytes.Repeat([]byte{0xFF}, a.agents*a.stride)
	a.device = a.d.alloc(a.t, len(a.host))
}

// at is the address of agent 0's region.
func (a *arena) at(r region) uint64 { return a.device.address() + uint64(r.at) }

func (a *arena) raw(agent int, r region) []byte {
	return a.host[agent*a.stride+r.at:][:r.bytes:r.bytes]
}

func view[T any](a *arena, agent int, r region) []T {
	var zero T
	b := a.raw(agent, r)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

func (a *arena) f32(agent int, r region) []float32 { return view[float32](a, agent, r) }

// run launches kernels with the regions as they are on the host, and brings
// them back. A change outside the outputs is an error.
func (a *arena) run(outputs []region, args ...kernels.Args) {
	a.t.Helper()
	before := bytes.Clone(a.host)
	a.device.upload(a.t, a.host)
	for _, k := range args {
		a.d.launch(a.t, k, a.agents)
	}
	a.device.download(a.t, a.host)
	for agent := range a.agents {
		for _, r := range outputs {
			copy(before[agent*a.stride+r.at:][:r.bytes], a.raw(agent, r))
		}
	}
	if i := mismatch(before, a.host); i >= 0 {
		a.t.Fatalf("%s changed byte %d of agent %d, outside its outputs", args[0].Kernel(), i%a.stride, i/a.stride)
	}
}

func mismatch(x, y []byte) int {
	if bytes.Equal(x, y) {
		return -1
	}
	for i := range x {
		if x[i] != y[i] {
			return i
		}
	}
	return -1
}

// near reports an error where a number is further from what it should be than
// it may.
func near[T float32 | float64](t *testing.T, what string, got []T, want, may []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, not %d", what, len(got), len(want))
	}
	for i, g := range got {
		// Written so that a NaN is an error.
		if !(math.Abs(float64(g)-want[i]) <= may[i]) {
			t.Fatalf("%s[%d] = %v, want %v within %.3g", what, i, g, want[i], may[i])
		}
	}
}

// single is the unit roundoff of float32.
const single = 1. / (1 << 24)

func sameBits(t *testing.T, what string, x, y []byte) {
	t.Helper()
	if i := mismatch(x, y); i >= 0 {
		t.Fatalf("%s: byte %d differs", what, i)
	}
}

func title(format string, args ...any) string { return fmt.Sprintf(format, args...) }
