package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/internal/envstest"
	"paspo/internal/long"
	"paspo/internal/reference"
	"paspo/lp"
	"paspo/lp/constraints"
)

func newCompute(t testing.TB) *Problem {
	t.Helper()
	p, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The recorded observations are in single precision, and equal those of the environment to the bit.
func TestComputeTraces(t *testing.T) {
	var ref struct {
		Hz     []float64 `json:"servers_hz"`
		Traces []struct {
			Tasks []struct {
				T, Bits, Cycles float64
				Limit           float64 `json:"delta_max"`
			}
			Obs0  []float64
			Steps []struct {
				Action, Obs []float64
				Reward      float64
				Done        bool
			}
		}
	}
	reference.Read(t, "env_compute9.json", &ref)
	p := newCompute(t)
	if !slices.Equal(p.hz, ref.Hz) {
		t.Errorf("frequencies are %v, want %v", p.hz, ref.Hz)
	}
	if len(ref.Traces) == 0 {
		t.Fatal("no traces")
	}
	single := func(xs []float64) []float64 {
		out := make([]float64, len(xs))
		for i, x := range xs {
			out[i] = float64(float32(x))
		}
		return out
	}
	for k, trace := range ref.Traces {
		var tasks []Task
		for _, x := range trace.Tasks {
			tasks = append(tasks, Task{x.T, x.Bits, x.Cycles, x.Limit})
			if limit := deadlineFactor * (x.Bits/bitsPerSecond + x.Cycles/p.total); limit != x.Limit {
				t.Errorf("trace %d: limit of a task is %v, want %v", k, limit, x.Limit)
			}
		}
		e, obs := p.NewEnv(), make([]float64, p.Spec().ObsDim)
		e.ResetTo(tasks, obs)
		if !slices.Equal(single(obs), trace.Obs0) {
			t.Errorf("trace %d: first observation is %v, want %v", k, obs, trace.Obs0)
		}
		for i, s := range trace.Steps {
			reward, done := e.Step(nil, s.Action, obs)
			if reward != s.Reward || done != s.Done {
				t.Errorf("trace %d step %d: reward %v, done %v, want %v, %v", k, i, reward, done, s.Reward, s.Done)
			}
			if !slices.Equal(single(obs), s.Obs) {
				t.Errorf("trace %d step %d: observation is %v, want %v", k, i, obs, s.Obs)
			}
		}
	}
}

func TestComputeFixedPolicies(t *testing.T) {
	long.Test(t)
	var ref envstest.FixedPolicies
	reference.Read(t, "env_compute9.json", &ref)
	ref.Check(t, newCompute(t), 2000, 1000, func(name string, out *envs.Outcome) {
		// The number of tasks is Poisson with mean 90.
		var sum, ss float64
		for _, l := range out.Lengths {
			sum += float64(l)
			ss += (float64(l) - 90) * (float64(l) - 90)
		}
		n := float64(len(out.Lengths))
		if mean, v := sum/n, ss/n; math.Abs(mean-90) > 4*math.Sqrt(90/n) || math.Abs(v-90) > 4*90*math.Sqrt(2/n) {
			t.Errorf("%s: episodes have %.2f steps with variance %.2f, want 90 and 90", name, mean, v)
		}
	})
}

func TestComputeReferences(t *testing.T) {
	p := newCompute(t)
	base, err := p.References(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range base {
		out, err := envs.Play(p, b.Allocator, 200, 1000, 1)
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		m, s := envs.MeanAndError(out.Returns)
		t.Logf("%-16s %.3f +- %.3f", b.Name, m, s)
		if out.Violations > 0 || out.MaxResidual > 1e-9 {
			t.Errorf("%s: %d violations, largest residual %g", b.Name, out.Violations, out.MaxResidual)
		}
	}
}

func TestLevelReachesOneLevel(t *testing.T) {
	p := newCompute(t)
	done := []float64{3, 1, 2, 9, 0, 5, 1, 1, 40}
	a, order := make([]float64, 9), make([]int, 9)
	const cycles = 5e7
	p.level(done, cycles, a, order)
	var sum, level float64
	for i, x := range a {
		sum += x
		if x > 0 {
			level = done[i]/1e3 + x*cycles/p.hz[i]
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("shares sum to %v", sum)
	}
	for i, x := range a {
		if at := done[i]/1e3 + x*cycles/p.hz[i]; (x > 0 && math.Abs(at-level) > 1e-12) || (x == 0 && at < level) {
			t.Errorf("server %d is done at %v with share %v, the level is %v", i, at, x, level)
		}
	}
}

// The published file, and a file written in its form, hold the data that are built in.
func TestComputePublishedFile(t *testing.T) {
	wantHz, wantUsers, err := builtinCompute()
	if err != nil {
		t.Fatal(err)
	}
	limits := func(fields map[string]string, name, unit string, lo, hi int64) {
		for end, x := range map[string]int64{"lower": lo, "upper": hi} {
			text := strconv.FormatInt(x, 10)
			for k := len(text) - 3; k > 0; k -= 3 {
				text = text[:k] + "," + text[k:]
			}
			fields[fmt.Sprintf("%s_%s_limit_%s", name, end, unit)] = text
		}
	}
	servers, users := map[string]map[string]string{}, map[string]map[string]string{}
	for i, f := range wantHz {
		s := map[string]string{}
		limits(s, "server_max_frequency", "hz", int64(f), int64(f))
		servers[strconv.Itoa(i)] = s
	}
	for i, u := range wantUsers {
		s := map[string]string{
			"average_number_task_spawning_per_interval": fmt.Sprint(u.tasks),
			"interval_length_in_sec":                    fmt.Sprint(u.seconds),
		}
		limits(s, "task_data_size", "bits", u.bits[0], u.bits[1])
		limits(s, "task_computing_size", "cycles", u.cycles[0], u.cycles[1])
		users[strconv.Itoa(i)] = s
	}
	holds := func(t *testing.T, file string) {
		hz, users, err := readCompute(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(hz, wantHz) || !slices.Equal(users, wantUsers) {
			t.Errorf("%s holds %v, %v; built in are %v, %v", file, hz, users, wantHz, wantUsers)
		}
	}
	holds(t, envstest.WriteJSON(t, map[string]any{"server_config": servers, "user_config": users}))
	const sum = "7eaf9c57e7963e94a09278a20222d17e9a15e1e2a93c02699b7c4282b826823a"
	envstest.Published(t, data, sum, func(t *testing.T, dir string) {
		holds(t, filepath.Join(dir, "parameter_set_9_9_id_0.json"))
	})
}

const computeFile = `{
 "server_config": {"0": {"server_max_frequency_lower_limit_hz": "1,000", "server_max_frequency_upper_limit_hz": "1,000"}},
 "user_config": {"0": {
  "task_data_size_lower_limit_bits": "10", "task_data_size_upper_limit_bits": "20",
  "task_computing_size_lower_limit_cycles": "5", "task_computing_size_upper_limit_cycles": "5",
  "average_number_task_spawning_per_interval": "10", "interval_length_in_sec": "0.01"}}}`

func TestComputeFileErrors(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`"1,000", "server_max_frequency_upper`, `"1,0x0", "server_max_frequency_upper`, `server_config.0.server_max_frequency_lower_limit_hz is "1,0x0"`},
		{`upper_limit_hz": "1,000"`, `upper_limit_hz": "2,000"`, "limits of server_max_frequency are 1000 and 2000"},
		{`"0": {"server`, `"1": {"server`, `server_config has 1 entries, but none is "0"`},
		{`"10", "task_data`, `"30", "task_data`, "lower limit of task_data_size, 30, is above"},
		{`"task_data_size_lower_limit_bits": "10",`, ``, "user_config.0.task_data_size_lower_limit_bits is missing"},
		{`"10", "interval`, `"-1", "interval`, `average_number_task_spawning_per_interval is "-1"`},
		{`"0.01"`, `"NaN"`, `interval_length_in_sec is "NaN"`},
		{`"0.01"`, `0.01`, "user_config holds a number"},
		{`"user_config"`, `"users"`, "user_config is missing"},
		{`}}}`, `}}`, "ends inside"},
		{`}}}`, `}}} x`, "something follows"},
		{`"0.01"`, `NaN`, ":6: invalid character"},
	} {
		if strings.Count(computeFile, test.old) != 1 {
			t.Fatalf("%q is not in the file once", test.old)
		}
		file := filepath.Join(t.TempDir(), "p.json")
		if err := os.WriteFile(file, []byte(strings.Replace(computeFile, test.old, test.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readCompute(file)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error is %v, want it to name the file and %q", test.new, err, test.want)
		}
	}
	if _, _, err := readCompute("none.json"); err == nil {
		t.Error("a missing file was accepted")
	}
	// A user's sizes are drawn within their limits.
	file := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(file, []byte(computeFile), 0o600); err != nil {
		t.Fatal(err)
	}
	hz, users, err := readCompute(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{hz: hz, users: users, total: hz[0], spec: envs.Spec{ObsDim: 1 + 3*shownTasks}}
	e, seen := p.NewEnv(), map[float64]bool{}
	obs := make([]float64, 1+3*shownTasks)
	r := envs.EpisodeStream(1, 0)
	for range 500 {
		e.Reset(r, obs)
		for _, x := range e.tasks {
			seen[x.Bits] = true
			if x.Bits < 10 || x.Bits > 20 || x.Cycles != 5 || x.Bits != e.tasks[0].Bits {
				t.Fatalf("task %+v", x)
			}
		}
	}
	if len(seen) != 11 {
		t.Errorf("%d sizes were drawn, want 11", len(seen))
	}
}

// The relative observation shows for how long servers are busy. In the paper's observation that is
// the difference from a time that it does not show. The other components are equal.
func TestRelativeObservation(t *testing.T) {
	c := DefaultConfig()
	c.Observation, c.QueueHalf = ObservationRelative, 2
	capped, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.QueueHalf = 0
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	paper := newCompute(t)
	if n := len(p.Spec().ObsNames); n != 19 || p.Spec().ObsDim != n || capped.Spec().ObsDim != n {
		t.Fatalf("%d names, %d and %d components, want 19", n, p.Spec().ObsDim, capped.Spec().ObsDim)
	}
	tasks := []Task{{0.001, 2e6, 1e8, 1}, {0.002, 1e6, 1e6, 1}, {0.9, 1e6, 1e6, 1}}
	e, f, g := p.NewEnv(), paper.NewEnv(), capped.New().(*Capped)
	obs, was, limited := make([]float64, 19), make([]float64, 18), make([]float64, 19)
	e.ResetTo(tasks, obs)
	f.ResetTo(tasks, was)
	g.ResetTo(tasks, limited)
	a, err := p.GreedyBySpeed()
	if err != nil {
		t.Fatal(err)
	}
	caps := capped.ObsLimiter()
	for k, task := range append(tasks, Task{}) {
		busy := 0
		for i, done := range was[:9] {
			want := max(0, done-task.Time*1e3)
			if k == len(tasks) {
				want = 0
			}
			if math.Abs(obs[i]-want) > 1e-9 {
				t.Errorf("task %d: server %d is busy for %v ms, want %v", k, i, obs[i], want)
			}
			if want > 0 {
				busy++
			}
		}
		if k == 1 && busy == 0 {
			t.Error("no server is busy")
		}
		if !slices.Equal(obs[9:18], was[9:]) || obs[18] != task.Time*1e3 || !slices.Equal(obs, limited) {
			t.Errorf("task %d: observed %v, with caps %v, where the paper's is %v", k, obs, limited, was)
		}
		if k == len(tasks) {
			break
		}
		var lim, seen lp.Limits
		g.Limits(&lim)
		caps(limited, &seen)
		if !slices.Equal(lim.Upper, seen.Upper) {
			t.Errorf("task %d: caps %v, by the observation %v", k, lim.Upper, seen.Upper)
		}
		e.Step(nil, a, obs)
		f.Step(nil, a, was)
		g.Step(nil, a, limited)
	}
}

// The level is the least there is: no point of a random direction is lower, and the
// split is in the polytope.
func TestLevelLoad(t *testing.T) {
	p := newCompute(t)
	a, z, err := p.LevelLoad()
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Spec().Polytope.Residual(a, nil); r > 1e-9 {
		t.Errorf("residual %g", r)
	}
	if z < 1 {
		t.Errorf("level %v: the servers do more than all of their work", z)
	}
	level := func(a []float64) (y float64) {
		for i, f := range p.hz {
			y = max(y, a[i]*p.total/f)
		}
		return y
	}
	r := rand.New(rand.NewPCG(1, 2))
	c := make([]float64, len(a))
	for range 300 {
		for i := range c {
			c[i] = r.NormFloat64()
		}
		v, _, err := p.Spec().Polytope.Minimize(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		// A convex function is nowhere lower towards v if it is not so nearby.
		for _, s := range []float64{1e-3, 0.1, 1} {
			for i := range v {
				c[i] = a[i] + s*(v[i]-a[i])
			}
			if y := level(c); y < z-1e-9 {
				t.Fatalf("a split of level %v, below %v", y, z)
			}
		}
	}
}

// The stored split satisfies the constraints and does more than that of LevelLoad, on the episodes
// that policies are compared on. Another problem has none.
func TestBestConstant(t *testing.T) {
	p := newCompute(t)
	best, err := p.BestConstant()
	if err != nil {
		t.Fatal(err)
	}
	level, _, err := p.LevelLoad()
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Spec().Polytope.Residual(best, nil); !(r <= 1e-9) {
		t.Errorf("residual %g", r)
	}
	tasks := func(split []float64) float64 {
		out, err := envs.Play(p, envs.Constant(split), 1000, 1000, 1, "final")
		if err != nil {
			t.Fatal(err)
		}
		m, _ := envs.MeanAndError(out.Returns)
		return m
	}
	if x, y := tasks(best), tasks(level); x < y+0.1 {
		t.Errorf("the best constant does %v tasks in time, level load %v", x, y)
	}

	simplex, err := constraints.Preset("unconstrained", 9)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"caps":     func(c *Config) { c.QueueHalf = 0.2 },
		"polytope": func(c *Config) { c.Polytope = simplex },
	} {
		c := DefaultConfig()
		change(&c)
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if best, err := p.BestConstant(); best != nil || err != nil {
			t.Errorf("%s: %v, %v", name, best, err)
		}
	}
}

// No policy does more tasks in time than the bound, which is not idle either.
func TestBound(t *testing.T) {
	p := newCompute(t)
	_, z, err := p.LevelLoad()
	if err != nil {
		t.Fatal(err)
	}
	base, err := p.References(1)
	if err != nil {
		t.Fatal(err)
	}
	obs, action := make([]float64, p.Spec().ObsDim), make([]float64, 9)
	for _, b := range base {
		var sum, most float64
		for k := range 200 {
			e := p.NewEnv()
			e.Reset(rand.New(rand.NewPCG(uint64(k), 3)), obs)
			tasks := e.Tasks()
			bound := float64(p.Bound(tasks, z))
			if bound > float64(len(tasks)) {
				t.Fatalf("bound %v of %d tasks", bound, len(tasks))
			}
			var got float64
			for done := false; !done; {
				if err := b.Allocator(&envs.States{Rows: 1, Obs: obs}, action); err != nil {
					t.Fatal(err)
				}
				var r float64
				r, done = e.Step(nil, action, obs)
				got += r
			}
			if got > bound {
				t.Errorf("%s does %v tasks in time, the bound is %v", b.Name, got, bound)
			}
			sum, most = sum+got/200, most+bound/200
		}
		t.Logf("%-16s %.3f of %.3f", b.Name, sum, most)
		if b.Name == "level load" && sum < 0.9*most {
			t.Errorf("%s does %v tasks in time, far from the bound of %v", b.Name, sum, most)
		}
	}
}
