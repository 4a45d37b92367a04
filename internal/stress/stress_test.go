package stress

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

func TestScaled(t *testing.T) {
	for _, caps := range []bool{false, true} {
		p, err := Scaled(20, 7, caps, 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, b, _ := p.Inequalities(); p.Dim() != 20 || len(b) != 7 {
			t.Errorf("%d entities, %d rows", p.Dim(), len(b))
		}
		if _, upper := p.Bounds(); caps && upper[0] > 1 {
			t.Errorf("no cap: %v", upper[0])
		}
		again, err := Scaled(20, 7, caps, 3)
		if err != nil || again.Hash() != p.Hash() {
			t.Errorf("the same seed gives another polytope, error %v", err)
		}
	}
}

// On the simplex the marginals of uniform points are Beta(1, n-1), with caps all
// points keep all limits.
func TestPoints(t *testing.T) {
	const n, count = 6, 4000
	simplex, err := lp.Unconstrained(n)
	if err != nil {
		t.Fatal(err)
	}
	points, err := Points(simplex, count, rand.New(rng.New(1, "points")))
	if err != nil {
		t.Fatal(err)
	}
	for j := range n {
		x := make([]float64, count)
		for i := range x {
			x[i] = points[i*n+j]
		}
		slices.Sort(x)
		d := 0.
		for i, v := range x {
			d = max(d, math.Abs(1-math.Pow(1-v, n-1)-float64(i)/count))
		}
		if d > 0.05 { // successive points are correlated
			t.Errorf("entity %d: KS distance %.3f", j, d)
		}
	}
	capped, err := Scaled(30, 8, true, 2)
	if err != nil {
		t.Fatal(err)
	}
	if points, err = Points(capped, 200, rand.New(rng.New(2, "points"))); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if r := capped.Residual(points[i*30:(i+1)*30], nil); !(r <= 1e-9) {
			t.Fatalf("point %d has a residual of %g", i, r)
		}
	}
}

// Whatever is drawn is a polytope or says why it is none.
func TestHard(t *testing.T) {
	for _, kind := range Kinds {
		if Describe(kind) == "" {
			t.Errorf("%s has no description", kind)
		}
		r := rand.New(rng.New(1, kind))
		built := 0
		for range 100 {
			_, err := Hard(kind, r)
			var empty *lp.EmptyError
			switch {
			case err == nil:
				built++
			case !errors.As(err, &empty):
				t.Errorf("%s: %v", kind, err)
			}
		}
		if built < 70 {
			t.Errorf("%s: %d of 100 were built", kind, built)
		}
	}
}

func TestRight(t *testing.T) {
	p, err := lp.Unconstrained(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix []float64
		lo, hi float64
		want   bool
	}{
		{nil, 0, 1, true},
		{nil, 0, 1 + 1e-8, false},
		{nil, 1e-8, 1, false},
		{nil, 0, 0.9, false},
		{[]float64{0.25}, 0, 0.75, true},
		{[]float64{0.25}, 0, 0.75 - 1e-12, true},
		{[]float64{0.25}, -1e-8, 0.75, false},
		{[]float64{1 + 1e-8}, 0, 0, true}, // on relaxed limits
		{[]float64{1 + 1e-5}, 0, 0, false},
		{nil, 1, 0, false},
	} {
		if got := Right(p, c.prefix, c.lo, c.hi); got != c.want {
			t.Errorf("[%v, %v] after %v: right is %v", c.lo, c.hi, c.prefix, got)
		}
	}
}

func TestTrial(t *testing.T) {
	p, err := Scaled(6, 3, true, 1)
	if err != nil {
		t.Fatal(err)
	}
	methods := []string{"clp", "explicit"}
	tallies := map[string]*Tally{"clp": {}, "explicit": {}}
	Trial(p, methods, tallies, 10, 1, rand.New(rng.New(1, "trial")))
	actions := 0
	for m, c := range tallies {
		actions += c.Actions
		if c.Queries != 60 || c.Audited != 60 || c.Failures()+c.Typed+c.Differs != 0 || c.MaxDifference > 1e-9 {
			t.Errorf("%s: %+v", m, *c)
		}
	}
	if actions != 10 {
		t.Errorf("%d actions", actions)
	}
}

// A solver that answers wrongly is found out.
func TestJudge(t *testing.T) {
	p, err := lp.Unconstrained(3)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(method string, lo, hi float64) *contender {
		return &contender{p: p, t: &Tally{}, method: method, lo: []float64{lo}, hi: []float64{hi}, deads: make([]bool, 1)}
	}
	clp, wrong := answer("clp", 0, 0.5), answer("explicit", 0, 0.6)
	crossed, broken := answer("lazy", 1, 0), answer("other", 1, 0)
	broken.err = &lp.InfeasibleError{}
	judge(p, []*contender{clp, wrong, crossed, broken}, []float64{0.5}, 0, false)
	if w := wrong.t; w.Differs != 1 || w.DiffersWrong != 1 || w.DiffersNone != 0 || w.Wrong != 1 || w.Example == "" {
		t.Errorf("%+v", *w)
	}
	if clp.t.Failures() != 0 || crossed.t.Malform != 1 || broken.t.Typed != 1 {
		t.Errorf("%+v %+v %+v", *clp.t, *crossed.t, *broken.t)
	}
}
