package benchmarks

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/lp"
)

type mine struct {
	name     string
	options  any
	polytope *lp.Polytope
	refuse   error
}

func (m mine) Spec() envs.Spec {
	return envs.Spec{Name: m.name, ObsDim: 1, Polytope: m.polytope}
}
func (m mine) New() envs.Env { return still{} }
func (m mine) Options() any  { return m.options }
func (m mine) Configure(options any) (envs.Problem, error) {
	m.options = options
	return m, m.refuse
}

type still struct{}

func (still) Reset(*rand.Rand, []float64) {}
func (still) Step(_ *rand.Rand, _, _ []float64) (float64, bool) {
	return 0, true
}

type constrainable struct{ mine }

func (c constrainable) Configure(any) (envs.Problem, error) { return c, nil }
func (c constrainable) Constrain(p *lp.Polytope) (envs.Problem, error) {
	c.polytope = p
	return c, nil
}

// deaf accepts other constraints and keeps its own.
type deaf struct{ constrainable }

func (d deaf) Configure(any) (envs.Problem, error)          { return d, nil }
func (d deaf) Constrain(*lp.Polytope) (envs.Problem, error) { return d, nil }

func TestConstrainTakesTheConstraints(t *testing.T) {
	if err := register(t, deaf{constrainable{mine{name: "m", options: &options{}, polytope: budget(t, "a", "b")}}}); err != nil {
		t.Fatal(err)
	}
	capped, err := lp.New(lp.Description{Entities: []string{"a", "b"}, Total: 1, Upper: []float64{0.6, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(DefaultConfig(), capped); err == nil || !strings.Contains(err.Error(), "other constraints than the given ones") {
		t.Errorf("error %v", err)
	}
}

type options struct {
	Days int `yaml:"days"`
	More struct {
		Share float64 `yaml:"share"`
	} `yaml:"more"`
}

type panics struct{ mine }

func (panics) Spec() envs.Spec { panic("no file\nof data") }

// register is Register for one test.
func register(t *testing.T, p envs.Problem) error {
	t.Helper()
	t.Cleanup(func() { own.problem, own.name = nil, "" })
	own.problem, own.name = nil, ""
	return Register(p)
}

func TestRegisterRefuses(t *testing.T) {
	for _, c := range []struct {
		p    envs.Problem
		want string
	}{
		{mine{}, "has no name"},
		{mine{name: "a b"}, `"a b"`},
		{mine{name: "python:a:b"}, "is allowed"},
		{mine{name: "compute"}, "as a benchmark is"},
		{mine{name: "m"}, "Options returned <nil>: a pointer to a struct is allowed"},
		{mine{name: "m", options: options{}}, "a pointer to a struct is allowed"},
		{mine{name: "m", options: (*options)(nil)}, "a pointer to a struct is allowed"},
		{mine{name: "m", options: &struct {
			X map[string]int `yaml:"x"`
		}{}}, "field X is a map[string]int"},
		{mine{name: "m", options: &struct {
			X float32 `yaml:"x"`
		}{}}, "field X is a float32"},
		{mine{name: "m", options: &struct {
			X int `yaml:"x" file:"true"`
		}{}}, "the name of a file is a string"},
		{mine{name: "m", options: &struct {
			X struct {
				Y int `yaml:"a.b"`
			} `yaml:"x"`
		}{}}, `field X.Y is called "a.b"`},
		{panics{}, "Spec: panic: no file"},
	} {
		if err := register(t, c.p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func budget(t *testing.T, entities ...string) *lp.Polytope {
	t.Helper()
	p, err := lp.New(lp.Description{Name: "budget", Entities: entities, Total: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOwn(t *testing.T) {
	abc := budget(t, "a", "b", "c")
	for _, c := range []struct {
		refuse error
		want   string
	}{
		{nil, ""},
		{errors.New("days is 0: more is allowed"), "options.days is 0: more is allowed"},
		{errors.New("more.share is 2: less is allowed"), "options.more.share is 2"},
		{errors.New("no such file"), "options are refused: no such file"},
	} {
		if err := register(t, mine{name: "m", options: &options{Days: 3}, polytope: abc, refuse: c.refuse}); err != nil {
			t.Fatal(err)
		}
		d := DefaultConfig()
		if !d.IsOwn() || d.Options.(*options).Days != 3 || AllNames()[0] != "m" {
			t.Fatalf("%+v", d)
		}
		err := d.Validate()
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		d.Name = "synthetic"
		if p, err := New(d, nil); err != nil || p.Spec().Name != "synthetic" {
			t.Errorf("synthetic beside it: %v", err)
		}
	}
	if err := Register(mine{name: "other", options: &options{}}); err == nil {
		t.Error("a second problem was registered")
	}
	if err := register(t, mine{name: "m", options: &options{}}); err != nil {
		t.Fatal(err)
	}
	if err := DefaultConfig().Validate(); err == nil || !strings.Contains(err.Error(), "has no polytope") {
		t.Errorf("error %v of a problem without a polytope", err)
	}
}

// Constraints of the same entities take the place of a problem's own where it allows that.
func TestOwnConstraints(t *testing.T) {
	abc, other := budget(t, "a", "b", "c"), budget(t, "a", "b", "c")
	if err := register(t, mine{name: "m", options: &options{}, polytope: abc}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(DefaultConfig(), other); err == nil || !strings.Contains(err.Error(), "its constraints are its own") {
		t.Errorf("error %v", err)
	}
	if err := register(t, constrainable{mine{name: "m", options: &options{}, polytope: abc}}); err != nil {
		t.Fatal(err)
	}
	if p, err := New(DefaultConfig(), other); err != nil || p.Spec().Polytope != other {
		t.Errorf("error %v", err)
	}
	if _, err := New(DefaultConfig(), budget(t, "b", "a", "c")); err == nil || !strings.Contains(err.Error(), "those of m are allowed, a, b, c") {
		t.Errorf("error %v", err)
	}
}
