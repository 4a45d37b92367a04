package envs

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"paspo/internal/finite"
	"paspo/lp"
)

// house is a problem whose environments do what its functions say, else as they
// should. The observation is the time, an episode lasts 10 steps.
type house struct {
	p      *lp.Polytope
	obsDim int
	make   func(e *houseEnv) Env
	reset  func(e *houseEnv, rng *rand.Rand, obs []float64)
	step   func(e *houseEnv, action, obs []float64) float64
	limits func(e *houseEnv, l *lp.Limits)
	count  atomic.Int32
}

func newHouse(t testing.TB, rows ...lp.Row) *house {
	t.Helper()
	p, err := lp.New(lp.Description{Name: "rooms", Entities: []string{"north", "south", "reserve"}, Total: 1, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return &house{p: p, obsDim: 2}
}

func (u *house) Spec() Spec { return Spec{Name: "rooms", ObsDim: u.obsDim, Polytope: u.p} }

func (u *house) New() Env {
	e := &houseEnv{house: u, index: int(u.count.Add(1)) - 1}
	switch {
	case u.make != nil:
		return u.make(e)
	case u.limits != nil:
		return &limitedHouse{e}
	}
	return e
}

type houseEnv struct {
	*house
	index, time int
	kept        []float64
	sum         float64
	rng         *rand.Rand
}

func (e *houseEnv) Reset(rng *rand.Rand, obs []float64) {
	e.time, e.rng = 0, rng
	obs[0], obs[1] = 0, rng.Float64()
	if e.reset != nil {
		e.reset(e, rng, obs)
	}
}

func (e *houseEnv) Step(rng *rand.Rand, action, obs []float64) (float64, bool) {
	e.time++
	obs[0], obs[1] = float64(e.time), rng.Float64()
	reward := action[0]
	if e.step != nil {
		reward = e.step(e, action, obs)
	}
	return reward, e.time == 10
}

type limitedHouse struct{ *houseEnv }

func (e *limitedHouse) Limits(l *lp.Limits) { e.limits(e.houseEnv, l) }

// at makes a function of the third step of environment 2 alone.
func at(f func(action, obs []float64) float64) func(e *houseEnv, action, obs []float64) float64 {
	return func(e *houseEnv, action, obs []float64) float64 {
		if e.index == 2 && e.time == 3 {
			return f(action, obs)
		}
		return action[0]
	}
}

func limitsAt(set func(l *lp.Limits)) func(e *houseEnv, l *lp.Limits) {
	return func(e *houseEnv, l *lp.Limits) {
		l.Upper = []float64{1, 1, 1}
		if e.index == 2 && e.time == 3 {
			set(l)
		}
	}
}

// Whatever an environment does wrong is one error of one line that names
// environment, step, method and cause, on one goroutine and on several.
func TestFaults(t *testing.T) {
	nan := math.NaN()
	out := func(obs []float64, i int) { obs[i] = 1 }
	put := func(m map[int]int) { m[0] = 1 }
	for _, c := range []struct {
		name string
		set  func(u *house)
		want string
		step int
	}{
		{"Step panics", func(u *house) { u.step = at(func(_, _ []float64) float64 { panic("out of coffee") }) },
			"environment 2 of rooms, after 2 steps of its episode: Step: panic: out of coffee (fault_test.go:", 2},
		{"Step panics with an error", func(u *house) { u.step = at(func(_, _ []float64) float64 { panic(errUser) }) },
			"Step: panic: " + errUser.Error(), 2},
		{"an observation out of range", func(u *house) { u.step = at(func(_, obs []float64) float64 { out(obs, 2); return 0 }) },
			"Step: panic: runtime error: index out of range [2] with length 2 (fault_test.go:", 2},
		{"an action out of range", func(u *house) { u.step = at(func(a, _ []float64) float64 { out(a, 3); return 0 }) },
			"Step: panic: runtime error: index out of range [3] with length 3 (fault_test.go:", 2},
		{"nil map", func(u *house) {
			u.step = at(func(_, _ []float64) float64 { put(nil); return 0 })
		}, "Step: panic: assignment to entry in nil map (fault_test.go:", 2},
		{"reward of NaN", func(u *house) { u.step = at(func(_, _ []float64) float64 { return nan }) }, "Step: the reward is NaN", 2},
		{"reward of Inf", func(u *house) { u.step = at(func(_, _ []float64) float64 { return math.Inf(-1) }) }, "Step: the reward is -Inf", 2},
		{"observation of NaN", func(u *house) { u.step = at(func(_, obs []float64) float64 { obs[1] = nan; return 0 }) },
			"after 2 steps of its episode: Step: component 1 of the observation is NaN", 2},
		{"Reset panics", func(u *house) {
			u.reset = func(e *houseEnv, _ *rand.Rand, _ []float64) {
				if e.index == 2 {
					panic("no server")
				}
			}
		}, "environment 2 of rooms: Reset: panic: no server (fault_test.go:", 0},
		{"a second Reset panics", func(u *house) {
			resets := map[int]int{}
			u.reset = func(e *houseEnv, _ *rand.Rand, _ []float64) {
				if e.index == 2 {
					if resets[2]++; resets[2] == 2 {
						panic("no server")
					}
				}
			}
		}, "environment 2 of rooms: Reset: panic: no server (fault_test.go:", 0},
		{"first observation of NaN", func(u *house) {
			u.reset = func(e *houseEnv, _ *rand.Rand, obs []float64) {
				if e.index == 2 {
					obs[0] = nan
				}
			}
		}, "environment 2 of rooms: Reset: component 0 of the observation is NaN", 0},
		{"New panics", func(u *house) {
			u.make = func(e *houseEnv) Env {
				if e.index == 2 {
					panic("no licence")
				}
				return e
			}
		}, "environment 2 of rooms: New: panic: no licence (fault_test.go:", 0},
		{"New returns nil", func(u *house) {
			u.make = func(e *houseEnv) Env {
				if e.index == 2 {
					return nil
				}
				return e
			}
		}, "environment 2 of rooms: New: it returned nil", 0},
		{"Limits panics", func(u *house) { u.limits = limitsAt(func(*lp.Limits) { panic("no meter") }) },
			"environment 2 of rooms, after 3 steps of its episode: Limits: panic: no meter (fault_test.go:", 3},
		{"limits of a wrong length", func(u *house) { u.limits = limitsAt(func(l *lp.Limits) { l.Upper = l.Upper[:2] }) },
			"after 3 steps of its episode: Limits: Upper of the limits has length 2, the polytope has 3 entities", 3},
		{"b of a wrong length", func(u *house) { u.limits = limitsAt(func(l *lp.Limits) { l.B = []float64{1, 1} }) },
			"Limits: B of the limits has length 2, the polytope has 1 inequalities", 3},
		{"limits of NaN", func(u *house) { u.limits = limitsAt(func(l *lp.Limits) { l.Upper[1] = nan }) },
			`Limits: Upper of the limits is NaN for entity "south"`, 3},
		{"b of NaN", func(u *house) { u.limits = limitsAt(func(l *lp.Limits) { l.B = []float64{nan} }) },
			`Limits: B of the limits is NaN for row "load"`, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			load := lp.Row{Name: "load", Coef: []float64{1, 2, 0}, Min: math.Inf(-1), Max: 1.5}
			check := func(where string, err error) {
				t.Helper()
				var f *Fault
				if !errors.As(err, &f) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s: got %v, want %q", where, err, c.want)
				}
				if f.Env != 2 || f.Step != c.step || f.Problem != "rooms" || (f.Stack != nil) != strings.Contains(c.want, "panic") {
					t.Errorf("%s: %+v", where, f)
				}
			}
			make := func() *house { u := newHouse(t, load); c.set(u); return u }
			for _, workers := range []int{1, 3} {
				v, err := NewVector(make(), VectorConfig{Count: 5, Workers: workers})
				if err == nil {
					if workers > 1 {
						force(v, workers)
					}
					for range 15 {
						if err = v.Step(actions(5)); err != nil {
							break
						}
					}
					if again := v.Step(actions(5)); again != err {
						t.Errorf("then it says %v", again)
					}
					v.Close()
				}
				check(fmt.Sprintf("%d workers", workers), err)
			}
			if c.name != "a second Reset panics" {
				_, err := Play(make(), Constant([]float64{0.2, 0.3, 0.5}), 5, 100, 1)
				check("Play", err)
			}
		})
	}
}

func actions(count int) []float64 {
	var a []float64
	for range count {
		a = append(a, 0.2, 0.3, 0.5)
	}
	return a
}

// The fault is that of the lowest index, whoever comes first.
func TestFirstFault(t *testing.T) {
	u := newHouse(t)
	u.step = func(e *houseEnv, _, _ []float64) float64 {
		if e.index >= 3 {
			panic(e.index)
		}
		return 0
	}
	v := newVector(t, u, VectorConfig{Count: 64})
	force(v, 4)
	if err := v.Step(actions(64)); err == nil || !strings.Contains(err.Error(), "environment 3 of rooms: Step: panic: 3 ") {
		t.Errorf("got %v", err)
	}
}

// An environment that ends its goroutine, as FailNow does in a test, hangs nobody,
// and the Vector works again from what was saved.
func TestGoexit(t *testing.T) {
	u := newHouse(t)
	armed := false
	u.step = func(e *houseEnv, _, _ []float64) float64 {
		if armed && e.index == 40 {
			runtime.Goexit()
		}
		return float64(e.index)
	}
	v := newVector(t, u, VectorConfig{Count: 64})
	force(v, 3)
	saved, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		armed = true
		ended := make(chan error, 1)
		go func() {
			err := errors.New("the stepping goroutine ended too")
			defer func() { ended <- err }()
			err = v.Step(actions(64))
		}()
		<-ended
		if err := v.Step(actions(64)); err == nil || !strings.Contains(err.Error(), "Step: it ended its goroutine") {
			t.Fatalf("got %v", err)
		}
		armed = false
		if err := v.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := v.Step(actions(64)); err != nil {
				t.Fatal(err)
			}
		}
		if v.Rewards()[63] != 63 {
			t.Errorf("rewards %v", v.Rewards())
		}
	}
}

// An environment may modify its action and keep it. Neither changes the action whose residual was
// measured, nor those of other environments, nor the caller's.
func TestActionsAreTheirOwn(t *testing.T) {
	const count = 20_000
	u := newHouse(t)
	u.step = func(e *houseEnv, action, obs []float64) float64 {
		if e.kept != nil && !slices.Equal(e.kept[:4], []float64{7, 0.3, 0.5, 9}) && e.time > 1 {
			panic(fmt.Sprintf("the kept action became %v", e.kept))
		}
		first := action[0]
		e.kept = append(action, 9) // and not into the neighbour's
		e.kept[0] = 7
		action[0], action[1] = -5, 1e9
		_ = append(obs, 1, 2, 3)
		return first
	}
	v := newVector(t, u, VectorConfig{Count: count, Seed: 1})
	force(v, 4)
	a := actions(count)
	steps := 12
	if testing.Short() {
		steps = 3
	}
	for range steps {
		if err := v.Step(a); err != nil {
			t.Fatal(err)
		}
		for i, x := range v.Rewards() {
			if x != 0.2 || v.Residuals()[i] > 1e-15 {
				t.Fatalf("environment %d was given %g, residual %g", i, x, v.Residuals()[i])
			}
			if o := v.Obs()[2*i]; o != 0 && o != float64(v.copies[i].length) {
				t.Fatalf("environment %d sees %v", i, v.Obs()[2*i:2*i+2])
			}
		}
	}
	if !slices.Equal(a, actions(count)) {
		t.Error("the caller's actions changed")
	}
	out, err := Play(u, Constant([]float64{0.2, 0.3, 0.5}), 50, 100, 1)
	if err != nil || out.Violations != 0 || math.Abs(out.Returns[17]-2) > 1e-12 {
		t.Errorf("played: %+v, %v", out, err)
	}
}

// Actions are measured in the limits of the state that they are taken in.
func TestResiduals(t *testing.T) {
	audited := newVector(t, newHouse(t), VectorConfig{Count: 5, Audit: 3})
	seen := make([]int, 5)
	for range 6 {
		if err := audited.Step(actions(5)); err != nil {
			t.Fatal(err)
		}
		for i, r := range audited.Residuals() {
			if !math.IsInf(r, -1) {
				seen[i]++
			}
		}
	}
	if !slices.Equal(seen, []int{2, 2, 2, 2, 2}) {
		t.Errorf("one in 3 of 6 actions was measured %v times", seen)
	}
	u := newHouse(t)
	u.limits = func(e *houseEnv, l *lp.Limits) { l.Upper = []float64{1, 1 - float64(e.time)/10, 1} }
	v := newVector(t, u, VectorConfig{Count: 1})
	for k := range 10 {
		want := math.Inf(-1)
		for j, x := range []float64{0.2, 0.3, 0.5} {
			want = max(want, 0, x-v.Limits()[0].Upper[j])
		}
		if err := v.Step(actions(1)); err != nil {
			t.Fatal(err)
		}
		if got := v.Residuals()[0]; math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d: residual %g, want %g", k, got, want)
		}
	}
}

// Nobody reads what Step writes as the observation of an episode that is done.
func TestDoneAtOnce(t *testing.T) {
	u := newHouse(t)
	u.step = func(e *houseEnv, _, obs []float64) float64 {
		e.time = 10
		obs[0], obs[1] = math.NaN(), math.Inf(1)
		return 1
	}
	v := newVector(t, u, VectorConfig{Count: 3})
	for range 5 {
		if err := v.Step(actions(3)); err != nil {
			t.Fatal(err)
		}
		if len(v.Finished()) != 3 || v.Finished()[2] != (Episode{2, 1, 1}) || finite.First(v.Obs()) >= 0 {
			t.Fatalf("%+v, %v", v.Finished(), v.Obs())
		}
	}
	if out, err := Play(u, Constant([]float64{0.2, 0.3, 0.5}), 3, 10, 1); err != nil || out.Lengths[0] != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestSpecs(t *testing.T) {
	for want, edit := range map[string]func(u *house){
		"has no polytope":     func(u *house) { u.p = nil },
		"has an ObsDim of 0:": func(u *house) { u.obsDim = 0 },
	} {
		u := newHouse(t)
		edit(u)
		_, vector := NewVector(u, VectorConfig{Count: 1})
		_, play := Play(u, Constant(nil), 1, 1, 1)
		_, one := NewCopy(u, 0, EpisodeStream(1, 1))
		for _, err := range []error{vector, play, one} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	if err := (Spec{Polytope: newHouse(t).p, ObsDim: 2, ObsNames: []string{"one"}}).Validate(); err == nil {
		t.Error("one name for two components")
	}
	err := (Spec{Name: "x", Polytope: newHouse(t).p, ObsDim: 3, ObsNames: []string{"price", "cash", "price"}}).Validate()
	if err == nil || !strings.Contains(err.Error(), `problem "x" has "price" as the names of components 0 and 2 of its ObsNames: every component needs a name of its own`) {
		t.Errorf("a name twice: %v", err)
	}
}

type observed struct {
	*house
	limit ObsLimiter
}

func (o observed) ObsLimiter() ObsLimiter { return o.limit }

// absent panics in every method of a problem that says what it has.
type absent struct{ *house }

func (absent) Unrepeatable() string   { panic("no meter") }
func (absent) Following() []string    { panic("no meter") }
func (absent) ObsLimiter() ObsLimiter { panic("no meter") }

type unsteady struct{ *houseEnv }

func (unsteady) Unrepeatable() string { panic("no meter") }

type follows struct {
	*house
	names []string
}

func (f follows) Following() []string { return f.names }

// Whatever a problem is asked, its panic is an error that names the method and the line.
func TestProblemsFaults(t *testing.T) {
	p, u := absent{newHouse(t)}, newHouse(t)
	u.make = func(e *houseEnv) Env { return unsteady{e} }
	for what, f := range map[string]func() error{
		"the problem envs.absent: Unrepeatable":        func() error { _, err := Unrepeated(p); return err },
		"the problem envs.absent: Following":           func() error { _, err := Following(p); return err },
		"limits of the observation in row 0: panic":    func() error { _, err := NewRowLimits(p).Of(make([]float64, 2), 1); return err },
		"environment 0 of rooms: Unrepeatable":         func() error { _, err := Unrepeated(u); return err },
		"environment 0 of rooms: Unrepeatable: panic:": func() error { _, err := NewVector(u, VectorConfig{Count: 2, Group: 2}); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "no meter (fault_test.go:") {
			t.Errorf("got %v, want %q", err, what)
		}
	}
	for _, names := range [][]string{{"caps"}, {LimitUpper, LimitUpper}} {
		if _, err := Following(follows{newHouse(t), names}); err == nil || !strings.Contains(err.Error(), "names of limits") {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// Limits that follow from observations are checked as those of environments are.
func TestRowLimitsRefuse(t *testing.T) {
	for want, limit := range map[string]ObsLimiter{
		"row 1: panic: no meter (fault_test.go:":                                           func([]float64, *lp.Limits) { panic("no meter") },
		`row 1: Lower of the limits is NaN for entity "south"`:                             func(_ []float64, l *lp.Limits) { l.Lower = []float64{0, math.NaN(), 0} },
		"row 1: Upper of the limits has length 1":                                          func(_ []float64, l *lp.Limits) { l.Upper = []float64{1} },
		"row 1: panic: runtime error: index out of range [2] with length 2 (fault_test.go": func(obs []float64, _ *lp.Limits) { obs[len(obs)] = 1 },
	} {
		u := newHouse(t)
		p := observed{u, func(obs []float64, l *lp.Limits) {
			if obs[0] == 1 {
				limit(obs, l)
			}
			obs[1] = 99 // its own copy
			_ = append(obs, 99)
		}}
		obs := []float64{0, 5, 1, 5, 0, 5}
		if _, err := NewRowLimits(p).Of(obs, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if !slices.Equal(obs, []float64{0, 5, 1, 5, 0, 5}) {
			t.Errorf("the observations became %v", obs)
		}
	}
}

var errUser = errors.New("an error of the user's")
