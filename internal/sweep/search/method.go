package search

import (
	"math"
	"math/rand/v2"
	"strconv"

	"paspo/internal/rng"
)

// Result is what came of a trial. Value is to be large; it is NaN for one that failed.
type Result struct {
	Point Point
	Value float64
	Steps int64 // that it was trained: one that was given up went less far
	Ended bool
}

// Method suggests points: its answer depends on nothing but what it is given, so that any
// process can ask at any time.
type Method interface {
	// Suggest returns the point of the trial that follows the given ones, in the order
	// of their numbers. It returns nil where that cannot be said before more of them have
	// ended.
	Suggest(before []Result) Point
}

// Grid goes through all combinations of values, those of the last dimension first.
type Grid struct{ Space Space }

// Trials returns how many combinations there are.
func (g Grid) Trials() int {
	n := 1
	for i := range g.Space {
		n *= g.values(i)
		if n > MaxTrials {
			return n
		}
	}
	return n
}

// MaxTrials is the most trials that a sweep has.
const MaxTrials = 1_000_000

func (g Grid) values(i int) int {
	d := &g.Space[i]
	switch size := d.size(); {
	case d.Kind != Choices && d.Points > 0 && float64(d.Points) < size:
		return d.Points
	case size > MaxTrials:
		return MaxTrials + 1
	default:
		return int(size)
	}
}

// Suggest implements Method.
func (g Grid) Suggest(before []Result) Point { return g.At(len(before)) }

// At returns the combination of a number.
func (g Grid) At(rest int) Point {
	p := make(Point, len(g.Space))
	for i := len(p) - 1; i >= 0; i-- {
		d, n := &g.Space[i], g.values(i)
		k := rest % n
		rest /= n
		switch {
		case d.Kind == Choices:
			p[i] = float64(k)
		case n == 1:
			p[i] = d.Low
		case float64(n) == d.size():
			p[i] = d.Low + float64(k)
		default:
			p[i] = d.level(k, n)
		}
	}
	return p
}

// level returns the k-th of n values that part a range evenly, whose ends are the first and the last.
// Those between have twelve digits, so that the middle of 1e-5 and 1e-3 is 0.0001 and not
// 0.00010000000000000009, unless the range is so narrow that it shows.
func (d *Dimension) level(k, n int) float64 {
	switch k {
	case 0:
		return d.Low
	case n - 1:
		return d.High
	}
	lo, hi := d.Share(d.Low), d.Share(d.High)
	x := d.At(lo + (hi-lo)*float64(k)/float64(n-1))
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err == nil && math.Abs(short-x) <= 1e-9*(d.High-d.Low) {
		x = short
	}
	return d.clamp(x)
}

// Random draws points that do not depend on one another.
type Random struct {
	Space Space
	Seed  uint64
}

// Suggest implements Method.
func (r Random) Suggest(before []Result) Point {
	p := make(Point, len(r.Space))
	u := rand.New(stream(r.Seed, "random", len(before)))
	for i := range p {
		p[i] = r.Space[i].At(u.Float64())
	}
	return p
}

// stream is that of one trial.
func stream(seed uint64, method string, trial int) *rng.Stream {
	return rng.New(seed, "sweep", method).Split(uint64(trial))
}
