package clp

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/relay"
)

// Where equalities and the prefix let the rest of an action move along a segment alone, answers are
// those of rational arithmetic, and most such queries are answered in this way.
func TestSegment(t *testing.T) {
	asked, answered := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "segment"))
		d := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil || p.NarrowHull() || p.Canonical() != p {
			return
		}
		i := p.Dim() - 1
		if _, f, _ := p.Equalities(); i > 0 && len(f) == 1 {
			i -= r.IntN(2)
		} else if len(f) > 0 {
			return
		}
		prefix := make([]float64, i, p.Dim())
		for j := range prefix {
			lo, hi, ok := lptest.ExactInterval(p, prefix[:j], nil, 0)
			if !ok {
				return
			}
			prefix[j] = lo + r.Float64()*(hi-lo)
		}
		want := [2]float64{}
		var ok bool
		if want[0], want[1], ok = lptest.ExactInterval(p, prefix, nil, 0); !ok {
			return
		}
		w := newWorker(newModel(context.Background(), p), 1e-6)
		var q relay.Action
		q.Make(p.Dim())
		q.Begin(p, nil)
		for _, v := range prefix {
			q.Fix(v)
		}
		copy(q.AtLow, prefix)
		copy(q.AtUpper, prefix)
		w.remaining(&q)
		for side, at := range [2][]float64{q.AtLow, q.AtUpper} {
			asked++
			if !w.segment(&q, side == 1) {
				continue
			}
			answered++
			if near := 1e-9 * p.Sizes()[i]; !(math.Abs(at[i]-want[side]) <= near) {
				t.Errorf("side %d of entity %d after %v is %v, not %v\n%+v", side, i, prefix, at[i], want[side], d)
			}
			if x := p.Residual(at, nil); !(x <= 1e-12) {
				t.Errorf("the witness %v has residual %g\n%+v", at, x, d)
			}
		}
	})
	if asked > 0 && 2*answered < asked || asked == 0 {
		t.Errorf("%d of %d endpoints without a program", answered, asked)
	}
}
