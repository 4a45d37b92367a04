package constraints

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"paspo/lp"
)

func TestStated(t *testing.T) {
	p, err := Parse("x", []byte("entities: [A, B, C]\ntotal: 1\nconstraints:\n  - {name: tech, expr: 'A + 2*B <= 0.3'}\n  - {name: least, expr: 'C >= 0.2'}\n  - B - C <= 0.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, b, names := p.Inequalities()
	if !slices.Equal(names[:2], []string{"tech", "least"}) {
		t.Fatal(names)
	}
	conflict := []string{"tech", "least", names[2], "total = 1", "A <= 0.5"}
	want := []string{"tech: A + 2*B <= 0.3", "least: C >= 0.2", names[2], "total = 1", "A <= 0.5"}
	if got := Stated(p, nil, conflict); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// In a state, the text has the limits of that state.
	lim := &lp.Limits{B: slices.Clone(b)}
	lim.B[0], lim.B[1], lim.B[2] = 0.1, -0.9, 0.25
	want = []string{"tech: A + 2*B <= 0.1", "least: C >= 0.9", names[2] + ": B - C <= 0.25", "total = 1", "A <= 0.5"}
	if got := Stated(p, lim, conflict); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// So has a total that a state gives, and another equality.
	p, err = Parse("x", []byte("entities: [A, B, C]\ntotal: 1\nconstraints:\n  - {name: pair, expr: 'A + 2*B = 0.5'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	lim = &lp.Limits{F: []float64{2, 0.25}}
	if got, want := Stated(p, lim, []string{"total = 1", "pair"}), []string{"total = 2", "pair: A + 2*B = 0.25"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Rows of one constraint stand under its name, once, with as many digits as people write.
	p, err = Parse("x", []byte("entities: [A, B, C]\ntotal: 1\nconstraints:\n  - {name: hedge, expr: 'abs(A - B) <= 0.1 - 0.08'}\n  - abs(A - C) <= 0.5\n  - {name: gap, expr: 'A - B <= 0.9'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	conflict = []string{"hedge (2)", "gap", "abs(A - C) <= 0.5 (1)", "hedge (1)"}
	want = []string{"hedge: -A + B <= 0.02, A - B <= 0.02", "gap: A - B <= 0.9", "abs(A - C) <= 0.5: A - C <= 0.5"}
	if got := Stated(p, nil, conflict); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Of a group between 0 and a limit the side that bounds imply is left out, and what is said of
	// all entities is said so.
	p, err = Parse("x", []byte("entities: [A, B, C]\ntotal: 1\ngroups: {G: [A, B]}\nbounds: {G: [0, 0.5], C: [-1, 1], B: [-1, 1], A: [-1, 1]}\nconstraints: [{name: gross, expr: leverage(ALL) <= 2}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Stated(p, nil, []string{"G", "gross"}), []string{"G: A + B <= 0.5, A + B >= 0", "gross: leverage(ALL) <= 2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p, err = Parse("x", []byte("entities: [A, B, C]\ntotal: 1\nholdings: {A: 0.5, C: 0.5}\ngroups: {G: [A, B]}\nbounds: {G: [0, 0.5]}\nconstraints: [{name: trade, expr: turnover(ALL) <= 0.2}, {name: buys, expr: A + bought(ALL) <= 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Stated(p, nil, []string{"G", "trade", "buys"}), []string{"G: A + B <= 0.5", "trade: turnover(ALL) <= 0.2", "buys: A + bought(ALL) <= 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// What is too long leaves the limit.
	var all, sum strings.Builder
	for j := range 60 {
		fmt.Fprintf(&all, "E%d, ", j)
		fmt.Fprintf(&sum, "%d*E%d + ", j+2, j)
	}
	_, err = Parse("x", []byte("entities: ["+all.String()+"Z]\ntotal: 1\nconstraints: [{name: cap, expr: '"+sum.String()+"Z <= 0.5'}, {name: room, expr: 'leverage(ALL) <= 5'}]\nbounds: {Z: [-1, 2]}\n"))
	if want := "cap: ... <= 0.5"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if conflict[0] != "hedge (2)" {
		t.Error("the names are overwritten")
	}
}
