package lp

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
