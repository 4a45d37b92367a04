package parallel

import "golang.org/x/sync/errgroup"

// Do calls f(0) .. f(n-1) from at most workers goroutines and returns the
// first error.
func Do(n, workers int, f func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(max(1, workers))
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}
