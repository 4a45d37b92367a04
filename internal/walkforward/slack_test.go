package walkforward

import (
	"fmt"
	"math"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
)

// A constraint of several rows is one limit, as far as the closest of them, and the price of it is that of loosening all.
func TestSlacksOfConstraints(t *testing.T) {
	p, err := constraints.Parse("limits.yaml", []byte(`
entities: [CASH, MSFT, AAPL]
constraints:
  - {name: near, expr: "abs(MSFT - 0.1) <= 0.08"}
  - {name: even, expr: "abs(MSFT - AAPL) <= 0.25"}
  - {name: tech (old), expr: "MSFT + AAPL <= 0.4"}
  - {name: some, expr: "min(MSFT, AAPL) >= 0.01"}
  - {name: both, expr: "0.1 <= AAPL + CASH <= 0.95"}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := Slacks(p, []float64{0.8, 0.15, 0.05}, nil)
	want := []Slack{{"near", 0.03}, {"even", 0.15}, {"tech (old)", 0.2}, {"some", 0.04}, {"both <= 0.95", 0.1}, {"both >= 0.1", 0.75}}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i, w := range want {
		if got[i].Name != w.Name || math.Abs(got[i].Slack-w.Slack) > 1e-12 {
			t.Errorf("%v, want %v", got[i], w)
		}
	}
}

// That a group is at least 0 is no limit where nothing in it can be less, and one where something can.
func TestSlacksWithoutImplied(t *testing.T) {
	for bounds, want := range map[string]string{
		"{default: [0, 0.6], G: [0, 0.5]}":    "[{G <= 0.5 0.25} {CASH <= 0.6 0.1} {A <= 0.6 0.4} {B <= 0.6 0.55}]",
		"{default: [0, 0.6], G: [0.1, 1.5]}":  "[{G >= 0.1 0.15} {CASH <= 0.6 0.1} {A <= 0.6 0.4} {B <= 0.6 0.55}]",
		"{default: [-0.1, 1], G: [0, null]}":  "[{G 0.25} {CASH >= -0.1 0.6} {A >= -0.1 0.3} {B >= -0.1 0.15}]",
		"{default: [0, 0.2], CASH: [0.6, 1]}": "[{CASH >= 0.6 -0.1} {A <= 0.2 0} {B <= 0.2 0.15}]",
	} {
		p, err := constraints.Parse("limits.yaml", []byte("entities: [CASH, A, B]\ngroups: {G: [A, B]}\nbounds: "+bounds+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := Slacks(p, []float64{0.5, 0.2, 0.05}, nil)
		for i := range got {
			got[i].Slack = Rounded(got[i].Slack, 0.01)
		}
		if text := fmt.Sprint(got); text != want {
			t.Errorf("%s: %s, want %s", bounds, text, want)
		}
	}
}

// Where rows of one constraint bind together its price is their sum: of a cap on the larger of two assets, loosening
// both is what pays.
func TestPriceOfSeveralRows(t *testing.T) {
	const file = `
entities: [CASH, A, B]
constraints:
  - {name: cap, expr: "max(A, B) <= %g"}
`
	growth := [][]float64{{1, 1.03, 1.02}, {1, 1.02, 1.03}, {1, 1.01, 1.01}}
	best := func(limit float64) (*lp.Polytope, []float64) {
		p, err := constraints.Parse("limits.yaml", fmt.Appendf(nil, file, limit))
		if err != nil {
			t.Fatal(err)
		}
		a, err := bestConstant(unborrowed(p), []float64{1, 0, 0}, growth)
		if err != nil {
			t.Fatal(err)
		}
		return p, a
	}
	grown := func(a []float64) (s float64) {
		for _, row := range growth {
			g := 0.
			for i, v := range row {
				g += v * a[i]
			}
			s += math.Log(g) / float64(len(growth))
		}
		return s
	}
	p, a := best(0.3)
	prices, residual, err := shadowPrices(p, a, slope(a, growth, 1))
	if err != nil || !(residual < 1e-6) {
		t.Fatalf("residual %v, %v", residual, err)
	}
	const h = 1e-3
	_, looser := best(0.3 + h)
	if got, want := prices["cap"].least, (grown(looser)-grown(a))/h; !(want > 0.03) || math.Abs(got-want) > 1e-3*want {
		t.Errorf("the price is %v, a looser cap earns %v", got, want)
	}
}
