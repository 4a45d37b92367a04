package warm

import (
	"fmt"
)

// Stats tells how intervals were answered.
type Stats struct {
	Endpoints []Endpoint // lower and upper endpoint of every entity in turn
}

// Endpoint is one endpoint of the interval of one entity.
type Endpoint struct {
	Entity string
	Upper  bool

	Hits   int64 // a warm-start basis proved the endpoint
	Misses int64 // what was searched for
	Exact  int64 // of the misses, those that took rational arithmetic
	Left   int64 // of the misses, those where linear programs took the action over
	Bases  int   // that are kept
}

// Total sums over all endpoints. Its Entity is empty.
func (s Stats) Total() Endpoint {
	var t Endpoint
	for _, e := range s.Endpoints {
		t.Hits += e.Hits
		t.Misses += e.Misses
		t.Exact += e.Exact
		t.Left += e.Left
		t.Bases += e.Bases
	}
	return t
}

// HitRate is the share of endpoints that a warm-start basis proved, 0 where there are none.
func (e Endpoint) HitRate() float64 {
	if e.Hits+e.Misses == 0 {
		return 0
	}
	return float64(e.Hits) / float64(e.Hits+e.Misses)
}

func (e Endpoint) String() string {
	return fmt.Sprintf("%d bases, hit rate %.4f (%d hits, %d misses, of them %d exact, %d left to programs)",
		e.Bases, e.HitRate(), e.Hits, e.Misses, e.Exact, e.Left)
}

// Stats returns what was answered so far. It may be called at any time.
func (s *Solver) Stats() Stats {
	var out Stats
	for i := range s.m.suffix {
		for x, e := range s.m.suffix[i].stores {
			out.Endpoints = append(out.Endpoints, Endpoint{
				Entity: s.m.p.Entities()[i], Upper: x == 1,
				Hits: e.hits.Load(), Misses: e.misses.Load(), Exact: e.exact.Load(), Left: e.left.Load(), Bases: len(*e.kept.Load()),
			})
		}
	}
	return out
}
