package constraints

import (
	"slices"
	"testing"
)

// Limits that look like percentages are said to be shares, others are not spoken of.
func TestPercentages(t *testing.T) {
	const names = "entities: [CASH, A, B, C]\ntotal: 1\ngroups: {G: [A, B]}\nholdings: {CASH: 1}\n"
	for text, want := range map[string][]string{
		"bounds: {default: [0, 30]}": {"the upper bound 30 of CASH and 3 more limits nothing: of a total of 1, 30% is 0.3"},
		"bounds: {A: [0, 15], B: [0, 20], C: [0, 2], G: [0, 50]}": {
			"the upper bound 15 of A limits nothing: of a total of 1, 15% is 0.15", "the upper bound 20 of B limits nothing: of a total of 1, 20% is 0.2",
			"G limits nothing, as it comes to at most 1: of a total of 1, 50% is 0.5"},
		"bounds: {default: [-20, 30], CASH: [0, 1]}": {"the lower bound -20 of A and 2 more is a short position of many times the total: of a total of 1, -20% is -0.2"},
		"constraints: [A + B <= 25, {name: trade, expr: turnover(ALL) <= 20}, abs(A - B) <= 10]": {
			"A + B <= 25 limits nothing, as it comes to at most 1: of a total of 1, 25% is 0.25",
			"trade: turnover(ALL) <= 20 limits nothing, as it comes to at most 2: of a total of 1, 20% is 0.2",
			"abs(A - B) <= 10: A - B <= 10 limits nothing, as it comes to at most 1: of a total of 1, 10% is 0.1",
			"abs(A - B) <= 10: -A + B <= 10 limits nothing, as it comes to at most 1: of a total of 1, 10% is 0.1"},
		"bounds: {default: [-0.2, 0.6], CASH: [0, 1.2]}\nconstraints: [leverage(ALL) <= 1.5, turnover(ALL) <= 2, 100*A <= 30]": nil,
		"bounds: {default: [0, 2], CASH: [0, 1000]}\nconstraints: [leverage(ALL) <= 2]":                                        nil,
	} {
		p, err := Parse("limits", []byte(names+text))
		if err != nil {
			t.Fatal(text, err)
		}
		if got := Percentages(p); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	p, err := Parse("limits", []byte("entities: [A, B]\ntotal: 100\nbounds: {A: [0, 300]}"))
	if got := Percentages(p); err != nil || got != nil {
		t.Errorf("%v, %q", err, got)
	}
}
