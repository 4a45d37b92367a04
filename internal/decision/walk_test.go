package decision

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
)

func parsed(t *testing.T, text string) *lp.Polytope {
	t.Helper()
	p, err := constraints.Parse("l", []byte("entities: [CASH, A, B, C]\nholdings: {CASH: 1}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// By hand: which limits of a walk others leave out or loosen, and to what. Limits that others imply, as
// caps that add up to less, are neither.
func TestLooser(t *testing.T) {
	own := parsed(t, "groups: {G: [A, B]}\nbounds: {default: [-0.1, 0.3], CASH: [0.1, 1], G: [null, 0.4]}\nconstraints: [{name: trade, expr: turnover(ALL) <= 0.2}, {name: gross, expr: leverage(ALL) <= 1.3}]\n")
	for text, want := range map[string]string{
		"bounds: {default: [-0.1, 0.3], CASH: [0.2, 1]}\nconstraints: [A + B <= 0.3, turnover(ALL) <= 0.1, leverage(ALL) <= 1.3]": "",
		"bounds: {default: [0, 0.2], CASH: [0.1, 1]}\nconstraints: [turnover(ALL) <= 0.3]":                                        "trade <= 0.2: 0.3",
		"bounds: {default: [-0.1, 0.2], CASH: [0.1, 1]}\nconstraints: [leverage(ALL) <= 1.4]":                                     "trade <= 0.2: none; gross <= 1.3: 1.4",
		"bounds: {default: [-0.2, 0.2], CASH: [0, 1.2]}\nconstraints: [leverage(ALL) <= 1.3]":                                     "trade <= 0.2: none; A >= -0.1: -0.15; B >= -0.1: -0.15; C >= -0.1: -0.15; CASH <= 1: 1.15",
		"bounds: {default: [-0.1, 0.2], CASH: [0, 1]}":                                                                            "trade <= 0.2: none; gross <= 1.3: none",
		"bounds: {default: [-0.1, 0.2], CASH: [0, 1]}\nconstraints: [short(ALL) <= 0.1, turnover(A) <= 0]":                        "trade <= 0.2: none; gross <= 1.3: none",
		"bounds: {A: [0, 0.05]}\nconstraints: [turnover(ALL) <= 0]":                                                               "G <= 0.4: 1; B <= 0.3: 1; C <= 0.3: 1; CASH >= 0.1: 0",
	} {
		got, err := looser(own, parsed(t, text))
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]bool{}
		for _, l := range got {
			today := "none"
			if l.Today != nil {
				today = fmt.Sprintf("%.4g", *l.Today+0)
			}
			words[l.Name+": "+today] = true
		}
		n := 0
		for w := range strings.SplitSeq(want, "; ") {
			if w != "" {
				n++
			}
			if w != "" && !words[w] {
				t.Errorf("%s: %q is missing from %v", text, w, words)
			}
		}
		if len(words) != n {
			t.Errorf("%s: %v, want %s", text, words, want)
		}
	}
}

// By hand: what a decision says of limits of the walk that it breaks, and of what is short.
func TestSides(t *testing.T) {
	own := parsed(t, "groups: {G: [A, B]}\nbounds: {default: [-0.1, 0.3], CASH: [0, 1], G: [null, 0.4]}\nconstraints: [{name: trade, expr: turnover(ALL) <= 0.2}]\n")
	h, a := []float64{1, 0, 0, 0}, []float64{0.45, 0.35, 0.25, -0.05}
	var d Decision
	for i, name := range own.Entities() {
		d.Lines = append(d.Lines, Holding{Name: name, Price: 1, Held: h[i], Now: h[i], Order: a[i] - h[i], After: a[i], Weight: a[i]})
	}
	d.limits(own, a, h)
	d.sides(0, own)
	if math.Abs(d.Turnover-1.2) > 1e-12 || math.Abs(d.Long-0.6) > 1e-12 || math.Abs(d.Short-0.05) > 1e-12 || math.Abs(d.Gross-0.65) > 1e-12 {
		t.Errorf("%+v", d)
	}
	if b := broken(own, a, h); len(b) != 3 { // the cap of A, that of the group, and turnover
		t.Errorf("%v", b)
	}
	d.Breaks = broken(own, a, h)
	var text, orders strings.Builder
	if err := d.Write(&text); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteOrders(&orders); err != nil || orders.String() != "buy 0.35 A\nbuy 0.25 B\nsell 0.05 C (short)\n" {
		t.Errorf("%v, %s", err, orders.String())
	}
	for _, want := range []string{
		"\nturnover, cash included: 1.2000; trade counts 1.2000 of 0.2\n", "\nexposure without cash: gross 0.6500, long 0.6000, short 0.0500\n", "sell 0.05 (short)",
		"\nwhat is held breaks: G <= 0.4 by 0.2; trade <= 0.2 by 1; A <= 0.3 by 0.05\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in %s", want, text.String())
		}
	}
}

// Whole shares have all their digits, and money has cents and no sign where it is nothing.
func TestAmountsAreWritten(t *testing.T) {
	d := Decision{Lines: []Holding{
		{Name: "CASH", Price: 1, Held: 1000, Order: -1e-13, After: 854188423912.345},
		{Name: "A", Price: 1, Order: 27914514051, After: 27914514051},
		{Name: "B", Price: 1, Held: 1. / 3, Order: -1. / 3},
	}}
	var text strings.Builder
	if err := d.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1000.00", "  +0.00  ", "854188423912.35", "buy 27914514051", "sell 0.3333333333", "  0.3333333333  "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in %s", want, text.String())
		}
	}
}
