package constraints

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
	"paspo/lp"
)

// roundTrip writes p and reads it back.
func roundTrip(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *lp.Polytope) (*lp.Polytope, string) {
	t.Helper()
	var buf bytes.Buffer
	if err := Write(&buf, p); err != nil {
		t.Fatalf("%v", err)
	}
	q, err := Parse("x.yaml", buf.Bytes())
	if err != nil {
		t.Fatalf("%v in\n%s", err, buf.String())
	}
	if p.Hash() != q.Hash() {
		t.Fatalf("another hash after\n%s", buf.String())
	}
	return q, buf.String()
}

func TestWriteYAMLPresets(t *testing.T) {
	for _, name := range PresetNames() {
		entities := 0
		if name == "unconstrained" {
			entities = 40
		}
		p, err := Preset(name, entities)
		if err != nil {
			t.Fatal(err)
		}
		q, text := roundTrip(t, p)
		if q.Name() != name {
			t.Errorf("%s: name %q", name, q.Name())
		}
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 200 {
				t.Errorf("%s: a line of %d characters", name, len(line))
			}
		}
		if p.Points() != nil {
			continue // the rows are computed anew
		}
		_, _, names := p.Inequalities()
		_, _, again := q.Inequalities()
		if !slices.Equal(names, again) {
			t.Errorf("%s: rows %q became %q", name, names, again)
		}
	}
}

func TestWriteYAMLText(t *testing.T) {
	p, err := Parse("dir/fund.yaml", []byte(handWritten))
	if err != nil {
		t.Fatal(err)
	}
	_, text := roundTrip(t, p)
	const want = `name: my fund

# An allocation gives every entity a number, in this order.
entities: [CASH, MSFT, AMZN, BRK.B, Fund 1, "NO", "7203"]

# The sum of all entities; none: no budget.
total: 1

# The least and the largest share of an entity; [0, .inf] where it is not listed.
bounds:
  CASH: [0.05, .inf]
  MSFT: [0, 0.3]
  "NO": [-0.1, .inf]

# Each is an expr with <=, >= or =, or coefficients with min, max or equal.
constraints:
  - name: tech
    expr: "2*CASH + MSFT + AMZN <= 0.4"
  - name: "0.1 <= TECH <= 0.35"
    expr: "0.1 <= MSFT + AMZN <= 0.35"
  - name: r2
    expr: "0.1 <= 2*MSFT + 0.5*BRK.B + 0.5*` + "`7203`" + ` <= 0.5"
  - name: r3
    expr: "CASH - 2*MSFT <= 0"
  - name: fund
    expr: "-MSFT - 0.5*BRK.B + 2*` + "`Fund 1`" + ` >= -1"
  - name: even
    expr: "NO - ` + "`7203`" + ` = 0"
`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// A hull that is written without facets is read without them.
func TestWriteYAMLHullWithoutFacets(t *testing.T) {
	p, err := Parse("hull.yaml", []byte("generate: {method: points, entities: 10, points: 60, seed: 1}\nfacet_effort: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	q, text := roundTrip(t, p)
	if !p.HullOnly() || !q.HullOnly() {
		t.Errorf("without facets: %v, and read again %v from\n%s", p.HullOnly(), q.HullOnly(), text)
	}
}

// A random polytope with random names is the same after it is written and read.
func TestWriteYAMLRoundTrip(t *testing.T) {
	name := rapid.Custom(func(t *rapid.T) string {
		return rapid.OneOf(
			rapid.SampledFrom([]string{"NO", "y", "~", "null", "1e3", "3M", "BRK.B", "Fund 1", "a: b", "#x", "- x", "*a", "&a", "`q`", `"q"`, "'q'", "`\"'", "{", "[", ",", "!x", "%", "@", ".inf", "=", "a #b", `\`, `\n`, "ß", "日本", "none", "<<"}),
			rapid.StringOfN(rapid.RuneFrom([]rune("aB1 .-+*/()<>=:#'\"`\\,[]{}&!|%@~?ü")), 1, 8, -1),
		).Draw(t, "name")
	}).Filter(func(s string) bool { return lp.CheckName(s) == nil })
	rapid.Check(t, func(t *rapid.T) {
		d := drawBoxAndRows(t)
		d.Entities = rapid.SliceOfNDistinct(name, len(d.Entities), len(d.Entities), rapid.ID[string]).Draw(t, "entities")
		d.Name = name.Draw(t, "name")
		names := rapid.SliceOfNDistinct(name, len(d.Rows), len(d.Rows), rapid.ID[string]).Draw(t, "row names")
		for k := range d.Rows {
			d.Rows[k].Name = names[k]
			d.Rows[k].Coef[0] += rapid.Float64Range(-1, 1).Draw(t, "odd digits")
		}
		p, err := lp.New(d)
		if err != nil {
			t.Skip() // rounding made it empty
		}
		q, text := roundTrip(t, p)
		if p.Name() != q.Name() || !reflect.DeepEqual(p.Description().Rows, q.Description().Rows) {
			t.Fatalf("other names after\n%s", text)
		}
	})
}

func TestHash(t *testing.T) {
	base := func() lp.Description {
		return lp.Description{
			Name: "p", Entities: []string{"A", "B"}, Total: 1, Upper: []float64{1, 0.9},
			Rows: []lp.Row{{Name: "r", Coef: []float64{1, 0}, Min: math.Inf(-1), Max: 0.8}},
		}
	}
	hash := func(change func(*lp.Description)) string {
		d := base()
		change(&d)
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash()
	}
	same := hash(func(*lp.Description) {})
	if len(same) != 64 {
		t.Errorf("hash %q", same)
	}
	for what, change := range map[string]func(*lp.Description){
		"name":        func(d *lp.Description) { d.Name = "q" },
		"row name":    func(d *lp.Description) { d.Rows[0].Name = "s" },
		"zero's sign": func(d *lp.Description) { d.Rows[0].Coef[1] = math.Copysign(0, -1) },
	} {
		if hash(change) != same {
			t.Errorf("%s changes the hash", what)
		}
	}
	seen := map[string]string{same: "nothing"}
	for what, change := range map[string]func(*lp.Description){
		"entity":       func(d *lp.Description) { d.Entities[1] = "C" },
		"total":        func(d *lp.Description) { d.Total = 1.1 },
		"lower":        func(d *lp.Description) { d.Lower = []float64{0, 0.1} },
		"upper":        func(d *lp.Description) { d.Upper[1] = 0.95 },
		"no upper":     func(d *lp.Description) { d.Upper = nil },
		"coefficient":  func(d *lp.Description) { d.Rows[0].Coef[1] = 1e-300 },
		"limit":        func(d *lp.Description) { d.Rows[0].Max = 0.81 },
		"side":         func(d *lp.Description) { d.Rows[0].Min = 0 },
		"equality":     func(d *lp.Description) { d.Rows[0].Min = 0.8 },
		"another row":  func(d *lp.Description) { d.Rows = append(d.Rows, lp.Row{Coef: []float64{0, 1}, Min: 0.1, Max: 0.7}) },
		"points":       func(d *lp.Description) { d.Points = [][]float64{{0.5, 0.5}, {0.4, 0.6}} },
		"other points": func(d *lp.Description) { d.Points = [][]float64{{0.5, 0.5}, {0.3, 0.7}} },
	} {
		h := hash(change)
		if seen[h] != "" {
			t.Errorf("%s and %s have the same hash", what, seen[h])
		}
		seen[h] = what
	}
}

// drawBoxAndRows draws bounds and rows that a point satisfies.
func drawBoxAndRows(t *rapid.T) lp.Description {
	n := rapid.IntRange(1, 7).Draw(t, "entities")
	number := rapid.Custom(func(t *rapid.T) float64 {
		return float64(rapid.IntRange(-8, 8).Draw(t, "n")) / float64(rapid.SampledFrom([]int{1, 2, 5, 10}).Draw(t, "d"))
	})
	d := lp.Description{Entities: make([]string, n), Total: math.NaN(), Lower: make([]float64, n), Upper: make([]float64, n)}
	inside := make([]float64, n)
	for j := range n {
		inside[j] = number.Draw(t, "x")
		d.Lower[j], d.Upper[j] = inside[j]-math.Abs(number.Draw(t, "below")), inside[j]+math.Abs(number.Draw(t, "above"))
	}
	if rapid.Bool().Draw(t, "budget") {
		d.Total = floats.Sum(inside)
	}
	for range rapid.IntRange(0, 5).Draw(t, "rows") {
		r := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1), Max: math.Inf(1)}
		for j := range n {
			r.Coef[j] = number.Draw(t, "c")
		}
		ax, slack := floats.Dot(r.Coef, inside), math.Abs(number.Draw(t, "slack"))
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			r.Max = ax + slack
		case 1:
			r.Min = ax - slack
		default:
			r.Min, r.Max = ax-slack, ax+1
		}
		d.Rows = append(d.Rows, r)
	}
	return d
}

func TestExpression(t *testing.T) {
	names := []string{"A", "B", "C"}
	for want, coef := range map[string][]float64{
		"A + 2*B - C":    {1, 2, -1},
		"-A - 0.5*C":     {-1, 0, -0.5},
		"0":              {0, 0, 0},
		"B":              {0, 1, 0},
		"-2*B + 1e-05*C": {0, -2, 1e-5},
	} {
		if got := Expression(coef, names); got != want {
			t.Errorf("%v is %q, want %q", coef, got, want)
		}
	}
}
