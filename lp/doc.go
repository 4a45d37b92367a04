// Package lp holds polytopes of allocations, the intervals of their entities,
// and uniform sampling in them.
package lp
