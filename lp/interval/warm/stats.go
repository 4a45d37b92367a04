package warm

import "fmt"

// Stats tells how endpoints of intervals were answered.
type Stats struct {
	Hits   int64 // a warm-start basis proved the endpoint
	Misses int64 // what was searched for
	Exact  int64 // of the misses, those that took rational arithmetic
	Bases  int   // that are kept

	// HandedOver counts the misses for which no search found duals. The successor got their
	// rows.
	HandedOver int64
}

// HitRate is the share of endpoints that a warm-start basis proved, 0 where there are none.
func (s Stats) HitRate() float64 {
	if s.Hits+s.Misses == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Hits+s.Misses)
}

func (s Stats) String() string {
	return fmt.Sprintf("%d bases, hit rate %.4f (%d hits, %d misses, of them %d exact, %d handed over)",
		s.Bases, s.HitRate(), s.Hits, s.Misses, s.Exact, s.HandedOver)
}

// Stats returns what was answered so far. It may be called at any time.
func (s *Solver) Stats() (total Stats) {
	for i := range s.m.suffix {
		for _, e := range s.m.suffix[i].stores {
			total.Hits += e.hits.Load()
			total.Misses += e.misses.Load()
			total.Exact += e.exact.Load()
			total.HandedOver += e.handedOver.Load()
			total.Bases += len(*e.bases.Load())
		}
	}
	return total
}
