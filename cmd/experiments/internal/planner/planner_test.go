package planner

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/envs/compute"
	"paspo/lp"
	"paspo/lp/constraints"
)

func problem(t *testing.T, file string, polytope *lp.Polytope) *compute.Problem {
	t.Helper()
	c := compute.DefaultConfig()
	c.Parameters, c.Polytope, c.Observation = file, polytope, compute.ObservationRelative
	p, err := compute.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func returns(t *testing.T, p *compute.Problem, a envs.Allocator) []float64 {
	t.Helper()
	out, err := envs.Play(p, a, 4, maxSteps, 1)
	if err != nil {
		t.Fatal(err)
	}
	if out.Violations > 0 {
		t.Errorf("%d violations, the largest residual %v", out.Violations, out.MaxResidual)
	}
	return out.Returns
}

// Without candidates it is the base policy, whose value on what really follows is what the
// environment says.
func TestBaseAlone(t *testing.T) {
	p := problem(t, "", nil)
	base, err := p.BestConstant()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := New(p, base, Options{Futures: 2, Spread: 1, Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := returns(t, p, plan), returns(t, p, envs.Constant(base)); !slices.Equal(got, want) {
		t.Errorf("returns %v, want %v", got, want)
	}

	all, err := planners(p, base, Options{Futures: 1, Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	w, e, obs := all[0], p.NewEnv(), make([]float64, p.Spec().ObsDim)
	e.Reset(envs.EpisodeStream(2, 0), obs)
	var values, rewards []float64
	for done := false; !done; {
		_, task, err := w.see(obs)
		if err != nil {
			t.Fatal(err)
		}
		w.futures[0] = nil
		for _, next := range e.Tasks()[1:] {
			user := slices.IndexFunc(w.law.Users, func(u compute.Task) bool { return u.Bits == next.Bits && u.Cycles == next.Cycles })
			w.futures[0] = append(w.futures[0], compute.Arrival{Time: next.Time, User: user})
		}
		w.value(task, base)
		values = append(values, w.values[0])
		var reward float64
		reward, done = e.Step(nil, base, obs)
		rewards = append(rewards, reward)
	}
	var sum float64
	for i := range slices.Backward(rewards) {
		if sum += rewards[i]; values[i] != sum {
			t.Errorf("task %d: %v tasks in time from it on, the environment says %v", i, values[i], sum)
		}
	}
}

// Of two servers one does everything in time and the other nothing.
func TestObviousServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(file, []byte(`{
 "server_config": {"0": {"server_max_frequency_lower_limit_hz": "10", "server_max_frequency_upper_limit_hz": "10"},
  "1": {"server_max_frequency_lower_limit_hz": "1,000,000,000", "server_max_frequency_upper_limit_hz": "1,000,000,000"}},
 "user_config": {"0": {
  "task_data_size_lower_limit_bits": "10", "task_data_size_upper_limit_bits": "10",
  "task_computing_size_lower_limit_cycles": "1,000", "task_computing_size_upper_limit_cycles": "1,000",
  "average_number_task_spawning_per_interval": "10", "interval_length_in_sec": "0.01"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	two, err := constraints.Unconstrained(2)
	if err != nil {
		t.Fatal(err)
	}
	p := problem(t, file, two)
	slow := []float64{1, 0}
	for name, o := range map[string]Options{
		"level ahead": {Ahead: []float64{0}},
		"nearby":      {Nearby: 200, Rounds: 1},
	} {
		o.Futures, o.Spread, o.Jobs = 4, 1, 1
		plan, err := New(p, slow, o)
		if err != nil {
			t.Fatal(err)
		}
		out, err := envs.Play(p, plan, 4, maxSteps, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range out.Returns {
			if x != float64(out.Lengths[i]) {
				t.Errorf("%s: %v tasks of %d in time", name, x, out.Lengths[i])
			}
		}
	}
	if got := returns(t, p, envs.Constant(slow)); slices.Max(got) > 0 {
		t.Errorf("the slow server does %v tasks in time", got)
	}
}

// What cannot be planned is refused.
func TestRefusals(t *testing.T) {
	good := Options{Futures: 2, Spread: 1, Jobs: 1}
	for _, change := range []func(*Options){
		func(o *Options) { o.Futures = 1 }, func(o *Options) { o.Jobs = 0 }, func(o *Options) { o.Rounds = -1 },
		func(o *Options) { o.Spread = math.NaN() }, func(o *Options) { o.Sure = -1 }, func(o *Options) { o.Ahead = []float64{-1} },
	} {
		o := good
		if change(&o); o.Validate() == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	p := problem(t, "", nil)
	if _, err := New(p, []float64{1}, good); err == nil {
		t.Error("a split over one server of nine is accepted")
	}
	p, err := compute.New(compute.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(p, make([]float64, 9), good); err == nil {
		t.Error("an observation without the time is accepted")
	}
}
