package constraints

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

const termsFile = `entities: [CASH, MSFT, AAPL, IBM]
groups: {STOCKS: [MSFT, AAPL, IBM]}
holdings: {CASH: 0.4, MSFT: 0.3, AAPL: 0.3}
bounds: {default: [-0.5, 1], CASH: [0, 1]}
constraints:
  - CONSTRAINT
`

func parseTerms(t *testing.T, constraint string) (*lp.Polytope, error) {
	t.Helper()
	return Parse("f.yaml", []byte(strings.Replace(termsFile, "CONSTRAINT", constraint, 1)))
}

// TestTermFunctions compares, at some points, the functions of an expression with formulas of what they
// mean.
func TestTermFunctions(t *testing.T) {
	held := []float64{0.4, 0.3, 0.3, 0}
	abs, above := math.Abs, func(x float64) float64 { return max(0, x) }
	for text, value := range map[string]func(a []float64) float64{
		"turnover(STOCKS) <= 0.7": func(a []float64) float64 { return abs(a[1]-held[1]) + abs(a[2]-held[2]) + abs(a[3]) },
		"turnover(ALL)/2 <= 0.7": func(a []float64) float64 {
			return (abs(a[0]-held[0]) + abs(a[1]-held[1]) + abs(a[2]-held[2]) + abs(a[3])) / 2
		},
		"0.7 >= 2*bought(MSFT) + sold(AAPL)": func(a []float64) float64 { return 2*above(a[1]-held[1]) + above(held[2]-a[2]) },
		"leverage(ALL) <= 0.7":               func(a []float64) float64 { return abs(a[0]) + abs(a[1]) + abs(a[2]) + abs(a[3]) },
		"long(STOCKS) - 0.5*CASH <= 0.7":     func(a []float64) float64 { return above(a[1]) + above(a[2]) + above(a[3]) - 0.5*a[0] },
		"-short(STOCKS) - MSFT >= -0.7":      func(a []float64) float64 { return above(-a[1]) + above(-a[2]) + above(-a[3]) + a[1] },
	} {
		p, err := parseTerms(t, "{name: limit, expr: \""+text+"\"}")
		if text == "leverage(ALL) <= 0.7" { // the total is 1
			if err == nil || !strings.Contains(err.Error(), "limit") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		_, b, _ := p.Inequalities()
		rows, _ := p.RowSizes()
		for _, a := range [][]float64{{2, -3, 1, 1}, {-1, 1, 2, -1}, {0.1, 0.2, 5, -4.3}} {
			dst := make([]float64, p.Constraints())
			p.Excesses(a, nil, dst)
			if want := max(0, (value(a)-b[0])/max(math.Abs(b[0]), rows[0])); math.Abs(dst[0]-want) > 1e-12 {
				t.Errorf("%s at %v: excess %v, want %v", text, a, dst[0], want)
			}
		}
		var out bytes.Buffer
		if err := Write(&out, p); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("f.yaml", out.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if again.Hash() != p.Hash() {
			t.Errorf("%s is another polytope once it is written: %s\n%s", text, again.Difference(p), &out)
		}
		plain, err := parseTerms(t, "CASH <= 0.9")
		if err != nil {
			t.Fatal(err)
		}
		if plain.Hash() == p.Hash() || p.Difference(plain) == "" {
			t.Error("the hash leaves terms out")
		}
	}
}

// TestManyMagnitudes reads a sum of 13 magnitudes, which has more choices of signs than one constraint
// may have rows.
func TestManyMagnitudes(t *testing.T) {
	names, sum := make([]string, 13), make([]string, 13)
	for j := range names {
		names[j] = "X" + string(rune('a'+j))
		sum[j] = "abs(2*" + names[j] + " - 0.2)"
	}
	p, err := Parse("f.yaml", []byte("entities: ["+strings.Join(names, ", ")+"]\nconstraints: [\""+strings.Join(sum, " + ")+" <= 1.3\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, b, _ := p.Inequalities()
	if len(b) != 1 || len(p.Terms(0)) != 13 {
		t.Fatalf("%d rows, %d terms", len(b), len(p.Terms(0)))
	}
	for _, x := range p.Terms(0) {
		if x.Above != 2 || x.Below != 2 || x.From != 0.1 || x.Holding {
			t.Errorf("%+v", x)
		}
	}
	// 1/13 each is 0.0231 from 0.1 and below it, so that the sum is 0.6; what moves from one entity
	// to another costs nothing below 0.1 and 4 times as much above.
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.1 + (1.3-0.6)/4; math.Abs(hi[0]-want) > 1e-12 || lo[0] != 0 {
		t.Errorf("%v .. %v, want 0 .. %v", lo[0], hi[0], want)
	}
}

// TestManyDifferences reads a sum of ten magnitudes of differences and a maximum, and compares
// extremes, values and what is written with what they mean.
func TestManyDifferences(t *testing.T) {
	names := make([]string, 11)
	for j := range names {
		names[j] = "X" + string(rune('a'+j))
	}
	sum := []string{"max(Xa + 0.1, 2*Xb)"}
	for j := range 10 {
		sum = append(sum, "abs("+names[j]+" - "+names[j+1]+")")
	}
	value := func(a []float64) (v float64) {
		for j := range 10 {
			v += math.Abs(a[j] - a[j+1])
		}
		return v
	}
	file := "entities: [" + strings.Join(names, ", ") + "]\ntotal: 1\nconstraints: [\"" + strings.Join(sum[1:], " + ") + " <= 0.4\"]\n"
	p, err := Parse("f.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if _, b, _ := p.Inequalities(); len(b) != 1 || len(p.Terms(0)) != 10 {
		t.Fatalf("%d rows, %d terms", len(b), len(p.Terms(0)))
	}
	// The first is largest where all others are the same, y: x - y = 0.4 and x + 10 y = 1. One in
	// the middle counts twice.
	_, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(hi[0]-5./11) > 1e-12 || math.Abs(hi[10]-5./11) > 1e-12 || math.Abs(hi[5]-3./11) > 1e-12 {
		t.Errorf("at most %v, want 5/11 at the ends and 3/11 between", hi)
	}
	p, err = Parse("f.yaml", []byte(strings.Replace(file, "[\"", "[\""+sum[0]+" + ", 1)))
	if err != nil {
		t.Fatal(err)
	}
	value = func(of func([]float64) float64) func([]float64) float64 {
		return func(a []float64) float64 { return of(a) + max(a[0]+0.1, 2*a[1]) - 0.4 }
	}(value)
	a, b, _ := p.Inequalities()
	r := rand.New(rng.New(1, "differences"))
	for range 100 {
		x := make([]float64, 11)
		for j := range x {
			x[j] = r.NormFloat64()
		}
		got := -b[0]
		for j, v := range x {
			got += a[j] * v
		}
		for _, term := range p.Terms(0) {
			got += term.Value(x, nil)
		}
		if want := value(x); math.Abs(got-want) > 1e-12 {
			t.Fatalf("row at %v is %v, want %v", x, got, want)
		}
	}
	var out bytes.Buffer
	if err := Write(&out, p); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("f.yaml", out.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if again.Hash() != p.Hash() {
		t.Errorf("another polytope once it is written: %s\n%s", again.Difference(p), &out)
	}
}

// A ticker or a group with the name of all entities does not take the word over without a word.
func TestTermsOfALL(t *testing.T) {
	const want = "f.yaml:4: %s, expr: ALL stands for all entities here, but an entity or a group has that name too"
	for _, names := range []string{"entities: [CASH, MSFT, ALL]\ngroups: {G: [MSFT]}", "entities: [CASH, MSFT, IBM]\ngroups: {ALL: [MSFT]}"} {
		for _, f := range []string{"turnover", "bought", "sold", "leverage", "long", "short"} {
			_, err := Parse("f.yaml", fmt.Appendf(nil, "%s\nholdings: {CASH: 1}\nconstraints: [{name: limit, expr: %s(ALL) <= 0.4}]\n", names, f))
			if want := fmt.Sprintf(want, "constraint limit"); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s of %s: %v, want %s", f, names, err, want)
			}
		}
	}
	bought := func(expr string) *lp.Polytope {
		t.Helper()
		p, err := Parse("f.yaml", fmt.Appendf(nil, "entities: [CASH, MSFT, ALL]\nholdings: {CASH: 1}\nconstraints: [{name: limit, expr: \"%s <= 0.4\"}]\n", expr))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := bought("bought(`ALL`)")
	for _, at := range []struct{ msft, all, excess float64 }{{0.5, 0.4, 0}, {0, 0.5, 0.1}} {
		if got, _ := p.WorstExcess([]float64{1 - at.msft - at.all, at.msft, at.all}, nil); math.Abs(max(0, got)-at.excess) > 1e-12 {
			t.Errorf("%+v: %g", at, got)
		}
	}
	// What is written has quotes too, and is read as the same.
	text := Inequality(p, 0)
	if text != "bought(`ALL`)" || bought(text).Hash() != p.Hash() {
		t.Errorf("written as %s", text)
	}
	bought("ALL")
}

// Neither takes an entity or a group over the bounds of all others.
func TestBoundsOfDefault(t *testing.T) {
	for _, names := range []string{"entities: [CASH, MSFT, default]\ngroups: {G: [MSFT]}", "entities: [CASH, MSFT, IBM]\ngroups: {default: [MSFT]}"} {
		_, err := Parse("f.yaml", fmt.Appendf(nil, "%s\nbounds:\n  default: [0, 0.4]\n", names))
		if want := "f.yaml:4: bounds: default stands for all others here, but an entity or a group has that name too"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", names, err, want)
		}
	}
	p, err := Parse("f.yaml", []byte("entities: [CASH, MSFT, default]\nbounds: {\"`default`\": [0, 0.4]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, upper := p.Bounds(); upper[2] != 0.4 || upper[1] == 0.4 {
		t.Errorf("upper bounds %v", upper)
	}
	var text bytes.Buffer
	if err := Write(&text, p); err != nil {
		t.Fatal(err)
	}
	if q, err := Parse("f.yaml", text.Bytes()); err != nil || q.Hash() != p.Hash() {
		t.Errorf("%s is read with %v", &text, err)
	}
}

func TestTermErrors(t *testing.T) {
	for text, want := range map[string]string{
		"turnover(STOCKS) >= 0.2":         "turnover(...) can be limited only from above",
		"turnover(STOCKS) = 0.2":          "turnover(...) has no =",
		"0.1 <= long(STOCKS) <= 0.2":      "long(...) is limited from both sides by a chain",
		"MSFT - short(AAPL) <= 0.2":       "short(...) can be limited only from above, as in short(ALL) <= 0.2: the set of allocations would not be convex (character 8",
		"turnovr(STOCKS) <= 0.2":          `unknown function "turnovr" (did you mean turnover?); known are abs, bought, leverage, long, max, min, short, sold, turnover (character 1`,
		"turnover(STOKS) <= 0.2":          `unknown name "STOKS" (did you mean STOCKS?)`,
		"turnover(MSFT + AAPL) <= 0.2":    "turnover(...) takes the name of an entity or a group, or ALL",
		"turnover() <= 0.2":               "takes the name of an entity or a group, or ALL",
		"max(turnover(MSFT), 0.1) <= 0.2": "turnover(...) cannot stand inside max(...)",
		"MSFT*turnover(AAPL) <= 0.2":      "a product of two entities is not linear",
		"{max: 0.2, coefficients: {}, terms: [{entity: MSFT, above: -1}]}":               "term 1, above: -1 is below 0",
		"{equal: 0.2, coefficients: {}, terms: [{entity: MSFT, above: 1}]}":              "equal cannot stand with terms",
		"{min: 0.2, max: 1, coefficients: {}, terms: [{entity: MSFT, above: 1}]}":        "terms go with max, and with neither min nor equal",
		"{max: 1, coefficients: {}, terms: [{entity: STOCKS, above: 1}]}":                "STOCKS is a group where an entity is expected",
		"{max: 1, coefficients: {}, terms: [{above: 1}]}":                                "it needs an entity, or a sum",
		"{max: 1, coefficients: {}, terms: [{above: 1, sum: {MSFT: 0}}]}":                "all coefficients of the sum are 0",
		"{max: 1, coefficients: {}, terms: [{above: 1, sum: {MST: 1}}]}":                 "term 1, sum: unknown name",
		"{max: 1, coefficients: {}, terms: [{above: 1, sum: {MSFT: 1}, holding: true}]}": "a sum counts from a number, not from what is held",
		"{max: 1, coefficients: {}, terms: [{entity: MSFT, holding: 2, above: 1}]}":      "holding: true or false is expected",
		"{max: 1, coefficients: {}, terms: {MSFT: 1}}":                                   "a list is expected",
	} {
		if !strings.HasPrefix(text, "{") {
			text = "\"" + text + "\""
		}
		if _, err := parseTerms(t, text); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml:6: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := Parse("f.yaml", []byte("entities: [A, B]\nconstraints: [turnover(A) <= 0.1]\n"))
	if err == nil || !strings.Contains(err.Error(), "holdings: {A: 1}") {
		t.Errorf("%v", err)
	}
	// The conflict names the row, not what stands for its terms.
	_, err = parseTerms(t, "turnover(ALL) <= 0.1\n  - MSFT >= 0.6")
	if err == nil || !strings.Contains(err.Error(), "turnover(ALL) <= 0.1; MSFT >= 0.6") || strings.Contains(err.Error(), "part") {
		t.Errorf("%v", err)
	}
}

// A sum of magnitudes is a sum where the file's bounds keep the sign of every entity, so that
// limits of a state that let one cross 0 would break the row unseen.
func TestLimitsOfAStateKeepTheSignsThatRowsCountBy(t *testing.T) {
	p, err := Parse("x.yaml", []byte(`
entities: [A, B, C, D]
bounds: {A: [0, 2], B: [0, 2], C: [-1, 0], D: [-1, 1]}
total: 1
constraints: ["leverage(ALL) <= 1.5", "long(A) <= 1"]
`))
	if err != nil {
		t.Fatal(err)
	}
	own := func(change func(lower, upper []float64)) *lp.Limits {
		lim := &lp.Limits{Lower: []float64{0, 0, -1, -1}, Upper: []float64{2, 2, 0, 1}}
		change(lim.Lower, lim.Upper)
		return lim
	}
	for _, c := range []struct {
		lim  *lp.Limits
		want string
	}{
		{own(func(l, u []float64) {}), ""},
		{own(func(l, u []float64) { l[0], u[2], l[3], u[3] = 0.5, -0.5, -9, 9 }), ""},
		{own(func(l, u []float64) { l[1] = -1 }), `Lower of the limits is -1 for entity "B", which row "leverage(ALL) <= 1.5" counts by the sign that its own bounds [0, 2] give it: widen these where a state may go across 0`},
		{own(func(l, u []float64) { u[2] = 0.25 }), `Upper of the limits is 0.25 for entity "C", which row "leverage(ALL) <= 1.5" counts by the sign that its own bounds [-1, 0] give it: widen these where a state may go across 0`},
	} {
		got := ""
		if err := p.CheckLimits(c.lim); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.lim, got, c.want)
		}
	}
}
