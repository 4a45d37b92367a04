package envs

import "testing"

func newVector(t testing.TB, p Problem, c VectorConfig) *Vector {
	t.Helper()
	v, err := NewVector(p, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// force makes a pool of workers fan out however cheap its work is.
func force(v *Vector, workers int) {
	v.pool.rounds, v.pool.workers = poolRounds, workers
	v.pool.hire()
}
