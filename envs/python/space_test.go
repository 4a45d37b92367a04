package python_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/lp"
)

// All environments have the actions of the first.
func TestOtherActions(t *testing.T) {
	p := open(t, "OtherActions", func(c *python.Config) { c.Workers = 1 })
	want := "the function made a OtherActions with the action space <tiny.Box object at"
	if v, err := envs.NewVector(p, envs.VectorConfig{Count: 2, Seed: 7}); err == nil || !strings.Contains(err.Error(), want) {
		if err == nil {
			v.Close()
		}
		t.Errorf("%v, want %q", err, want)
	}
}

// Observations and rewards may be exact numbers of Python.
func TestExactNumbers(t *testing.T) {
	step := func(function string) ([]float64, float64) {
		v, err := envs.NewVector(open(t, function, nil), envs.VectorConfig{Count: 1, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if err := v.Step([]float64{0.25, 0.5}); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(v.Obs()), v.Rewards()[0]
	}
	obs, reward := step("Target")
	if o, r := step("Exact"); !slices.Equal(o, obs) || r != reward {
		t.Errorf("observation %v and reward %v, in floating-point numbers %v and %v", o, r, obs, reward)
	}
}

// Observations of every kind are flattened, and actions have the shape of their space.
func TestSpaces(t *testing.T) {
	p := open(t, "Shapes", nil)
	want := "obs.a[0][0] obs.a[0][1] obs.b=1 obs.b=2 obs.b=3 obs.c[0]=0 obs.c[0]=1 obs.c[1]=0 obs.c[1]=1 obs.c[1]=2 obs.d[0] obs.d[1]"
	if got := strings.Join(p.Spec().ObsNames, " "); got != want {
		t.Errorf("names %s, want %s", got, want)
	}
	v, err := envs.NewVector(p, envs.VectorConfig{Count: 2, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if want := []float64{0.25, 0.75, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0}; !slices.Equal(v.Obs()[12:], want) {
		t.Errorf("observation %v, want %v", v.Obs()[12:], want)
	}
	if err := v.Step([]float64{0, 0, 0.5, 0, 0, 0, -0.5, 0}); err != nil || v.Rewards()[0] != 0.5 || v.Rewards()[1] != -0.5 {
		t.Errorf("rewards %v, %v", v.Rewards(), err)
	}
}

// What is of one of several spaces has the number of that in front and, behind what is shorter than the
// others, its first number, as gymnasium.spaces.flatten has them. Values that a space does not have are refused.
func TestOneOf(t *testing.T) {
	p := open(t, "Chooses", nil)
	if want, got := "obs.which obs.0 obs.1 obs.2", strings.Join(p.Spec().ObsNames, " "); got != want {
		t.Errorf("names %s, want %s", got, want)
	}
	v, err := envs.NewVector(p, envs.VectorConfig{Count: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	texts := []string{"[0,[[0.25,0.5,0.75]]]", "[1,2]", "[2,0.625]"}
	for step, want := range [][]float64{{0, 0.25, 0.5, 0.75}, {1, 0, 1, 0}, {2, 0.625, 0.625, 0.625}} {
		if !slices.Equal(v.Obs(), want) {
			t.Errorf("step %d: observation %v, want %v", step, v.Obs(), want)
		}
		if got, err := p.ReadObservation([]byte(texts[step])); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", texts[step], got, err, want)
		}
		if err := v.Step(make([]float64, 2)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"[3,1]", "[0.5,1]", "[1]", "{}"} {
		if _, err := p.ReadObservation([]byte(text)); err == nil || !strings.Contains(err.Error(), "a list of the number of a space, from 0 to 2, and what is of it is allowed") {
			t.Errorf("%s: %v", text, err)
		}
	}
	wrong, err := envs.NewVector(open(t, "ChoosesWrong", nil), envs.VectorConfig{Count: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if err := wrong.Step(make([]float64, 2)); err == nil || !strings.Contains(err.Error(), "obs.1 is 0: an integer from 1 to 2 is allowed") {
		t.Errorf("a value that the space does not have: %v", err)
	}
}

// An observation in JSON, as the environment gives it, is flattened as Python does it, and the
// description of an older version takes flattened ones alone.
func TestReadObservation(t *testing.T) {
	p := open(t, "Shapes", nil)
	want := []float64{0.25, 0.75, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0} // as TestSpaces has it
	for _, text := range []string{`{"a":[[0.25,0.75]],"b":2,"c":[1,0],"d":[1,0]}`, `{"d":[1,0],"c":[1.0,0],"b":2e0,"a":[[0.25,0.75]]}`, "[0.25,0.75,0,1,0,0,1,1,0,0,1,0]"} {
		if got, err := p.ReadObservation([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		`{"a":[[0.25]],"b":2,"c":[1,0],"d":[1,0]}`:      `obs.a[0] is [0.25]: a list of 2 is allowed, its space has the shape [1 2]`,
		`{"a":[[1,2]],"b":4,"c":[1,0],"d":[1,0]}`:       `obs.b is 4: an integer from 1 to 3 is allowed`,
		`{"a":[[1,2]],"b":2,"c":[1,0.5],"d":[1,0]}`:     `obs.c[1] is 0.5: an integer from 0 to 2 is allowed`,
		`{"a":[[1,2]],"b":2,"c":[1,0],"d":[1,"x"]}`:     `obs.d[1] is "x": a finite number is allowed`,
		`{"a":[[1,2]],"b":2,"c":[1,0]}`:                 `obs has no "d": "a", "b", "c", "d" are needed`,
		`{"a":[[1,2]],"b":2,"c":[1,0],"d":[1,0],"e":1}`: `obs has "e": "a", "b", "c", "d" are allowed`,
		`[1,2]`: `obs is [1,2]: an object with "a", "b", "c", "d" is allowed`,
		`{"a":[[1e400,2]],"b":2,"c":[1,0],"d":[1,0],"e":{}}`: `the observation: json: cannot unmarshal number 1e400`,
	} {
		if _, err := p.ReadObservation([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	var d map[string]any
	if err := json.Unmarshal(p.Description(), &d); err != nil {
		t.Fatal(err)
	}
	delete(d, "observation")
	delete(d, "action")
	description, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	c := python.DefaultConfig()
	c.Interpreter, c.Path = interpreter(), "testdata"
	old, err := python.Open("python:tiny:Shapes", c, description, lp.New)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if got, err := old.ReadObservation([]byte("[1,2]")); err != nil || !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("of an older version: %v, %v", got, err)
	}
	if _, err := old.ReadObservation([]byte(`{"a":1}`)); err == nil || !strings.Contains(err.Error(), "does not say what its environment's space is") {
		t.Errorf("of an older version: %v", err)
	}
	v, err := envs.NewVector(old, envs.VectorConfig{Count: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
}

// The residual of an action is that of what the environment is given, which is rounded to the dtype
// of its space.
func TestActionsAreRounded(t *testing.T) {
	const limit = 0.1 // between numbers of float32
	below := func(box lp.Description) (*lp.Polytope, error) {
		box.Upper[0] = limit
		return lp.New(box)
	}
	for _, c := range []struct {
		function, actions string
		given             float64
	}{
		{"Echo", python.OfSpace, float64(float32(limit))}, {"Echo", python.Float64, limit},
		{"HalfEcho", python.Float64, limit}, {"LongEcho", python.OfSpace, limit},
	} {
		p := openWithin(t, c.function, func(o *python.Config) { o.Actions = c.actions }, below)
		v, err := envs.NewVector(p, envs.VectorConfig{Count: 3, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		one, err := envs.NewCopy(p, 0, envs.EpisodeStream(7, 0))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Step([]float64{limit, 0, limit, 0, limit, 0}); err != nil {
			t.Fatal(err)
		}
		reward, _, err := one.Step([]float64{limit, 0})
		if err != nil {
			t.Fatal(err)
		}
		residual := c.given - limit // of amounts up to 1
		if reward != c.given || one.Residual() != residual || v.Rewards()[2] != c.given || v.Residuals()[2] != residual {
			t.Errorf("%s, %s: given %v and %v, residuals %v and %v; want %v, %v", c.function, c.actions, reward, v.Rewards()[2], one.Residual(), v.Residuals()[2], c.given, residual)
		}
	}
	_, err := tryOpen(t, "HalfEcho", nil)
	if err == nil || !strings.Contains(err.Error(), "float16, whose rounding moves an action beyond its limits by up to 0.0005 of their terms: float32 and float64 are allowed") {
		t.Errorf("float16: %v", err)
	}
}
