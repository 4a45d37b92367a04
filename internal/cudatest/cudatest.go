//go:build gpu

package cudatest

import (
	"os"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/cu"

	"paspo/cuda"
)

var contexts struct {
	sync.Mutex
	open map[int]*cuda.Context
}

// Select makes the process use the driver that tests run on. Open does so itself.
func Select(t testing.TB) {
	t.Helper()
	if Real() {
		return
	}
	for _, e := range Environ(t) {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// Open returns the context of a device, the first unless said otherwise. It stays
// open: all tests of a process share it. The fake driver has two devices.
func Open(t testing.TB, ordinal ...int) *cuda.Context {
	t.Helper()
	contexts.Lock()
	defer contexts.Unlock()
	k := 0
	if len(ordinal) > 0 {
		k = ordinal[0]
	}
	if c := contexts.open[k]; c != nil {
		return c
	}
	Select(t)
	c, err := cuda.Open(k)
	if err != nil {
		t.Fatal(err)
	}
	if contexts.open == nil {
		contexts.open = map[int]*cuda.Context{}
	}
	contexts.open[k] = c
	return c
}

// Fake skips a test that needs the fake driver where a real one is used.
func Fake(t testing.TB) {
	t.Helper()
	if Real() {
		t.Skip("needs the fake driver: PASPO_TEST_GPU is 1")
	}
}

// Counts is what a device has done since the process began.
type Counts struct {
	Launches    int // of kernels that ran, those of graphs too
	Graphs      int // launched
	CopiesIn    int // from the host to the device
	CopiesOut   int
	Copies      int // on the device
	Sets        int
	Syncs       int // waits of the host: of streams, events, contexts
	Allocations int // of device memory
	Leaks       int // allocations that were left when a context was released
	Races       int // kernels and copies in which there were some
}

// What the fake driver answers beside the attributes of devices.
const (
	readCounter cu.DeviceAttribute = 1_000_000
	dieAfter    cu.DeviceAttribute = 2_000_000
)

func attribute(t testing.TB, c *cuda.Context, a cu.DeviceAttribute) int {
	t.Helper()
	Fake(t)
	v, err := cu.Device(c.Device().Ordinal).Attribute(a)
	if err != nil {
		t.Fatalf("not the fake driver: %v", err)
	}
	return v
}

// Count reads what a device has done; a real one skips the test.
func Count(t testing.TB, c *cuda.Context) Counts {
	t.Helper()
	var n Counts
	for i, p := range []*int{
		&n.Launches, &n.Graphs, &n.CopiesIn, &n.CopiesOut, &n.Copies, &n.Sets, &n.Syncs, &n.Allocations, &n.Leaks,
		&n.Races,
	} {
		*p = attribute(t, c, readCounter+cu.DeviceAttribute(i))
	}
	return n
}

// Since is what was done after b was read.
func (n Counts) Since(b Counts) Counts {
	return Counts{
		n.Launches - b.Launches, n.Graphs - b.Graphs, n.CopiesIn - b.CopiesIn, n.CopiesOut - b.CopiesOut, n.Copies - b.Copies,
		n.Sets - b.Sets, n.Syncs - b.Syncs, n.Allocations - b.Allocations, n.Leaks - b.Leaks,
		n.Races - b.Races,
	}
}

// DieAfter makes the device fail for good after that many more launches. Only a
// context that was closed by all who opened it, and is opened again, works again:
// a test takes the second device for this, through cuda.Open.
func DieAfter(t testing.TB, c *cuda.Context, launches int) {
	t.Helper()
	attribute(t, c, dieAfter+cu.DeviceAttribute(launches))
}
