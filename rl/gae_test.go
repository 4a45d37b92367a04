package rl_test

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/rng"
	"paspo/rl"
)

// naiveGAE sums (gamma lambda)^k delta_{t+k} up to the end of the episode or of
// the rollout. after holds the values of final observations of truncated episodes.
func naiveGAE(rewards, values []float64, done []bool, after []float64, last float64, gamma, lambda float64) []float64 {
	n := len(rewards)
	adv := make([]float64, n)
	for t := range n {
		for k := t; k < n; k++ {
			next := last
			if k+1 < n {
				next = values[k+1]
			}
			if done[k] {
				next = after[k]
			}
			adv[t] += math.Pow(gamma*lambda, float64(k-t)) * (rewards[k] + gamma*next - values[k])
			if done[k] {
				break
			}
		}
	}
	return adv
}

// column returns the elements of a rollout that belong to environment e.
func column[T any](v []T, e, envs int) []T {
	var c []T
	for i := e; i < len(v); i += envs {
		c = append(c, v[i])
	}
	return c
}

func TestGAE(t *testing.T) {
	r := rand.New(rng.New(1, "gae"))
	for _, c := range []struct{ gamma, lambda float64 }{{1, 0.95}, {0.9, 0.8}, {1, 1}, {0.99, 0}, {0, 0.5}} {
		for _, shape := range [][2]int{{1, 1}, {1, 20}, {3, 17}, {8, 64}} {
			envs, steps := shape[0], shape[1]
			n := envs * steps
			adv, rewards, values, done := make([]float64, n), make([]float64, n), make([]float64, n), make([]bool, n)
			after, last := make([]float64, n), make([]float64, envs)
			for i := range n {
				rewards[i], values[i], done[i] = r.NormFloat64(), r.NormFloat64(), r.IntN(5) == 0
				if done[i] && r.IntN(2) == 0 {
					after[i] = r.NormFloat64()
				}
			}
			for e := range last {
				last[e] = r.NormFloat64()
			}
			rl.GAE(adv, rewards, values, done, after, last, c.gamma, c.lambda)
			for e := range envs {
				for s, want := range naiveGAE(column(rewards, e, envs), column(values, e, envs), column(done, e, envs), column(after, e, envs), last[e], c.gamma, c.lambda) {
					if got := adv[s*envs+e]; math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
						t.Fatalf("gamma %g lambda %g, %d envs, step %d of %d: got %v, want %v", c.gamma, c.lambda, envs, s, e, got, want)
					}
				}
			}
		}
	}
}

// Advantages of a trainer with groups are those of the definition, less the mean over
// the environments of a group at the same step; groups do not change returns.
func TestGroupAdvantages(t *testing.T) {
	for _, group := range []int{1, 2, 3, 6} {
		cfg := smallConfig()
		cfg.Envs, cfg.StepsPerEnv, cfg.Group, cfg.StandardiseAdvantages = 6, 16, group, false
		cfg.ScaleValues, cfg.ScaleRewards, cfg.Gamma, cfg.GAELambda, cfg.LR = false, false, 0.9, 0.8, 0.01
		tr, b := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		for range 3 { // so that the critic's values are not 0
			if _, err := tr.Iterate(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		rewards, values, done, after, last := tr.Rollout().Seen()
		adv := make([][]float64, cfg.Envs)
		for e := range adv {
			n := cfg.Envs
			adv[e] = naiveGAE(column(rewards, e, n), column(values, e, n), column(done, e, n), column(after, e, n), last[e], 0.9, 0.8)
		}
		distinct := false
		for i := range rewards {
			s, e := i/cfg.Envs, i%cfg.Envs
			mean := 0.0
			for k := range group {
				mean += adv[e/group*group+k][s] / float64(group)
			}
			if group == 1 {
				mean = 0
			}
			distinct = distinct || values[i] != 0
			if got, want := float64(b.batch.Advantage[i]), adv[e][s]-mean; math.Abs(got-want) > 1e-6*(1+math.Abs(adv[e][s])) {
				t.Fatalf("group %d, step %d of %d: advantage %v, want %v", group, s, e, got, want)
			}
			if got, want := float64(b.batch.Return[i]), adv[e][s]+values[i]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("group %d, step %d of %d: return %v, want %v", group, s, e, got, want)
			}
		}
		if !distinct {
			t.Fatal("the critic's values are 0")
		}
	}
}

// standing returns the rank of x among some numbers, from -1/2 to 1/2, by counting.
func standing(x float64, among []float64) float64 {
	less := 0
	for _, y := range among {
		less += cmp.Compare(x, y)
	}
	return float64(less) / float64(2*max(len(among)-1, 1))
}

func TestRank(t *testing.T) {
	r := rand.New(rng.New(1, "ranks"))
	for _, size := range []int{1, 2, 3, 16, 48} {
		for _, values := range []int{1, 3, 1000} { // of few values many are equal
			adv := make([]float64, 48)
			var skipped []int32
			for i := range adv {
				adv[i] = float64(r.IntN(values))
				if r.IntN(4) == 0 {
					skipped = append(skipped, int32(i))
				}
			}
			got := slices.Clone(adv)
			rl.Rank(got, size, skipped)
			for i, x := range adv {
				var members []float64
				for k := i / size * size; k < i/size*size+size; k++ {
					if !slices.Contains(skipped, int32(k)) {
						members = append(members, adv[k])
					}
				}
				want := standing(x, members)
				if slices.Contains(skipped, int32(i)) {
					want = x
				}
				if math.Abs(got[i]-want) > 1e-15 {
					t.Fatalf("groups of %d, %d values, row %d: got %v, want %v", size, values, i, got[i], want)
				}
			}
		}
	}
}

// Ranks are among the advantages of a group, or among all without groups; they do not change
// returns.
func TestRankedAdvantages(t *testing.T) {
	for _, group := range []int{1, 3, 6} {
		cfg := smallConfig()
		cfg.Envs, cfg.StepsPerEnv, cfg.Group, cfg.StandardiseAdvantages = 6, 16, group, false
		plain, b := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		cfg.Ranks = true
		ranked, c := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		for _, tr := range []*rl.Trainer{plain, ranked} {
			if _, err := tr.Iterate(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		adv, size := plain.Rollout().Advantages, group
		if group == 1 {
			size = len(adv)
		}
		for i, x := range adv {
			from := i / size * size
			if got, want := float64(c.batch.Advantage[i]), standing(x, adv[from:from+size]); math.Abs(got-want) > 1e-6 {
				t.Fatalf("group %d, row %d: advantage %v, want %v", group, i, got, want)
			}
			if b.batch.Return[i] != c.batch.Return[i] {
				t.Fatalf("group %d, row %d: return %v, want %v", group, i, c.batch.Return[i], b.batch.Return[i])
			}
		}
	}
}

// cutLimited is the portfolio with a trading limit, whose episodes are truncated.
type cutLimited struct{ envs.Problem }

func (p cutLimited) New() envs.Env { return cutLimitedEnv{p.Problem.New().(*portfolio.Limited)} }

type cutLimitedEnv struct{ *portfolio.Limited }

func (cutLimitedEnv) Truncated() bool { return true }

// Where limits follow the state, final observations of truncated episodes have values too.
func TestTruncationWithLimits(t *testing.T) {
	c := portfolio.DefaultConfig()
	c.TradeLimit = 0.05
	p, err := portfolio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newCPU(cutLimited{p}, smallConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for range 2 {
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
		_, _, done, after, _ := tr.Rollout().Seen()
		if !slices.Contains(done, true) {
			t.Fatal("no episode ended")
		}
		for i, d := range done {
			if d != (after[i] != 0) {
				t.Errorf("row %d: done %v, value of what comes after %v", i, d, after[i])
			}
		}
	}
}

// With gamma = lambda = 1 advantage plus value is the sum of rewards to come,
// plus the value at the cut: of the rollout, or of an episode that was truncated.
func TestGAEMonteCarlo(t *testing.T) {
	rewards := []float64{1, 2, 3, 4, 5}
	values := []float64{10, 20, 30, 40, 50}
	adv := make([]float64, 5)
	rl.GAE(adv, rewards, values, []bool{false, true, false, true, false}, []float64{0, 0, 0, 1000, 0}, []float64{100}, 1, 1)
	for i, want := range []float64{3, 2, 1007, 1004, 105} {
		if got := adv[i] + values[i]; got != want {
			t.Errorf("return %d = %v, want %v", i, got, want)
		}
	}
}

// One step before and one at the end of an episode, by hand with gamma = lambda = 1/2:
// delta_1 = r_1 + V_after/2 - V_1, delta_0 = r_0 + V_1/2 - V_0, A_0 = delta_0 + delta_1/4.
func TestGAEByHand(t *testing.T) {
	for _, c := range []struct {
		what  string
		after float64
		want  [2]float64
	}{
		{"terminated", 0, [2]float64{2 + 3 - 4 + (8-6)/4., 8 - 6}},
		{"truncated", 20, [2]float64{2 + 3 - 4 + (8+10-6)/4., 8 + 10 - 6}},
	} {
		adv := make([]float64, 2)
		rl.GAE(adv, []float64{2, 8}, []float64{4, 6}, []bool{false, true}, []float64{0, c.after}, []float64{1000}, 0.5, 0.5)
		if adv[0] != c.want[0] || adv[1] != c.want[1] {
			t.Errorf("%s: advantages %v, want %v", c.what, adv, c.want)
		}
	}
}

// clock gives a reward of 1 a step. Episodes end after 3 and 5 steps in turn: they terminate
// after 3 and are truncated after 5. The observation is the time and a constant.
type clock struct{ envs.Problem }

type clockEnv struct{ time, episode float64 }

func (p clock) New() envs.Env { return &clockEnv{} }

func (e *clockEnv) Reset(_ *rand.Rand, obs []float64) {
	e.time = 0
	e.episode++
	obs[0], obs[1] = 0, 1
}

func (e *clockEnv) Step(_ *rand.Rand, _, obs []float64) (float64, bool) {
	e.time++
	obs[0], obs[1] = e.time, 1
	return 1, e.time == 3+2*float64(int(e.episode)%2)
}

func (e *clockEnv) Truncated() bool { return e.time == 5 }

// The value after an episode is the critic's value of its final observation where it was
// truncated, and 0 where it terminated.
func TestTruncation(t *testing.T) {
	cfg := smallConfig()
	cfg.NormalizeObs, cfg.ScaleValues, cfg.ScaleRewards, cfg.LR = rl.NormalizeOff, false, false, 0.001
	tr, b := newFakeTrainer(t, clock{newBandit(t, 1, 2)}, cfg)
	for range 3 {
		critic := *b
		critic.v = slices.Clone(b.v)
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
		_, values, done, after, last := tr.Rollout().Seen()
		ends := map[string]int{}
		for i, d := range done {
			at := float64(critic.value([]float32{5, 1}))
			switch final := b.kept.Obs[2*i] == 4; {
			case d && final && after[i] == at:
				ends["truncated"]++
			case d && !final && after[i] == 0:
				ends["terminated"]++
			case d || after[i] != 0:
				t.Fatalf("row %d: done %v, time %v, after it %v; the value at the limit is %v", i, d, b.kept.Obs[2*i], after[i], at)
			}
		}
		if ends["truncated"] == 0 || ends["terminated"] == 0 {
			t.Fatalf("ends of episodes: %v", ends)
		}
		// 16 steps are two whole pairs of episodes: the next one begins.
		if want := float64(critic.value([]float32{0, 1})); last[0] != want {
			t.Errorf("the value after the rollout is %v, want %v", last[0], want)
		}
		if tr.Iteration() > 1 && values[0] == 0 {
			t.Error("the critic's values are 0")
		}
	}
}

// calendar tells the day of five as one of six numbers. It truncates episodes after the fifth, so that
// the sixth is set in final observations alone.
type calendar struct{ envs.Problem }

type calendarEnv struct{ day int }

func (p calendar) Spec() envs.Spec {
	s := p.Problem.Spec()
	s.ObsDim = 6
	return s
}

func (p calendar) New() envs.Env { return &calendarEnv{} }

func (e *calendarEnv) show(obs []float64) {
	clear(obs)
	obs[e.day] = 1
}

func (e *calendarEnv) Reset(_ *rand.Rand, obs []float64) {
	e.day = 0
	e.show(obs)
}

func (e *calendarEnv) Step(_ *rand.Rand, action, obs []float64) (float64, bool) {
	e.day++
	e.show(obs)
	return action[0], e.day == 5
}

func (e *calendarEnv) Truncated() bool { return true }

// What final observations alone have leaves values at the size of returns, which are 5 at most: it has
// no deviation, and values would grow out of all bounds with the statistics of returns.
func TestFlagOfFinalObservations(t *testing.T) {
	cfg := smallConfig()
	cfg.NormalizeObs, cfg.ScaleValues, cfg.LR = rl.NormalizeOn, true, 0.001
	tr, err := newCPU(calendar{newBandit(t, 1, 2)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for range 20 {
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
		_, _, _, after, _ := tr.Rollout().Seen()
		for i, x := range after {
			if math.Abs(x) > 20 {
				t.Fatalf("row %d: what follows is worth %v", i, x)
			}
		}
	}
}
