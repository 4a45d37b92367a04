package agent

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"paspo/baselines"
	"paspo/internal/blas"
)

// The results of every algorithm do not depend on the number of threads.
func TestThreads(t *testing.T) {
	blas.WholeTeams(true)
	defer blas.WholeTeams(false)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	type training struct{ env, algo string }
	all := []training{{"portfolio", "paspo"}, {"synthetic", "paspo"}, {"compute", "paspo"}, {"portfolio-limited", "paspo"}}
	for _, algo := range baselines.Names()[1:] {
		all = append(all, training{"portfolio", algo})
	}
	for _, k := range all {
		t.Run(k.env+"/"+k.algo, func(t *testing.T) {
			train := func(threads int) (learned [][]float32) {
				runtime.GOMAXPROCS(threads)
				c, err := load(k.algo, "env.name="+k.env, "steps=256", "ppo.steps_per_env=32", "debias.points=1000", "debias.cache_dir=")
				if err != nil {
					t.Fatal(err)
				}
				r := started(t, c)
				for range c.PPO.Iterations() {
					if _, err := r.Iterate(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				for _, p := range r.Checkpoint().Policy.Params {
					learned = append(learned, p.Data)
				}
				return learned
			}
			want := train(1)
			for _, threads := range []int{2, 3, 5} {
				if !slices.EqualFunc(train(threads), want, slices.Equal) {
					t.Errorf("%d threads learn something else than one", threads)
				}
			}
		})
	}
}
