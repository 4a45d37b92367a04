package constraints

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

func testBox() lp.Description {
	return lp.Description{
		Name: "box", Entities: []string{"a0", "a1", "a2", "a3"}, Total: math.NaN(),
		Lower: []float64{-1, -1, 0, -2}, Upper: []float64{1, 2, 1, 0},
	}
}

func within(t *testing.T, text string, box lp.Description) (*lp.Polytope, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadFileWithin(path, box)
}

// Entities and bounds are those of the box where a file does not state them.
func TestReadFileWithin(t *testing.T) {
	p, err := within(t, "bounds: {a1: [-0.5, .inf], a3: [null, -1]}\nconstraints: [a0 + a1 <= 1]", testBox())
	if err != nil {
		t.Fatal(err)
	}
	l, u := p.Bounds()
	if !slices.Equal(l, []float64{-1, -0.5, 0, -2}) || !slices.Equal(u, []float64{1, 2, 1, -1}) {
		t.Errorf("bounds %v %v", l, u)
	}
	if _, rhs, _ := p.Equalities(); len(rhs) != 0 {
		t.Errorf("equalities %v", rhs)
	}
	if p, err = within(t, "entities: [N, E, S, W]\ntotal: 1", testBox()); err != nil || strings.Join(p.Entities(), "") != "NESW" {
		t.Errorf("%v, %v", p, err)
	}
	for text, want := range map[string]string{
		"bounds: {a2: [-0.1, 1]}":                      "limits.yaml:1: bounds of a2: [-0.1, 1] reaches beyond [0, 1], which it can be",
		"entities: [a, b]":                             "limits.yaml:1: entities: 2 are listed, the box has 4",
		"points: [[0, 0, 0, 0]]":                       "points describe a polytope of their own",
		"generate: {method: points, entities: 4}":      "generate describe a polytope of their own",
		"constraints: [{abs: {a0: 1}, min: 1}]":        "abs goes with max",
		"constraints: [{abs: {a0: -1}, max: 1}]":       "the weight of a0 is -1: 0 or more is allowed",
		"constraints: [{abs: {a0: 1}, expr: a0 <= 1}]": "abs goes with coefficients",
		"constraints: [{abs: {b: 1}, max: 1}]":         `unknown name "b"`,
	} {
		if _, err := within(t, text, testBox()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A sum of magnitudes is limited where it is, and nowhere else.
func TestAbs(t *testing.T) {
	w := []float64{1, 2, 0.5, 3}
	p, err := within(t, "constraints: [{name: power, abs: {a0: 1, a1: 2, a2: 0.5, a3: 3}, max: 2.5}]", testBox())
	if err != nil {
		t.Fatal(err)
	}
	// a2 is never below 0 and a3 never above. The signs of a0 change first.
	a, _, names := p.Inequalities()
	if want := []float64{1, 2, 0.5, -3, -1, 2, 0.5, -3, 1, -2, 0.5, -3, -1, -2, 0.5, -3}; !slices.Equal(a, want) || names[2] != "power (3)" {
		t.Errorf("rows %q %v, want %v", names, a, want)
	}
	r := rand.New(rng.New(1, "abs"))
	box := testBox()
	inside := 0
	for range 2000 {
		a, sum := make([]float64, 4), 0.
		for j := range a {
			a[j] = box.Lower[j] + r.Float64()*(box.Upper[j]-box.Lower[j])
			sum += w[j] * math.Abs(a[j])
		}
		if got, want := p.Residual(a, nil) <= 0, sum <= 2.5; got != want {
			t.Fatalf("%v with a sum of %v: inside is %v", a, sum, got)
		} else if got {
			inside++
		}
	}
	if inside < 100 || inside > 1900 {
		t.Errorf("%d of 2000 inside", inside)
	}
	many := testBox()
	many.Entities, many.Lower, many.Upper = nil, nil, nil
	var list []string
	for _, c := range "abcdefghi" {
		many.Entities, many.Lower, many.Upper = append(many.Entities, string(c)), append(many.Lower, -1), append(many.Upper, 1)
		list = append(list, string(c)+": 1")
	}
	if p, err = within(t, "constraints: [{name: power, abs: {"+strings.Join(list, ", ")+"}, max: 2}]", many); err != nil {
		t.Fatal(err)
	}
	if _, b, _ := p.Inequalities(); len(b) != 1 || len(p.Terms(0)) != 9 {
		t.Errorf("%d rows and %d terms of 9 entities", len(b), len(p.Terms(0)))
	}
	corner := []float64{1, -1, 0, 0, 0, 0, 0, 0, 0}
	if r, name := p.WorstConstraint(corner, nil); math.Abs(r) > 1e-15 {
		t.Errorf("residual %g of %s on the boundary", r, name)
	}
	corner[8] = -0.1
	if r, name := p.WorstConstraint(corner, nil); name != "power" || r <= 0 {
		t.Errorf("residual %g of %s outside", r, name)
	}
}

// Limits beside those of a polytope: bounds that a file does not have stay, rows come after the
// others under a name of their own, and nothing may be looser.
func TestReadFileBeside(t *testing.T) {
	own, err := Parse("own", []byte("entities: [CASH, A, B]\nbounds: {default: [-0.1, 0.6], CASH: [0, 1]}\nholdings: {CASH: 1}\nconstraints: [{name: trade, expr: turnover(ALL) <= 0.4}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) (*lp.Polytope, error) {
		file := filepath.Join(t.TempDir(), "also.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadFileBeside(file, own)
	}
	p, err := read("bounds: {A: [0, 0.05]}\nconstraints: [{name: trade, expr: turnover(B) <= 0.1}, A + B <= 0.3]\n")
	if err != nil {
		t.Fatal(err)
	}
	lower, upper := p.Bounds()
	_, b, names := p.Inequalities()
	if !slices.Equal(lower, []float64{0, 0, -0.1}) || !slices.Equal(upper, []float64{1, 0.05, 0.6}) || !slices.Equal(names, []string{"trade", "trade #2", "A + B <= 0.3"}) ||
		!slices.Equal(b, []float64{0.4, 0.1, 0.3}) || len(p.Terms(0)) != 3 || len(p.Terms(1)) != 1 {
		t.Errorf("%v, %v, %v, %v", lower, upper, names, b)
	}
	for text, want := range map[string]string{
		"bounds: {A: [0, 0.7]}\n":    "also.yaml:1: bounds of A: [0, 0.7] reaches beyond [-0.1, 0.6], which it can be",
		"constraints: [A >= 0.7]\n":  "also.yaml: the limits leave nothing: no allocation satisfies",
		"constraints: [AA <= 0.7]\n": `unknown name "AA"`,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
