package lp

import "fmt"

// Unconstrained returns the simplex of n entities named E1 .. En: no entity
// below 0 and a total of 1.
func Unconstrained(n int) (*Polytope, error) {
	return New(Description{Name: "unconstrained", Entities: entityNames(n), Total: 1})
}

func entityNames(n int) []string {
	names := make([]string, max(0, min(n, maxEntities+1)))
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	return names
}
