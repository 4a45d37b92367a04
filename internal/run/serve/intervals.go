package serve

import (
	"errors"
	"fmt"

	"paspo/internal/count"
	"paspo/lp"
)

// span is an interval.
type span struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Intervals answers lines of prefixes of allocations of p, each with the interval of the next
// entity by a chain of one row.
func Intervals(p *lp.Polytope, chain lp.Chain) func(line []byte) (any, error) {
	return func(line []byte) (any, error) {
		prefix, err := Numbers("the prefix", line)
		if err != nil {
			return nil, err
		}
		if n := p.Dim(); len(prefix) >= n {
			return nil, fmt.Errorf("the prefix has %s: at most %d of %d leave one to answer for", count.Of(len(prefix), "entity"), n-1, n)
		}
		var lo, hi [1]float64
		chain.Begin(1, nil)
		for i := range len(prefix) + 1 {
			if err := chain.Next(lo[:], hi[:]); err != nil {
				var infeasible *lp.InfeasibleError
				if errors.As(err, &infeasible) {
					// It is an answer and does not change the exit status: the line is a prefix.
					return map[string]string{"error": Infeasible("no allocation has this prefix", infeasible, p, nil)}, nil
				}
				return nil, err
			}
			if i < len(prefix) {
				chain.Fix(prefix[i : i+1])
			}
		}
		return span{lo[0], hi[0]}, nil
	}
}
