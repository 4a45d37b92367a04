package python_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/lp"
)

// interpreter is a Python with NumPy, empty where there is none.
var interpreter = sync.OnceValue(func() string {
	for _, name := range []string{os.Getenv("PASPO_TEST_PYTHON"), "python3"} {
		if name != "" && exec.Command(name, "-c", "import numpy").Run() == nil {
			return name
		}
	}
	return ""
})

// open opens an environment of testdata/tiny.py.
func open(t *testing.T, function string, change func(*python.Config)) *python.Problem {
	t.Helper()
	return openWithin(t, function, change, lp.New)
}

// openWithin opens an environment whose polytope is what constrain makes of its box.
func openWithin(t *testing.T, function string, change func(*python.Config), constrain func(lp.Description) (*lp.Polytope, error)) *python.Problem {
	t.Helper()
	p, err := tryOpenWithin(t, function, change, constrain)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryOpen(t *testing.T, function string, change func(*python.Config)) (*python.Problem, error) {
	t.Helper()
	return tryOpenWithin(t, function, change, lp.New)
}

func tryOpenWithin(t *testing.T, function string, change func(*python.Config), constrain func(lp.Description) (*lp.Polytope, error)) (*python.Problem, error) {
	t.Helper()
	if interpreter() == "" {
		t.Skip("SKIPPED: no python3 with NumPy; PASPO_TEST_PYTHON may name one")
	}
	c := python.DefaultConfig()
	c.Interpreter, c.Path, c.Workers = interpreter(), "testdata", 2
	if change != nil {
		change(&c)
	}
	p, err := python.Open("python:tiny:"+function, c, nil, constrain)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

// played is what a Vector shows of some steps.
type played struct {
	obs, rewards, final []float64
	done, truncated     []bool
}

func play(t *testing.T, p *python.Problem, count, steps int) (all played) {
	t.Helper()
	v, err := envs.NewVector(p, envs.VectorConfig{Count: count, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	all.obs = slices.Clone(v.Obs())
	actions := make([]float64, count*2)
	for s := range steps {
		for i := range actions {
			actions[i] = float64(float32(math.Sin(float64(s*len(actions) + i)))) // as its space has them
		}
		before := slices.Clone(v.Obs())
		if err := v.Step(actions); err != nil {
			t.Fatal(err)
		}
		for i := range count {
			want := -math.Abs(actions[2*i]-before[3*i]) - math.Abs(actions[2*i+1]-before[3*i+1])
			if got := v.Rewards()[i]; math.Abs(got-want) > 1e-6 {
				t.Fatalf("step %d, environment %d: reward %v, want %v", s, i, got, want)
			}
			final := make([]float64, 3)
			if v.Truncated()[i] {
				copy(final, v.Final(i))
				if final[2] != 1 || v.Obs()[3*i+2] != 0 {
					t.Fatalf("step %d, environment %d: the last observation is %v, the next %v", s, i, final, v.Obs()[3*i:3*i+3])
				}
			}
			all.final = append(all.final, final...)
		}
		all.obs = append(all.obs, v.Obs()...)
		all.rewards = append(all.rewards, v.Rewards()...)
		all.done = append(all.done, v.Done()...)
		all.truncated = append(all.truncated, v.Truncated()...)
	}
	return all
}

// Observations and rewards of an environment do not depend on the number of processes, on how these
// start, or on the other environments.
func TestStepsInAnyProcess(t *testing.T) {
	const count, steps = 5, 70
	var first played
	for k, c := range []struct {
		workers int
		start   string
	}{{1, python.Spawn}, {2, python.Fork}, {3, python.Spawn}} {
		p := open(t, "Target", func(o *python.Config) { o.Workers, o.Start = c.workers, c.start })
		if k == 1 {
			// Takes slots, and leaves others behind.
			other, err := envs.NewVector(p, envs.VectorConfig{Count: 3, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			play(t, p, 2, 3)
		}
		got := play(t, p, count, steps)
		if k == 0 {
			first = got
			if !slices.Contains(got.truncated, true) || slices.Equal(got.truncated, got.done) {
				t.Fatalf("ends of episodes: %v, truncated %v", got.done, got.truncated)
			}
			continue
		}
		if !slices.Equal(got.obs, first.obs) || !slices.Equal(got.rewards, first.rewards) || !slices.Equal(got.final, first.final) ||
			!slices.Equal(got.done, first.done) || !slices.Equal(got.truncated, first.truncated) {
			t.Errorf("%d processes by %s: not what 1 shows", c.workers, c.start)
		}
	}
}

// A process that holds many environments shows what several that hold a few show.
func TestStepsOfMany(t *testing.T) {
	const count, steps = 24, 50
	for _, function := range []string{"Mixed", "Single", "Swapped", "Scalar", "Uneven", "Column", "Raises"} {
		type shown struct {
			numbers []float64
			err     string
		}
		var first shown
		for _, workers := range []int{1, 2} {
			p := open(t, function, func(o *python.Config) { o.Workers = workers })
			v, err := envs.NewVector(p, envs.VectorConfig{Count: count, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			var got shown
			actions := make([]float64, count*p.Spec().Polytope.Dim())
			for s := range steps {
				for i := range actions {
					actions[i] = math.Sin(float64(s*len(actions) + i))
				}
				if err := v.Step(actions); err != nil {
					got.err = err.Error()
					break
				}
				got.numbers = append(append(got.numbers, v.Obs()...), v.Rewards()...)
				for i, truncated := range v.Truncated() {
					if truncated {
						got.numbers = append(got.numbers, v.Final(i)...)
					}
				}
			}
			if fails := slices.Contains([]string{"Uneven", "Column", "Raises"}, function); fails != (got.err != "") {
				t.Errorf("%s in %d processes: %q", function, workers, got.err)
			}
			if workers == 1 {
				first = got
			} else if got.err != first.err || !slices.Equal(got.numbers, first.numbers) {
				t.Errorf("%s: %d processes and 1 differ; errors %q and %q", function, workers, got.err, first.err)
			}
		}
	}
}

// Episodes that are played one after the other are those that are played side by side.
func TestPlay(t *testing.T) {
	p := open(t, "Target", nil)
	allocate := envs.Constant([]float64{0.5, -0.5})
	one, err := envs.Play(p, allocate, 6, 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	two, err := envs.Play(p, allocate, 3, 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.Returns[:3], two.Returns) || !slices.Equal(one.Lengths[:3], two.Lengths) {
		t.Errorf("3 episodes: %v %v, of 6: %v %v", two.Returns, two.Lengths, one.Returns, one.Lengths)
	}
}

// An episode without an end is an error that says what to do.
func TestEndless(t *testing.T) {
	_, err := envs.Play(open(t, "Idle", nil), envs.Constant([]float64{0, 0}), 1, 5, 1)
	if want := "an episode of python:tiny:Idle is longer than 5 steps: episodes that are compared need an end, such as a time limit (in Python gymnasium.wrappers.TimeLimit)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// Errors name the environment and show the lines of the user's code.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ function, want, trace string }{
		{"Raises", "ValueError: no such price", "in fail\n"},
		{"Dies", "is gone: signal: killed", ""},
		{"Hangs", "has not answered for 3s", ""},
		{"ReturnsFour", "step of ReturnsFour returned 4 values: five are needed, (observation, reward, terminated, truncated, info); it has the interface", ""},
		{"Misshapes", "the observation has shape (2,), that of its space (3,)", ""},
	} {
		for _, start := range []string{python.Spawn, python.Fork} {
			t.Run(c.function+"/"+start, func(t *testing.T) {
				p := open(t, c.function, func(o *python.Config) {
					o.Start, o.Workers = start, 1
					if c.function == "Hangs" {
						o.Timeout = 3 // which starting Python keeps to on a busy machine
					}
				})
				v, err := envs.NewVector(p, envs.VectorConfig{Count: 4, Seed: 7})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				for range 60 {
					if err = v.Step(make([]float64, 8)); err != nil {
						break
					}
				}
				var f *envs.Fault
				if !errors.As(err, &f) || f.Method != "Step" || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("fault %v, want %q", err, c.want)
				}
				var e *python.Exception
				if errors.As(err, &e) {
					if f.Step != 2 {
						t.Errorf("after %d steps of its episode, want 2", f.Step)
					}
					if !strings.Contains(e.Traceback, c.trace) || strings.Contains(e.Traceback, "paspo worker") {
						t.Errorf("traceback:\n%s", e.Traceback)
					}
				}
			})
		}
	}
}

// A signal that is sent to all of a group of processes does not end workers: the program saves
// what it has, and then ends them.
func TestSignals(t *testing.T) {
	for _, start := range []string{python.Spawn, python.Fork} {
		if start == python.Fork {
			t.Setenv("PASPO_TEST_PARENT", "1") // the process that workers are copied from
		}
		p := open(t, "Stopped", func(o *python.Config) { o.Start, o.Workers = start, 1 })
		v, err := envs.NewVector(p, envs.VectorConfig{Count: 2, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		for range 5 {
			if err := v.Step(make([]float64, 4)); err != nil {
				t.Fatalf("%s: %v", start, err)
			}
		}
	}
}

// Where the program that runs Python cannot, the error names the setting that chooses it.
func TestInterpreter(t *testing.T) {
	if interpreter() == "" {
		t.Skip("SKIPPED: no python3 with NumPy; PASPO_TEST_PYTHON may name one")
	}
	without := "exec " + interpreter() + " -I -S \"$@\""
	for _, c := range []struct{ script, start, want string }{
		{without, python.Spawn, " has no NumPy (No module named 'numpy'): env.python.interpreter names a Python that has it, and what the environment needs"},
		{without, python.Fork, " has no NumPy (No module named 'numpy'): env.python.interpreter names"},
		{"exit 3", python.Spawn, "is gone: exit status 3 (env.python.interpreter is "},
		{"exit 3", python.Fork, "is gone: exit status 3 (env.python.interpreter is "},
	} {
		o := python.DefaultConfig()
		o.Interpreter, o.Path, o.Start = filepath.Join(t.TempDir(), "python"), "testdata", c.start
		if err := os.WriteFile(o.Interpreter, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := python.Open("python:tiny:Target", o, nil, lp.New)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s by %s: error %v, want one line with %q", c.script, c.start, err, c.want)
		}
	}
}

// Environments are closed before their processes end, however these were started and whether or not one
// fails to close: those of an AsyncVectorEnv complain where they are not.
func TestCloses(t *testing.T) {
	for function, start := range map[string]string{"Closes": python.Spawn, "ClosesBadly": python.Fork} {
		dir := t.TempDir()
		t.Setenv("PASPO_TEST_CLOSED", dir)
		p := open(t, function, func(o *python.Config) { o.Start = start })
		v, err := envs.NewVector(p, envs.VectorConfig{Count: 4, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		v.Close()
		p.Close()
		if closed, err := os.ReadDir(dir); len(closed) != 4 {
			t.Errorf("%s: %d of 4 environments were closed, %v", start, len(closed), err)
		}
	}
}

// Limits follow the state, and the middle of an episode can be saved.
func TestLimitsAndSnapshots(t *testing.T) {
	c := python.DefaultConfig()
	if interpreter() == "" {
		t.Skip("SKIPPED: no python3 with NumPy; PASPO_TEST_PYTHON may name one")
	}
	c.Interpreter, c.Path, c.Workers = interpreter(), "testdata", 2
	p, err := python.Open("python:tiny:Limited", c, nil, func(box lp.Description) (*lp.Polytope, error) {
		box.Rows = []lp.Row{{Name: "power", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1}}
		return lp.New(box)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	v, err := envs.NewVector(p, envs.VectorConfig{Count: 3, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	actions := make([]float64, 6)
	for step := range 50 {
		var want []float64 // residuals
		for i, lim := range v.Limits() {
			obs := v.Obs()[3*i:]
			if lim.B[0] != 0.5+math.Abs(obs[0]) || lim.Lower[0] != -1 || lim.Lower[1] != -0.5*math.Abs(obs[1]) || lim.Upper != nil {
				t.Fatalf("limits %+v of observation %v", lim, obs[:3])
			}
			// Of three steps one reaches the limit, one goes beyond, and one stays below.
			actions[2*i+1] = 0.25
			actions[2*i] = lim.B[0] - 0.25 + 0.125*float64(step%3-1)
			given := slices.Clone(actions[2*i : 2*i+2])
			envs.RoundFloat32(given) // the dtype of the space
			want = append(want, p.Spec().Polytope.Residual(given, &lim))
		}
		if err := v.Step(actions); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(v.Residuals(), want) {
			t.Fatalf("step %d: residuals %v, those in the limits of the states of the actions %v", step, v.Residuals(), want)
		}
	}
	if err := envs.CheckSnapshots(p); err != nil {
		t.Error(err)
	}
	for function, want := range map[string]string{
		"SavesText":    "environment 0 of python:tiny:SavesText, after 2 steps of its episode: save_state: it returned str 'here': bytes are allowed",
		"LoadsNothing": "environment 0 of python:tiny:LoadsNothing, after 2 steps of its episode: load_state: ValueError: no such state",
		"LoadsOther":   "envs: the environment of python:tiny:LoadsOther cannot be resumed bit for bit from its save_state and load_state: 0 steps after it was restored, B of its limits is ",
	} {
		faulty := openWithin(t, function, nil, func(box lp.Description) (*lp.Polytope, error) {
			box.Rows = []lp.Row{{Name: "power", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1}}
			return lp.New(box)
		})
		if err := envs.CheckSnapshots(faulty); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", function, err, want)
		}
	}
}

// Limits may narrow bounds, not widen them, and have the same names every time. Observations have the shape of
// their space, and whether an episode has ended is said.
func TestStepsRefused(t *testing.T) {
	for function, want := range map[string]string{
		"Wider":        "limits()['upper'] of Wider is 2 for a1, above the 1 of the action space or the constraints: limits may narrow bounds, not widen them",
		"WiderBatch":   "limits()['lower'] of WiderBatch is -1.5 for a0, below the -1 of",
		"Changes":      "limits() of Changes has lower, at first it had upper: the same keys are needed every time",
		"Shrinks":      "the observation has shape (1,), that of its space (3,)",
		"Shares":       "the observation of Shares changed when another environment was stepped: each environment needs an array of its own, or returns a copy",
		"Texts":        "the observation is ['",
		"Complex":      "+1.j]): numbers are allowed",
		"TextReward":   "the reward is '-",
		"NoReward":     "the reward is None: numbers are allowed",
		"TextLimits":   "limits()['upper'] is ['1', '0.5']: numbers are allowed",
		"Fraction":     "obs is 1.5: an integer from 0 to 2 is allowed",
		"Masked":       ", None, 0.1], of which some are masked: numbers without a mask are allowed",
		"MaskedPart":   "obs.at is [",
		"MaskedReward": "the reward is None, of which some are masked",
		"MaskedLimits": "limits()['upper'] is [1.0, None], of which some are masked",
		"Nones":        "terminated of Nones is None: True, False, 1 and 0 are allowed",
	} {
		v, err := envs.NewVector(open(t, function, nil), envs.VectorConfig{Count: 3, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		for range 3 {
			if err = v.Step(make([]float64, 6)); err != nil {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", function, err, want)
		}
	}
	v, err := envs.NewVector(open(t, "Narrower", nil), envs.VectorConfig{Count: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if l := v.Limits()[0]; !slices.Equal(l.Lower, []float64{-1, -0.5}) || !slices.Equal(l.Upper, []float64{0.5, 1}) {
		t.Errorf("limits %v %v", l.Lower, l.Upper)
	}
}

// Names and descriptions that an environment has are in its Spec. A run goes on where they have
// changed or it can be saved by now, and not where spaces have or it cannot be saved any more.
func TestWords(t *testing.T) {
	p := open(t, "Worded", nil)
	if s := p.Spec(); s.Reward != "Less the farther from the target." || s.Episode != "at most 20 steps; After a while." {
		t.Errorf("reward %q, episode %q", s.Reward, s.Episode)
	}
	if s := open(t, "Target", nil).Spec(); s.Reward != "" || s.Episode != "" {
		t.Errorf("reward %q, episode %q of one that says nothing", s.Reward, s.Episode)
	}
	c := python.DefaultConfig()
	c.Interpreter, c.Path = interpreter(), "testdata"
	for _, change := range []struct{ function, old, new, want string }{
		{"Worded", "After a while", "Soon", ""},
		{"Worded", `"high": [1.0, 1.0]`, `"high": [1.0, 2.0]`, "makes an environment with spaces"},
		{"Worded", `"saves": false`, `"saves": true`, "makes an environment without save_state"},
		{"Saved", `"saves": true`, `"saves": false`, ""},
	} {
		p := open(t, change.function, nil)
		changed := strings.Replace(string(p.Description()), change.old, change.new, 1)
		if changed == string(p.Description()) {
			t.Fatalf("%s holds no %s", changed, change.old)
		}
		q, err := python.Open("python:tiny:"+change.function, c, []byte(changed), lp.New)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		if _, err := envs.NewVector(q, envs.VectorConfig{Count: 1}); (err != nil) != (change.want != "") || err != nil && !strings.Contains(err.Error(), change.want) {
			t.Errorf("error %v, want %q", err, change.want)
		}
	}
}

// A vector of environments is taken apart.
func TestVector(t *testing.T) {
	out, err := envs.Play(open(t, "Vector", func(c *python.Config) { c.Workers = 1 }), envs.Constant([]float64{0, 0}), 4, 100, 5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(out.Lengths, 5) || slices.Max(out.Lengths) <= 5 {
		t.Errorf("episodes of length %v", out.Lengths)
	}
}

// A process steps its environments once all of them have their actions, whether or not anybody waits for it.
func TestStepsWhileNobodyWaits(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	t.Setenv("PASPO_TEST_MARK", mark)
	p := open(t, "Marks", func(c *python.Config) { c.Workers = 1 })
	var copies []*envs.Copy
	for i := range 3 {
		c, err := envs.NewCopy(p, i, envs.EpisodeStream(7, i))
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, c)
	}
	copies[2].Close() // is not waited for
	for _, c := range copies[:2] {
		if _, err := os.Stat(mark); err == nil {
			t.Fatal("the environments are stepped before all have their actions")
		}
		c.Start([]float64{0, 0})
	}
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("the environments are not stepped")
		}
	}
	for _, c := range copies[:2] {
		if _, _, err := c.Step([]float64{0, 0}); err != nil {
			t.Fatal(err)
		}
	}
}

// Numbers in info are averaged over the steps that have them.
func TestInfo(t *testing.T) {
	for workers := range 3 {
		v, err := envs.NewVector(open(t, "Informs", func(c *python.Config) { c.Workers = workers + 1 }), envs.VectorConfig{Count: 4, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		steps := func(count int, first float64) map[string]float64 {
			for range count {
				if err := v.Step([]float64{first, 0, first, 0, first, 0, first, 0}); err != nil {
					t.Fatal(err)
				}
			}
			all, err := v.Info()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for _, m := range all {
				got[m.Name] = m.Value
			}
			return got
		}
		got, want := steps(2, 0.5), map[string]float64{"time": 1.5, "first": 0.5, "late": 0, "one": 2, "in/a": 1, "in/b/c": 3, "5": 6}
		if !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		want["time"], want["gap"] = 3, 7
		if got := steps(1, 0.5); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if got := steps(60, -0.25); got["first"] != -0.25 || len(got) != 32 {
			t.Errorf("%d names, %v", len(got), got)
		}
		if got := steps(0, 0); len(got) > 0 {
			t.Errorf("of no steps: %v", got)
		}
	}
	all, err := envs.NewVector(open(t, "Idle", nil), envs.VectorConfig{Count: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if got, err := all.Info(); got != nil || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

// Environments that draw from elsewhere are no group.
func TestUnrepeatable(t *testing.T) {
	_, err := envs.NewVector(open(t, "Unseeded", nil), envs.VectorConfig{Count: 2, Group: 2})
	if err == nil || !strings.Contains(err.Error(), "reset(seed=1) gave two different observations") {
		t.Errorf("a group: %v", err)
	}
	v, err := envs.NewVector(open(t, "Target", nil), envs.VectorConfig{Count: 2, Group: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if !slices.Equal(v.Obs()[:3], v.Obs()[3:]) {
		t.Errorf("a group begins with %v", v.Obs())
	}
	// Where a policy acts nothing but the description may be there.
	c := python.DefaultConfig()
	c.Interpreter = "/no/such/python"
	for function, want := range map[string]string{"Target": "", "Unseeded": "reset(seed=1) gave two different observations"} {
		p, err := python.Open("python:tiny:"+function, c, open(t, function, nil).Description(), lp.New)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := envs.Unrepeated(p); why != want || err != nil {
			t.Errorf("%s: %q, %v", function, why, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for function, want := range map[string]string{
		"NoBox": "the action space is a NoneType: a Box is allowed", "nothing": "tiny has no nothing", "os.getpid": "made a int without reset",
		"Modeless": "has autoreset_mode None: NEXT_STEP, SAME_STEP, DISABLED",
		"Old":      "reset of Old takes no seed", "OldReset": "reset of OldReset returned ndarray",
	} {
		if _, err := tryOpen(t, function, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", function, err, want)
		}
	}
	if _, err := tryOpen(t, "Target", func(c *python.Config) { c.Interpreter = "/no/such/python" }); err == nil || !strings.Contains(err.Error(), `env.python.interpreter is "/no/such/python"`) {
		t.Errorf("no interpreter: %v", err)
	}
}

func TestValidate(t *testing.T) {
	c := python.DefaultConfig()
	for _, name := range []string{"python:", "python:a", "python::f", "python:a:", "python:a.py:f", "python:a:b:c", "python:a b:c"} {
		if err := c.Validate(name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("name is %q", name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Validate("python:my.envs:Maker.make"); err != nil {
		t.Error(err)
	}
}
