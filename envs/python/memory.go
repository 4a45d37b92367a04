package python

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capacity is the number of environments that a process can hold. Memory that is not
// used takes none.
const capacity = 1 << 17

// memoryFile makes a file of a size that has no name and takes memory where it is
// written to.
func memoryFile(name string, size int) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("memory to share with Python: %w", err)
	}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("memory of %d bytes to share with Python: %w", size, err)
	}
	return fd, nil
}

// Words that the shared memory begins with.
const (
	wordCount         = iota // environments that are asked for
	wordFirst                // slot of the first where they follow one another, else -1
	wordAgain                // whether episodes that end start anew
	wordFailed               // place of the one that failed
	wordInfo                 // whether there are numbers in info that nobody has asked for
	wordTurn                 // whose turn it is, and to do what
	wordWorkerSleeps         // whether the worker is to be woken
	wordTrainerSleeps        // whether this side is to be woken
	words
)

// Layout says where a process finds its rows, one a slot, in the shared memory, after the words.
type layout struct {
	Op       string `json:"op"`
	Size     int    `json:"size"`
	Capacity int    `json:"capacity"`
	List     int    `json:"list"`    // int32: slots, where they do not follow one another
	Seeds    int    `json:"seeds"`   // uint32: of the next episode
	Flags    int    `json:"flags"`   // uint8: of the last step
	Rewards  int    `json:"rewards"` // float64
	Actions  int    `json:"actions"` // float64 x n: row k is for the k-th of the environments that are asked for
	Obs      int    `json:"obs"`     // float64 x dim
	Final    int    `json:"final"`   // float64 x dim: the last observation of an episode that has ended

	// Limits has the widths of the limits that follow the state. The others say where they are.
	Limits map[string]int `json:"limits"`
	B      int            `json:"b"`
	Lower  int            `json:"lower"`
	Upper  int            `json:"upper"`
	Total  int            `json:"total"`

	Entities []string              `json:"entities"`
	Own      map[string][]*float64 `json:"own"` // bounds of all states, lower and upper, nil for none: those of a state are no wider
}

// memory is the shared memory of a process.
type memory struct {
	bytes               []byte
	head                []int64
	list                []int32
	seeds               []uint32
	flags               []uint8
	rewards             []float64
	actions, obs, final []float64

	b, lower, upper, total []float64 // nil where they do not follow the state
}

const (
	flagTerminated = 1 << iota
	flagTruncated
	flagFresh   // the row holds the first observation of the next episode
	flagSkipped // the step began an episode and took no action
)

// share makes the memory of a process.
func (p *Problem) share(w *worker) error {
	dim, n := p.spec.ObsDim, p.spec.Polytope.Dim()
	lower, upper := p.spec.Polytope.Bounds()
	l := layout{Op: "memory", Capacity: capacity, Limits: p.follow, Entities: p.spec.Polytope.Entities(), Own: map[string][]*float64{"lower": finite(lower), "upper": finite(upper)}}
	at := 8 * words
	for _, a := range []struct {
		offset *int
		width  int
	}{{&l.List, 4}, {&l.Seeds, 4}, {&l.Flags, 1}, {&l.Rewards, 8}, {&l.Actions, 8 * n}, {&l.Obs, 8 * dim}, {&l.Final, 8 * dim},
		{&l.B, 8 * p.follow["b"]}, {&l.Lower, 8 * p.follow["lower"]}, {&l.Upper, 8 * p.follow["upper"]}, {&l.Total, 8 * p.follow["total"]}} {
		*a.offset = at
		at += (capacity*a.width + 63) &^ 63
	}
	l.Size = at
	fd, err := memoryFile("paspo-envs", at)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	b, err := unix.Mmap(fd, 0, at, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("memory of %d bytes to share with Python: %w", at, err)
	}
	w.mem = &memory{
		bytes: b, head: view[int64](b, 0, words), list: view[int32](b, l.List, capacity), seeds: view[uint32](b, l.Seeds, capacity),
		flags: b[l.Flags : l.Flags+capacity], rewards: view[float64](b, l.Rewards, capacity),
		actions: view[float64](b, l.Actions, capacity*n), obs: view[float64](b, l.Obs, capacity*dim), final: view[float64](b, l.Final, capacity*dim),
	}
	for _, f := range []struct {
		name   string
		offset int
		rows   *[]float64
	}{{"b", l.B, &w.mem.b}, {"lower", l.Lower, &w.mem.lower}, {"upper", l.Upper, &w.mem.upper}, {"total", l.Total, &w.mem.total}} {
		if width := p.follow[f.name]; width > 0 {
			*f.rows = view[float64](b, f.offset, capacity*width)
		}
	}
	return w.channel.ask(l, fd, nil)
}

// finite returns numbers as JSON has them, nil for infinite ones.
func finite(x []float64) []*float64 {
	out := make([]*float64, len(x))
	for i := range x {
		if !math.IsInf(x[i], 0) {
			out[i] = &x[i]
		}
	}
	return out
}

func view[T any](b []byte, offset, count int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&b[offset])), count)
}
