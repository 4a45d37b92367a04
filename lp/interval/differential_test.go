package interval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	gonum "gonum.org/v1/gonum/optimize/convex/lp"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

// gonumEnd returns the endpoint of the entity after prefix by gonum's simplex, in
// standard form over z = a - l with a slack for every row and cap. ok is false
// where it abstains: entities without a lower bound, matrices that it refuses, and
// whatever it fails on.
func gonumEnd(p *lp.Polytope, prefix []float64, sign float64) (end float64, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	n, i := p.Dim(), len(prefix)
	var rows [][]float64
	var rhs []float64
	var slack []bool
	left := func(c []float64, b float64) float64 {
		for j, v := range c {
			if j < i {
				b -= v * prefix[j]
			} else {
				b -= v * p.Form().L[j]
			}
		}
		return b
	}
	for k, b := range p.Form().B {
		c := p.Form().A[k*n : (k+1)*n]
		rows, rhs, slack = append(rows, c[i:]), append(rhs, left(c, b)), append(slack, true)
	}
	for k, b := range p.Form().F {
		c := p.Form().E[k*n : (k+1)*n]
		rows, rhs, slack = append(rows, c[i:]), append(rhs, left(c, b)), append(slack, false)
	}
	for j := i; j < n; j++ {
		if math.IsInf(p.Form().L[j], -1) {
			return 0, false
		}
		if !math.IsInf(p.Form().U[j], 1) {
			c := make([]float64, n-i)
			c[j-i] = 1
			rows, rhs, slack = append(rows, c), append(rhs, p.Form().U[j]-p.Form().L[j]), append(slack, true)
		}
	}
	slacks := 0
	for _, s := range slack {
		if s {
			slacks++
		}
	}
	if len(rows) == 0 {
		return 0, false
	}
	a := mat.NewDense(len(rows), n-i+slacks, nil)
	at := n - i
	for k, c := range rows {
		for j, v := range c {
			a.Set(k, j, v)
		}
		if slack[k] {
			a.Set(k, at, 1)
			at++
		}
	}
	cost := make([]float64, n-i+slacks)
	cost[0] = sign
	v, _, err := gonum.Simplex(cost, a, rhs, 1e-12, nil)
	return sign*v + p.Form().L[i], err == nil && !math.IsNaN(v)
}

// differ walks one action on a polytope and holds the closed form, warm-start bases and
// CLP to exact arithmetic at every entity, and to one another and gonum's simplex to
// a scaled 1e-9 where the set is not thin. It counts how often each was right.
func differ(p *lp.Polytope, r *rand.Rand, counts map[string]int) error {
	var solvers []lp.Solver
	for _, method := range []string{"explicit", "clp", "lazy"} {
		s, err := New(p, Config{Method: method, Workers: 1})
		if isBudget(err) {
			counts["beyond the budget"]++
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		defer s.Close()
		solvers = append(solvers, s)
	}
	if err := unscaled(solvers[0]).(*closedform.Solver).Intervals().Certify(); err != nil {
		return err
	}
	defer func() {
		kept, _ := WarmStarts(solvers[2])
		counts["kept: hits"] += int(kept.Total().Hits)
		counts["kept: misses"] += int(kept.Total().Misses)
		counts["kept: left to CLP"] += int(kept.Total().Left)
	}()
	var chains []lp.Chain
	for _, s := range solvers {
		c := s.Chain(1)
		c.Begin(1, nil)
		chains = append(chains, c)
	}
	var prefix []float64
	lo, hi := []float64{0}, []float64{0}
	for i := range p.Dim() {
		var endpoints [3][2]float64
		for k, c := range chains {
			if err := c.Next(lo, hi); err != nil {
				return fmt.Errorf("%s: entity %d after %v: %w", solvers[k].Method(), i, prefix, err)
			}
			endpoints[k] = [2]float64{lo[0], hi[0]}
			if err := lptest.CheckInterval(p, prefix, nil, lo[0], hi[0]); err != nil {
				return fmt.Errorf("%s: entity %d after %v: %w", solvers[k].Method(), i, prefix, err)
			}
			counts["intervals"]++
		}
		scale := max(1, math.Abs(endpoints[0][0]), math.Abs(endpoints[0][1]))
		for x, sign := range []float64{1, -1} {
			// Both are right by the check above: a thin set has endpoints that far apart.
			if math.Abs(endpoints[0][x]-endpoints[1][x]) > 1e-9*scale {
				counts["thin: CLP and closed form differ"]++
			}
			if math.Abs(endpoints[0][x]-endpoints[2][x]) > 1e-9*scale {
				counts["thin: warm-start bases and closed form differ"]++
			}
			v, ok := gonumEnd(p, prefix, sign)
			switch {
			case !ok:
				counts["gonum abstains"]++
			case math.Abs(v-endpoints[0][x]) <= 1e-9*scale:
				counts["gonum agrees"]++
			default:
				counts["gonum differs and is wrong"]++ // the check above decided
			}
		}
		a := lptest.Choose(r, endpoints[0][0], endpoints[0][1])
		for _, e := range endpoints[1:] {
			a = min(max(a, e[0]), e[1])
		}
		prefix = append(prefix, a)
		for _, c := range chains {
			c.Fix([]float64{a})
		}
	}
	return nil
}

// FuzzIntervals differs on random polytopes of all kinds.
func FuzzIntervals(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rng.New(seed, "differential"))
		d, kind := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil {
			return
		}
		if err := differ(p, r, map[string]int{}); err != nil {
			t.Errorf("%s: %v\n%+v", kind, err, d)
		}
	})
}

// TestDifferential counts who answers what.
func TestDifferential(t *testing.T) {
	long.Test(t)
	counts := map[string]int{}
	for seed := range uint64(200) {
		r := rand.New(rng.New(seed, "counted"))
		d, kind := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil {
			counts["refused: "+strings.Fields(err.Error())[0]]++
			continue
		}
		if err := differ(p, r, counts); err != nil {
			t.Errorf("seed %d, %s: %v\n%+v", seed, kind, err, d)
		}
	}
	if counts["gonum agrees"] < counts["intervals"]/20 {
		t.Error("gonum's simplex is no witness")
	}
	t.Log(counts)
}
