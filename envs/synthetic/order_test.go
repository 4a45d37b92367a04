package synthetic

import (
	"math"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/lp/constraints"
)

// The problem with its entities in another order pays the same for the same amounts, and
// allows the same.
func TestRisingIsTheSameProblem(t *testing.T) {
	drawn := Config{Entities: 12, States: 2, Rows: 4, Seed: 3}
	rising := drawn
	rising.Rising = true
	p, err := New(drawn)
	if err != nil {
		t.Fatal(err)
	}
	q, err := New(rising)
	if err != nil {
		t.Fatal(err)
	}
	from, to := p.spec.Polytope, q.spec.Polytope
	var order []int
	for _, name := range to.Entities() {
		order = append(order, slices.Index(from.Entities(), name))
	}
	if slices.IsSorted(order) {
		t.Fatal("the order is that in which they were drawn")
	}
	uniform, err := envs.Uniform(from, 2)
	if err != nil {
		t.Fatal(err)
	}
	points := make([]float64, 200*12)
	if err := uniform(&envs.States{Rows: 200}, points); err != nil {
		t.Fatal(err)
	}
	for k, a := range slices.Collect(slices.Chunk(points, 12)) {
		if k%2 == 1 {
			a[k%12] += 0.1 // and rows that it breaks
		}
		b := in(order, a)
		if x, y := p.total(a), q.total(b); math.Abs(x-y) > 1e-9 {
			t.Errorf("%v earns %v, and in the other order %v", a, x, y)
		}
		if x, y := from.Residual(a, nil), to.Residual(b, nil); math.Abs(x-y) > 1e-12 {
			t.Errorf("%v has the residual %v, and in the other order %v", a, x, y)
		}
	}
}

// On a simplex without rows the slope of a linear return is its coefficient but for what all
// coefficients share, so that the order is theirs.
func TestRisingByCoefficients(t *testing.T) {
	want := []int{4, 2, 0, 3, 1}
	slope := make([]float64, 5)
	for k, i := range want {
		slope[i] = float64(k)
	}
	simplex, err := constraints.Unconstrained(5)
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{cfg: Config{Entities: 5, States: 2}}
	p.net.generate(5, 1)
	// One unit of either layer passes the sum on, the others nothing.
	clear(p.net.w1)
	clear(p.net.w2)
	clear(p.net.w3)
	copy(p.net.w1[1:], slope)
	p.net.w2[0], p.net.w3[0] = 1, 1
	p.net.b1[0], p.net.b2[0] = 0, 0
	got, err := p.rise(simplex)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range want {
		names = append(names, simplex.Entities()[i])
	}
	if !slices.Equal(got.Entities(), names) {
		t.Errorf("the order is %v, want %v", got.Entities(), names)
	}
	if x := p.net.w1[1:6]; !slices.IsSorted(x) {
		t.Errorf("the reward rises by %v", x)
	}
}

func TestRisingWithConstraintsOfOnesOwn(t *testing.T) {
	p, err := constraints.GenerateRejection(7, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Config{Entities: 7, States: 2, Rising: true, Polytope: p})
	if want := "synthetic: rising is true, and the constraints are given: their order of the entities stays"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
