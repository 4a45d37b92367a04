// Package seeded has the rapid tests of a package that imports it draw the same cases in
// every run: what a test command says is a matter of the code alone. Further cases are
// drawn with -rapid.seed=0, which takes a seed by chance, or with another number.
package seeded

import (
	"flag"

	_ "pgregory.net/rapid" // registers the flag
)

func init() {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
}
