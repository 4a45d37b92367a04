package compute

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp/constraints"
)

func within(t *testing.T, what string, of stats.Running, want float64) {
	t.Helper()
	if math.Abs(of.Mean-want) > 5*of.StdErr() {
		t.Errorf("%s: %v (standard error %v), want %v", what, of.Mean, of.StdErr(), want)
	}
}

// What a law draws is what episodes have: numbers, times, users, and what is known of them.
func TestLaw(t *testing.T) {
	p := newCompute(t)
	l, err := p.Law()
	if err != nil {
		t.Fatal(err)
	}
	draws := rand.New(rng.New(1, "law"))
	// One more is expected where two are known of: N given N >= 2.
	after := l.seconds - 1/l.rate
	var number, time, user, late stats.Running
	var a []Arrival
	for range 20_000 {
		a = l.Draw(draws, after, []int{3, 5}, a[:0])
		if len(a) < 2 || a[0].User != 3 || a[1].User != 5 || a[0].Time <= after || a[len(a)-1].Time >= l.seconds ||
			!slices.IsSortedFunc(a, func(x, y Arrival) int { return int(math.Copysign(1, x.Time-y.Time)) }) {
			t.Fatalf("%v after %v", a, after)
		}
		number.Add(float64(len(a)))
		for _, x := range a[2:] {
			user.Add(float64(x.User))
		}
		a = l.Draw(draws, after, []int{7}, a[:0])
		if len(a) != 1 || a[0].User != 7 {
			t.Fatalf("%v where one task follows", a)
		}
		time.Add((a[0].Time - after) * l.rate)
	}
	within(t, "numbers", number, (1-math.Exp(-1))/(1-2*math.Exp(-1)))
	within(t, "times", time, 0.5)
	within(t, "users", user, 4)
	if a = l.Draw(draws, after, nil, a[:0]); len(a) != 0 {
		t.Errorf("%v where no task follows", a)
	}

	// From the start on, beside episodes.
	e, obs := p.NewEnv(), make([]float64, p.spec.ObsDim)
	number = stats.Running{}
	for k := range 2000 {
		e.Reset(envs.EpisodeStream(1, k), obs)
		number.Add(float64(len(e.Tasks())) - float64(len(l.Draw(draws, 0, []int{0, 0}, nil))))
		late.Add(e.Tasks()[40].Time - l.Draw(draws, 0, []int{0, 0}, nil)[40].Time)
	}
	within(t, "numbers beside episodes", number, 0)
	within(t, "times of the 41st beside episodes", late, 0)
	var cycles float64
	for _, u := range l.Users {
		cycles += 10 * u.Cycles
	}
	if got := l.Cycles(l.seconds); math.Abs(got-cycles) > 1e-9*cycles {
		t.Errorf("%v cycles in an episode, want %v", got, cycles)
	}
	p.users[1].bits[1]++
	if _, err := p.Law(); err == nil || !strings.Contains(err.Error(), "user 1:") {
		t.Errorf("a user of several sizes: error %v", err)
	}
}

// Two servers are done at the same time where that is possible, else what is busy gets nothing.
func TestLevelAhead(t *testing.T) {
	polytope, err := constraints.Unconstrained(2)
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{hz: []float64{3000, 1000}, total: 4000, spec: envs.Spec{Polytope: polytope}}
	for _, test := range []struct {
		busy           [2]float64
		ahead, fastest float64
	}{
		{[2]float64{0, 0}, 0, 0.75},
		{[2]float64{0, 0}, 9000, 0.75},
		{[2]float64{1, 0}, 0, 0},           // a = 0 is done at 1, as the other is then
		{[2]float64{0.5, 0}, 0, 0.375},     // 0.5 + 1000 a / 3000 = 1 - a
		{[2]float64{0, 5}, 0, -1},          // any split is done at 5
		{[2]float64{0, 0.5}, 1000, 0.9375}, // 2000 a / 3000 = 0.5 + 2 (1 - a)
	} {
		a, err := p.LevelAhead(test.busy[:], Task{Cycles: 1000}, test.ahead)
		if err != nil || test.fastest >= 0 && math.Abs(a[0]-test.fastest) > 1e-8 || math.Abs(a[0]+a[1]-1) > 1e-9 {
			t.Errorf("%+v: %v, error %v", test, a, err)
		}
	}
	// A transmission that takes longer than the queue: a B/1e9 + a C/f counts.
	a, err := p.LevelAhead([]float64{0, 0}, Task{Cycles: 1000, Bits: 1e9}, 0)
	if want := 2 / (2 + 4./3); err != nil || math.Abs(a[0]-want) > 1e-8 {
		t.Errorf("with a transmission of a second %v, want %v, error %v", a, want, err)
	}
}
