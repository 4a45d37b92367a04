// Package seeded has the rapid tests of a package that imports it draw the same cases in
// every run: what a test command says is a matter of the code alone, and whoever changes a
// line is not told of a fault that was there before. A fixed seed sees the same cases for
// ever, so others are drawn apart:
//
//	make random                  # every such test with SEEDS=30 seeds by chance
//	go test ./lp -rapid.seed=0   # one seed by chance, or that of a number
//
// What fails names its seed. It becomes a test of its own, such as TestRandomPolytopesKept.
package seeded
