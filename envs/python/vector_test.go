package python_test

import (
	"math"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/python"
)

// transition is one step that took its action.
type transition struct {
	before, after []float64
	reward        float64
	done, cut     bool
}

// transitions plays count environments until each has taken steps actions, which depend on
// nothing but how many it has taken, and returns those of each. between, unless nil, is called
// before every step.
func transitions(t *testing.T, p *python.Problem, count, steps int, between func()) [][]transition {
	t.Helper()
	v, err := envs.NewVector(p, envs.VectorConfig{Count: count, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	all, over := make([][]transition, count), make([]bool, count)
	dim, n := p.Spec().ObsDim, p.Spec().Polytope.Dim()
	for range 2 * steps {
		if between != nil {
			between()
		}
		actions := make([]float64, count*n)
		for i := range count {
			for j := range n {
				actions[i*n+j] = float64(float32(math.Sin(float64(len(all[i])*count*n + i*n + j))))
			}
		}
		before := slices.Clone(v.Obs())
		if err := v.Step(actions); err != nil {
			t.Fatal(err)
		}
		for i := range count {
			row := func(x []float64) []float64 { return slices.Clone(x[i*dim : (i+1)*dim]) }
			tr := transition{row(before), row(v.Obs()), v.Rewards()[i], v.Done()[i], v.Truncated()[i]}
			if v.Skipped()[i] {
				if !over[i] || tr.reward != 0 || tr.done {
					t.Fatalf("environment %d skipped %+v, after an end: %v", i, tr, over[i])
				}
				over[i] = false
				continue
			}
			over[i] = tr.done
			if tr.after = row(v.Obs()); tr.cut {
				tr.after = slices.Clone(v.Final(i))
			} else if tr.done {
				tr.after = nil
			}
			all[i] = append(all[i], tr)
		}
	}
	for i := range all {
		if len(all[i]) < steps {
			t.Fatalf("environment %d took %d actions", i, len(all[i]))
		}
		all[i] = all[i][:steps]
	}
	return all
}

// A vector shows the same episodes in every mode, and they are right: rewards are those of the
// observation and the action, the last observation is the episode's own, the next the first of
// another one.
func TestVectorModes(t *testing.T) {
	var first [][]transition
	for _, workers := range []int{1, 2} {
		for _, mode := range []string{"Batch", "Same", "Disabled"} {
			p := open(t, mode, func(c *python.Config) { c.Workers = workers })
			if p.Together() != 3 {
				t.Fatalf("%d environments together, want 3", p.Together())
			}
			got := transitions(t, p, 6, 60, nil)
			if first == nil {
				first = got
			} else if !reflect.DeepEqual(got, first) {
				t.Errorf("%s with %d workers: other episodes than NEXT_STEP with 1", mode, workers)
			}
			ends := [2]int{}
			for i, row := range got {
				for s, tr := range row {
					want := 0.0
					for j := range 2 {
						want -= math.Abs(float64(float32(math.Sin(float64(s*12+i*2+j)))) - tr.before[j])
					}
					if math.Abs(tr.reward-want) > 1e-6 {
						t.Fatalf("%s, environment %d, step %d: reward %v, want %v", mode, i, s, tr.reward, want)
					}
					time := math.Round(20 * tr.before[2])
					switch {
					case tr.cut && (tr.after[2] != 1 || time != 19):
						t.Fatalf("%s: truncated at time %v, the last observation is %v", mode, time, tr.after)
					case !tr.done && math.Abs(20*tr.after[2]-time-1) > 1e-9:
						t.Fatalf("%s: time %v follows %v", mode, 20*tr.after[2], time)
					case tr.done && s+1 < len(row) && row[s+1].before[2] != 0:
						t.Fatalf("%s: an episode begins with %v", mode, row[s+1].before)
					}
					if tr.cut {
						ends[0]++
					} else if tr.done {
						ends[1]++
					}
				}
			}
			if ends[0] == 0 || ends[1] == 0 {
				t.Fatalf("%d episodes truncated, %d terminated", ends[0], ends[1])
			}
		}
	}
}

// Gymnasium's own vector shows the same episodes in every mode.
func TestGymnasiumModes(t *testing.T) {
	if interpreter() == "" || exec.Command(interpreter(), "-c", "import gymnasium").Run() != nil {
		t.Skip("SKIPPED: no python3 with gymnasium; PASPO_TEST_PYTHON may name one")
	}
	var first [][]transition
	for _, mode := range []string{"gym_next", "gym_same", "gym_disabled"} {
		p := open(t, mode, nil)
		got := transitions(t, p, 6, 40, nil)
		for i, row := range got {
			for s, tr := range row {
				if end := s%7 == 6; tr.done != end || tr.cut != end {
					t.Fatalf("%s, environment %d, step %d: done %v, truncated %v", mode, i, s, tr.done, tr.cut)
				}
				// The angle moves by the speed that the step ends with, times 0.05.
				turn := math.Atan2(tr.after[1], tr.after[0]) - math.Atan2(tr.before[1], tr.before[0]) - 0.05*tr.after[2]
				if math.Abs(math.Remainder(turn, 2*math.Pi)) > 1e-4 {
					t.Fatalf("%s, environment %d, step %d: %v does not follow %v", mode, i, s, tr.after, tr.before)
				}
			}
		}
		if first == nil {
			first = got
		} else if !reflect.DeepEqual(got, first) {
			t.Errorf("%s: other episodes than NEXT_STEP", mode)
		}
	}
	out, err := envs.Play(open(t, "gym_apart", nil), envs.Constant([]float64{0}), 4, 100, 5)
	if err != nil || out.Lengths[0] != 7 {
		t.Errorf("taken apart: %+v, %v", out, err)
	}
}

// Evaluations have vectors of their own, whatever their numbers of episodes.
func TestVectorsApart(t *testing.T) {
	p := open(t, "Batch", nil)
	want := transitions(t, p, 3, 20, nil)
	var lengths []int
	got := transitions(t, p, 3, 20, func() {
		out, err := envs.Play(p, envs.Constant([]float64{0, 0}), 4, 100, 5)
		if err != nil {
			t.Fatal(err)
		}
		if lengths != nil && !slices.Equal(lengths, out.Lengths) {
			t.Fatalf("episodes of lengths %v, then %v", lengths, out.Lengths)
		}
		lengths = out.Lengths
	})
	if !reflect.DeepEqual(got, want) {
		t.Error("evaluations change the episodes of training")
	}
}

// A training has as many vectors as it needs, whatever has been looked at before.
func TestVectorsOfTraining(t *testing.T) {
	p := open(t, "OneBatch", func(c *python.Config) { c.Workers = 1 })
	if err := envs.CheckSnapshots(p); err != nil {
		t.Fatal(err)
	}
	v, err := envs.NewVector(p, envs.VectorConfig{Count: 3, Seed: 7})
	if err != nil {
		t.Fatalf("three environments of a vector of three: %v", err)
	}
	v.Close()
	for name, want := range map[string]string{
		"EndsTwice": "the terminations are array([2, 2, 2]): True, False, 1 and 0 are allowed",
		"NoInfo":    "the info of step is None: a dictionary is allowed",
	} {
		w, err := envs.NewVector(open(t, name, nil), envs.VectorConfig{Count: 3, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := w.Step(make([]float64, 6)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// Numbers in info are those of the environments that have them, and limits of every one.
func TestVectorInfoAndLimits(t *testing.T) {
	v, err := envs.NewVector(open(t, "Batch", nil), envs.VectorConfig{Count: 6, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for range 50 { // some of which are skipped
		if err := v.Step([]float64{0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := v.Info(); err != nil || len(got) != 1 || got[0].Name != "power" || math.Abs(got[0].Value-0.75) > 1e-9 {
		t.Errorf("%v, %v", got, err)
	}
	b, err := envs.NewVector(open(t, "Bounded", nil), envs.VectorConfig{Count: 6, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	over := make([]bool, 6)
	for range 50 {
		for i, lim := range b.Limits() {
			for j := range 2 {
				if want := 0.5 + 0.5*math.Abs(b.Obs()[3*i+j]); !over[i] && lim.Upper[j] != want {
					t.Fatalf("limit %v, want %v", lim.Upper[j], want)
				}
			}
		}
		if err := b.Step(make([]float64, 12)); err != nil {
			t.Fatal(err)
		}
		copy(over, b.Done())
	}
	if why, err := envs.Unrepeated(open(t, "Batch", nil)); why == "" || err != nil {
		t.Errorf("vectors can be repeated: %q, %v", why, err)
	}
}

// Errors name what a vector did that it must not do.
func TestVectorFaults(t *testing.T) {
	for function, want := range map[string]string{
		"Forgets":  "no final_obs of an episode that was truncated",
		"Careless": "changed environments that the mask leaves out",
	} {
		v, err := envs.NewVector(open(t, function, nil), envs.VectorConfig{Count: 3, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			if err = v.Step(make([]float64, 6)); err != nil {
				break
			}
		}
		v.Close()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", function, err, want)
		}
	}
}
