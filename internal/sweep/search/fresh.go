package search

import (
	"math/rand/v2"
	"slices"
)

// Fresh is a method that suggests no point again while a finite space has others: a training that
// is repeated says nothing new. In the place of one that has been there another one is drawn.
type Fresh struct {
	Method
	Space Space
	Seed  uint64
}

// Suggest implements Method.
func (f Fresh) Suggest(before []Result) Point {
	p := f.Method.Suggest(before)
	n := f.Space.Points()
	if p == nil || n > MaxTrials || len(before) >= n {
		return p
	}
	seen := map[int]bool{}
	for _, r := range before {
		seen[f.Space.number(r.Point)] = true
	}
	if !seen[f.Space.number(p)] {
		return p
	}
	k := rand.New(stream(f.Seed, "fresh", len(before))).IntN(n)
	for seen[k] {
		k = (k + 1) % n
	}
	return Grid{f.Space.whole()}.At(k)
}

// Points returns how many a space has, or more than MaxTrials where it has more.
func (s Space) Points() int { return Grid{s.whole()}.Trials() }

// whole returns a space whose grid has all values of its ranges.
func (s Space) whole() Space {
	all := slices.Clone(s)
	for i := range all {
		all[i].Points = 0
	}
	return all
}

// number returns that of a point in the grid of a finite space.
func (s Space) number(p Point) int {
	k := 0
	for i := range s {
		d := &s[i]
		k = k*int(d.size()) + int(p[i]-d.Low) // Low of choices is 0
	}
	return k
}
