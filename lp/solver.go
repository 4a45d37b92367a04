package lp

import (
	"fmt"
	"math"
	"strings"

	"paspo/internal/count"
)

// Solver computes intervals of one polytope: the range of entity i given that
// entities 0..i-1 are fixed,
//
//	lo_i = min a_i,  hi_i = max a_i  over P with a_0..a_{i-1} fixed.
//
// A Solver is safe for concurrent use; its chains are not.
type Solver interface {
	// Polytope returns the polytope that the solver was made for.
	Polytope() *Polytope

	// Chain returns a chain for up to batch actions at a time.
	Chain(batch int) Chain

	// Method names how the intervals are computed: "clp", "explicit", ...
	Method() string

	// Close releases what the solver holds. Its chains are invalid afterwards.
	Close() error
}

// Chain computes the intervals of a batch of actions entity by entity:
//
//	c.Begin(rows, nil)
//	for i := range n {
//		err := c.Next(lo, hi) // intervals of entity i, one a row
//		// choose a[r] in [lo[r], hi[r]]
//		c.Fix(a)
//	}
//
// A chain allocates nothing once it is warm.
type Chain interface {
	// Begin starts rows new actions. limits is nil where the polytope's own
	// limits hold, else it has one element a row, which the chain reads until
	// the next Begin. Begin panics if rows exceeds the batch of the chain.
	Begin(rows int, limits []Limits)

	// Next writes the interval of the next entity for every row, lo <= hi
	// always. A prefix that is infeasible by at most the solver's tolerance
	// (scaled) is answered on limits relaxed by that amount. Beyond it the
	// error is an *InfeasibleError, and lo and hi of that row are NaN; the
	// other rows are answered all the same.
	Next(lo, hi []float64) error

	// Fix sets the entity that Next has just answered to a, one a row.
	Fix(a []float64)
}

// InfeasibleError says that no allocation within the limits has the prefix of
// actions that was fixed.
type InfeasibleError struct {
	Row    int // of the batch
	Entity int // whose interval is empty

	// Amount is the least scaled amount by which all limits would have to be relaxed, NaN
	// where the prefix holds a NaN or a number beyond 1e100.
	Amount float64

	// Conflict names constraints that exclude each other given the prefix.
	Conflict []string
}

func (e *InfeasibleError) Error() string {
	s := fmt.Sprintf("lp: row %d: no allocation has this prefix of %s: infeasible by %.3g", e.Row, count.Of(e.Entity, "entity"), e.Amount)
	if math.IsNaN(e.Amount) {
		s = fmt.Sprintf("lp: row %d: the prefix of %s holds a NaN or a number beyond %g", e.Row, count.Of(e.Entity, "entity"), MaxAmount)
	}
	if len(e.Conflict) > 0 {
		s += " (" + strings.Join(e.Conflict, "; ") + ")"
	}
	return s
}

// BudgetError says that the closed form of a polytope is too large.
type BudgetError struct {
	Entity string // whose interval exceeds the budget
	Reason string
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("lp: the closed form of the interval of %s is beyond its budget: %s", e.Entity, e.Reason)
}
