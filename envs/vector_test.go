package envs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/portfolio"
	"paspo/internal/rng"
	"paspo/lp"
)

// named returns a benchmark with the paper's settings.
func named(t testing.TB, name string) envs.Problem {
	t.Helper()
	c := benchmarks.DefaultConfig()
	c.Name = name
	p, err := benchmarks.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newPortfolio(t testing.TB, edit func(*portfolio.Config)) *portfolio.Problem {
	t.Helper()
	c := portfolio.DefaultConfig()
	edit(&c)
	p, err := portfolio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// problems are the benchmarks in all their modes.
func problems(t testing.TB) map[string]envs.Problem {
	t.Helper()
	out := map[string]envs.Problem{}
	for _, name := range append(benchmarks.Variants(), "compute", "synthetic") {
		out[name] = named(t, name)
	}
	for _, mode := range []string{portfolio.Simulated, portfolio.Presampled, portfolio.Backtest} {
		out["portfolio "+mode] = newPortfolio(t, func(c *portfolio.Config) { c.Mode, c.Spread = mode, 0.001 })
	}
	return out
}

// somewhere returns allocations of the budget, which is all that stepping asks
// for.
func somewhere(seed, count, n int) []float64 {
	r := envs.EpisodeStream(uint64(seed), 77)
	a := make([]float64, count*n)
	for i := range count {
		copy(a[i*n:], rng.Simplex(r, n))
	}
	return a
}

func newVector(t testing.TB, p envs.Problem, c envs.VectorConfig) *envs.Vector {
	t.Helper()
	v, err := envs.NewVector(p, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// Environments of a group are given the same draws whatever they do, those of another
// group others; and a group's are those of its index.
func TestGroupsDrawAlike(t *testing.T) {
	const groups, group, steps = 3, 4, 30
	for _, name := range []string{"portfolio", "compute"} {
		p := named(t, name)
		n, dim := p.Spec().Polytope.Dim(), p.Spec().ObsDim
		v := newVector(t, p, envs.VectorConfig{Count: groups * group, Group: group, Seed: 3})
		single := newVector(t, p, envs.VectorConfig{Count: groups, Seed: 3})
		// What the draws alone decide: a portfolio's last returns, the tasks to come.
		drawn := func(v *envs.Vector, i int) []float64 {
			row := v.Obs()[i*dim : (i+1)*dim]
			if name == "portfolio" {
				return row[1+n:]
			}
			return row[n:]
		}
		alike := 0 // draws of neighbouring groups; tasks are few enough to be so by chance
		for s := range steps {
			for i := range groups * group {
				if !slices.Equal(drawn(v, i), drawn(single, i/group)) {
					t.Fatalf("%s step %d: environment %d is given other draws than its group", name, s, i)
				}
				if i >= group && slices.Equal(drawn(v, i), drawn(v, i-group)) {
					alike++
				}
			}
			if err := v.Step(somewhere(s, groups*group, n)); err != nil {
				t.Fatal(err)
			}
			if err := single.Step(somewhere(s+steps, groups, n)); err != nil {
				t.Fatal(err)
			}
		}
		if most := steps * (groups - 1) * group / 10; alike > most {
			t.Errorf("%s: draws of different groups are alike %d times, at most %d were expected", name, alike, most)
		}
	}
}

// limited is a portfolio whose episodes stop for lack of time.
type limited struct{ envs.Problem }

func (p limited) New() envs.Env { return limitedEnv{p.Problem.New().(*portfolio.Env)} }

type limitedEnv struct{ *portfolio.Env }

func (limitedEnv) Truncated() bool { return true }

// A Vector keeps the last observation of an episode that is truncated, and of no
// other, beside the first one of the next; all else is as if it had terminated.
func TestVectorKeepsFinalObservations(t *testing.T) {
	const count = 3
	p := newPortfolio(t, func(*portfolio.Config) {})
	n, dim := p.Spec().Polytope.Dim(), p.Spec().ObsDim
	v := newVector(t, limited{p}, envs.VectorConfig{Count: count, Seed: 3})
	plain := newVector(t, p, envs.VectorConfig{Count: count, Seed: 3})
	single, r := p.New(), rand.New(rng.New(3, "env").Split(1))
	final := make([]float64, dim)
	single.Reset(r, final)
	for s := range 13 {
		if slices.Contains(v.Truncated(), true) {
			t.Fatalf("step %d: truncated %v", s, v.Truncated())
		}
		a := somewhere(s, count, n)
		for _, v := range []*envs.Vector{v, plain} {
			if err := v.Step(a); err != nil {
				t.Fatal(err)
			}
		}
		single.Step(r, a[n:2*n], final)
		if !slices.Equal(v.Obs(), plain.Obs()) || !slices.Equal(v.Rewards(), plain.Rewards()) || !slices.Equal(v.Done(), plain.Done()) {
			t.Fatalf("step %d: truncation changes what is observed, earned or ended", s)
		}
	}
	if slices.Contains(v.Truncated(), false) || slices.Contains(plain.Truncated(), true) {
		t.Errorf("truncated: %v, of no Truncator %v", v.Truncated(), plain.Truncated())
	}
	if !slices.Equal(v.Final(1), final) {
		t.Errorf("the final observation is %v, want %v", v.Final(1), final)
	}
	if err := v.Step(somewhere(14, count, n)); err != nil || slices.Contains(v.Truncated(), true) {
		t.Errorf("after the first step of new episodes: %v, %v", v.Truncated(), err)
	}
}

// remote is a problem whose environments are played elsewhere.
type remote struct{ envs.Problem }

func (p remote) New() envs.Env { return remoteEnv{p.Problem.New()} }

type remoteEnv struct{ envs.Env }

func (remoteEnv) Unrepeatable() string { return "a server draws" }

func TestGroupsAreRefused(t *testing.T) {
	p := named(t, "synthetic")
	if _, err := envs.NewVector(remote{p}, envs.VectorConfig{Count: 4, Group: 1}); err != nil {
		t.Error(err)
	}
	for want, c := range map[string]struct {
		p envs.Problem
		c envs.VectorConfig
	}{
		"group is 3: a divisor of the number of environments, 4, is allowed":                                                         {p, envs.VectorConfig{Count: 4, Group: 3}},
		"group is 2: 1 is allowed, since the environment of synthetic (envs_test.remoteEnv) cannot repeat its draws: a server draws": {remote{p}, envs.VectorConfig{Count: 4, Group: 2}},
	} {
		if _, err := envs.NewVector(c.p, c.c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestVectorAgainstSingleEnvironments(t *testing.T) {
	const count, steps = 5, 220
	for name, p := range problems(t) {
		v := newVector(t, p, envs.VectorConfig{Count: count, Seed: 3})
		n, dim := p.Spec().Polytope.Dim(), p.Spec().ObsDim
		var single []envs.Env
		var rands []*rand.Rand
		obs := make([]float64, count*dim)
		for i := range count {
			single = append(single, p.New())
			rands = append(rands, rand.New(rng.New(3, "env").Split(uint64(i))))
			single[i].Reset(rands[i], obs[i*dim:(i+1)*dim])
		}
		returns, lengths, ended := make([]float64, count), make([]int, count), 0
		for s := range steps {
			if !slices.Equal(v.Obs(), obs) {
				t.Fatalf("%s step %d: observations differ", name, s)
			}
			a := somewhere(s, count, n)
			v.Step(a)
			var finished []envs.Episode
			for i, e := range single {
				row := obs[i*dim : (i+1)*dim]
				reward, done := e.Step(rands[i], a[i*n:(i+1)*n], row)
				if reward != v.Rewards()[i] || done != v.Done()[i] {
					t.Fatalf("%s step %d: reward %v, done %v, want %v, %v", name, s, v.Rewards()[i], v.Done()[i], reward, done)
				}
				returns[i] += reward
				lengths[i]++
				if done {
					finished = append(finished, envs.Episode{i, returns[i], lengths[i]})
					returns[i], lengths[i] = 0, 0
					e.Reset(rands[i], row)
				}
			}
			ended += len(finished)
			if !slices.Equal(v.Finished(), finished) {
				t.Fatalf("%s step %d: finished %v, want %v", name, s, v.Finished(), finished)
			}
		}
		if ended < count {
			t.Errorf("%s: %d episodes ended", name, ended)
		}
	}
}

func TestVectorIndependentOfWorkers(t *testing.T) {
	const count, steps = 37, 110
	for name, p := range problems(t) {
		n := p.Spec().Polytope.Dim()
		var want []byte
		for _, workers := range []int{1, 2, 7} {
			v := newVector(t, p, envs.VectorConfig{Count: count, Seed: 5, Workers: workers})
			if workers > 1 {
				envs.Force(v, workers)
			}
			var got []byte
			for s := range steps {
				v.Step(somewhere(s, count, n))
				got = fmt.Append(got, v.Obs(), v.Rewards(), v.Finished())
			}
			if want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: %d workers give other results than one", name, workers)
			}
		}
	}
}

// Copies draw from streams of their own, which their number does not change.
func TestVectorStreams(t *testing.T) {
	p := named(t, "portfolio")
	small, large := newVector(t, p, envs.VectorConfig{Count: 3, Seed: 1}), newVector(t, p, envs.VectorConfig{Count: 8, Seed: 1})
	other := newVector(t, p, envs.VectorConfig{Count: 3, Seed: 2})
	if !slices.Equal(small.Obs(), large.Obs()[:3*27]) {
		t.Error("the number of environments changes what they draw")
	}
	if slices.Equal(small.Obs(), other.Obs()) {
		t.Error("the seed changes nothing")
	}
	for i := range 8 {
		for j := range i {
			if slices.Equal(large.Row(i), large.Row(j)) {
				t.Errorf("environments %d and %d draw the same", i, j)
			}
		}
	}
	if _, err := envs.NewVector(p, envs.VectorConfig{}); err == nil {
		t.Error("no environments were accepted")
	}
}

func TestVectorResumes(t *testing.T) {
	const count = 6
	for name, p := range problems(t) {
		n := p.Spec().Polytope.Dim()
		v := newVector(t, p, envs.VectorConfig{Count: count, Seed: 5})
		for s := range 57 {
			v.Step(somewhere(s, count, n))
		}
		saved, err := v.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		w := newVector(t, p, envs.VectorConfig{Count: count, Seed: 99})
		w.Step(somewhere(0, count, n))
		if err := w.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
		for s := range 150 {
			if !slices.Equal(v.Obs(), w.Obs()) {
				t.Fatalf("%s: observations differ %d steps after the snapshot", name, s)
			}
			a := somewhere(1000+s, count, n)
			v.Step(a)
			w.Step(a)
			if !slices.Equal(v.Rewards(), w.Rewards()) || !slices.Equal(v.Finished(), w.Finished()) {
				t.Fatalf("%s: episodes differ %d steps after the snapshot", name, s)
			}
		}

		for cut := 0; cut < len(saved); cut += 1 + cut/50 {
			if err := w.UnmarshalBinary(saved[:cut]); err == nil {
				t.Fatalf("%s: a snapshot cut to %d of %d bytes was accepted", name, cut, len(saved))
			}
		}
		if err := w.UnmarshalBinary(append(slices.Clone(saved), 0)); err == nil {
			t.Errorf("%s: a snapshot that is too long was accepted", name)
		}
		if err := newVector(t, p, envs.VectorConfig{Count: count + 1}).UnmarshalBinary(saved); err == nil {
			t.Errorf("%s: a snapshot of another number of environments was accepted", name)
		}
	}
}

func TestSnapshots(t *testing.T) {
	for name, p := range problems(t) {
		n, dim := p.Spec().Polytope.Dim(), p.Spec().ObsDim
		e, f := p.New(), p.New()
		r := envs.EpisodeStream(1, 2)
		x, y := make([]float64, dim), make([]float64, dim)
		e.Reset(r, x)
		e.Step(r, somewhere(1, 1, n), x)
		saved, err := e.(envs.Snapshotter).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.(envs.Snapshotter).UnmarshalBinary(saved); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, q := envs.EpisodeStream(1, 3), envs.EpisodeStream(1, 3)
		for s := 0; ; s++ {
			a := somewhere(2+s, 1, n)
			r1, d1 := e.Step(r, a, x)
			r2, d2 := f.Step(q, a, y)
			if r1 != r2 || d1 != d2 || !slices.Equal(x, y) {
				t.Fatalf("%s: the copies differ %d steps after the snapshot", name, s)
			}
			if d1 {
				break
			}
		}
		for cut := range saved {
			if err := f.(envs.Snapshotter).UnmarshalBinary(saved[:cut]); err == nil {
				t.Fatalf("%s: a snapshot cut to %d of %d bytes was accepted", name, cut, len(saved))
			}
		}
		other := named(t, "synthetic").New()
		if name == "synthetic" {
			other = named(t, "compute").New()
		}
		if err := other.(envs.Snapshotter).UnmarshalBinary(saved); err == nil {
			t.Errorf("%s: another environment accepted the snapshot", name)
		}
	}
}

func FuzzVectorSnapshot(f *testing.F) {
	p := newPortfolio(f, func(c *portfolio.Config) { c.Mode, c.Decisions = portfolio.Backtest, 2 })
	v := newVector(f, p, envs.VectorConfig{Count: 1})
	saved, err := v.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved)
	f.Fuzz(func(t *testing.T, data []byte) {
		v := newVector(t, p, envs.VectorConfig{Count: 1})
		if v.UnmarshalBinary(data) == nil {
			for range 3 {
				v.Step(make([]float64, 13))
			}
		}
	})
}

func TestVectorAllocatesNothing(t *testing.T) {
	for name, p := range problems(t) {
		for _, workers := range []int{1, 4} {
			const count = 64
			v := newVector(t, p, envs.VectorConfig{Count: count, Seed: 1, Workers: workers})
			if workers > 1 {
				envs.Force(v, workers)
			}
			a := somewhere(1, count, p.Spec().Polytope.Dim())
			for range 400 { // buffers of tasks grow to the longest episode
				v.Step(a)
			}
			if allocs := testing.AllocsPerRun(20, func() { v.Step(a) }); allocs > 0 {
				t.Errorf("%s, %d workers: %v allocations a step", name, workers, allocs)
			}
		}
	}
}

// cup is an environment whose bound follows the state, and no Snapshotter.
type cup struct {
	level float64
	upper []float64
}

func (c *cup) Reset(r *rand.Rand, obs []float64) {
	c.level = r.Float64()
	obs[0] = c.level
}

func (c *cup) Step(_ *rand.Rand, action, obs []float64) (float64, bool) {
	c.level = min(1, c.level+action[0]/4)
	obs[0] = c.level
	return action[0], c.level >= 0.95
}

func (c *cup) Limits(l *lp.Limits) {
	c.upper[0], c.upper[1] = 1-c.level, 1
	l.Upper = c.upper
}

type cups struct{ p *lp.Polytope }

func (c cups) Spec() envs.Spec { return envs.Spec{Name: "cups", ObsDim: 1, Polytope: c.p} }
func (c cups) New() envs.Env   { return &cup{upper: make([]float64, 2)} }

func TestVectorLimits(t *testing.T) {
	p, err := lp.New(lp.Description{Entities: []string{"pour", "wait"}, Total: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := newVector(t, cups{p}, envs.VectorConfig{Count: 3, Seed: 1})
	check := func(when string) {
		for i, l := range v.Limits() {
			if l.Upper[0] != 1-v.Obs()[i] {
				t.Fatalf("%s: the bound of environment %d is %v, its level %v", when, i, l.Upper[0], v.Obs()[i])
			}
		}
	}
	check("at the start")
	for range 30 {
		a := make([]float64, 6)
		for i, l := range v.Limits() {
			a[2*i], a[2*i+1] = l.Upper[0], 1-l.Upper[0]
		}
		v.Step(a)
		check("after a step")
	}
	saved, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	check("restored")

	pour := func(s *envs.States, actions []float64) error {
		for i := range s.Rows {
			actions[2*i], actions[2*i+1] = 1-s.Obs[i], s.Obs[i]
		}
		return nil
	}
	out, err := envs.Play(cups{p}, pour, 10, 100, 1)
	if err != nil || out.Violations > 0 {
		t.Errorf("within its limits: %d violations, error %v", out.Violations, err)
	}
	if out, err = envs.Play(cups{p}, envs.Constant([]float64{1, 0}), 10, 100, 1); err != nil || out.Violations == 0 {
		t.Errorf("beyond its limits: %d violations, error %v", out.Violations, err)
	}
	if _, err = envs.Play(cups{p}, envs.Constant([]float64{0, 1}), 1, 50, 1); err == nil {
		t.Error("an episode without end was accepted")
	}
}

func BenchmarkStep(b *testing.B) {
	for name, p := range problems(b) {
		b.Run(name, func(b *testing.B) {
			e, r := p.New(), envs.EpisodeStream(1, 1)
			obs, a := make([]float64, p.Spec().ObsDim), somewhere(1, 1, p.Spec().Polytope.Dim())
			e.Reset(r, obs)
			for b.Loop() {
				if _, done := e.Step(r, a, obs); done {
					e.Reset(r, obs)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

func BenchmarkVector(b *testing.B) {
	for name, p := range problems(b) {
		for _, count := range []int{8, 4096} {
			for _, workers := range []int{1, 0} {
				b.Run(fmt.Sprintf("%s/%d/workers=%d", name, count, workers), func(b *testing.B) {
					v := newVector(b, p, envs.VectorConfig{Count: count, Seed: 1, Workers: workers})
					a := somewhere(1, count, p.Spec().Polytope.Dim())
					for range 10 {
						v.Step(a)
					}
					b.ReportAllocs()
					for b.Loop() {
						v.Step(a)
					}
					b.ReportMetric(float64(b.N*count)/b.Elapsed().Seconds(), "steps/s")
				})
			}
		}
	}
}

// Benchmarks go on bit for bit from what they have saved.
func TestSnapshotsOfBenchmarks(t *testing.T) {
	for name, p := range problems(t) {
		if err := envs.CheckSnapshots(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
