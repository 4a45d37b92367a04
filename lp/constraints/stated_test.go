package constraints

import (
	"slices"
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
	if conflict[0] != "tech" {
		t.Error("the names are overwritten")
	}
}
