package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/interval"
)

// Solvers are what chains are measured with.
var Solvers = interval.Methods()[1:]

// Chains are full chains of intervals a second, by solver. A solver whose budget a
// polytope exceeds is missing.
type Chains struct {
	PerS    map[string]float64
	HitRate float64 // of lazy: the share of endpoints that warm-start bases proved
}

// measureChains measures every solver, each for the given time.
func measureChains(ctx context.Context, p *lp.Polytope, d time.Duration) (out Chains, err error) {
	out.PerS = map[string]float64{}
	for _, method := range Solvers {
		c := interval.DefaultConfig()
		c.Method, c.Workers = method, 1
		x, hits, err := chains(ctx, p, c, d)
		var over *lp.BudgetError
		switch {
		case errors.As(err, &over):
			continue
		case err != nil:
			return out, fmt.Errorf("intervals by %s: %w", method, err)
		case method == "lazy":
			out.HitRate = hits
		}
		out.PerS[method] = x
	}
	return out, nil
}

// capped returns p with a cap on every entity: half of the most that it can take. ok
// is false where no allocation satisfies these caps, and for the hull of points, which is not
// described by its points then.
func capped(p *lp.Polytope) (out *lp.Polytope, ok bool, err error) {
	if p.Points() != nil {
		return nil, false, nil
	}
	_, hi, err := lp.BoundingBox(p)
	if err != nil {
		return nil, false, err
	}
	lower, upper := p.Bounds()
	caps := make([]float64, len(hi))
	for j, h := range hi {
		caps[j] = min(max(lower[j], h/2), upper[j])
	}
	// Without a total of its own every equality is a row of the description.
	d := lp.Description{Name: "with caps", Entities: p.Entities(), Total: math.NaN(), Lower: lower, Upper: caps}
	n := p.Dim()
	e, f, _ := p.Equalities()
	for k, v := range f {
		d.Rows = append(d.Rows, lp.Row{Coef: e[k*n : (k+1)*n], Min: v, Max: v})
	}
	a, b, _ := p.Inequalities()
	for k, v := range b {
		d.Rows = append(d.Rows, lp.Row{Coef: a[k*n : (k+1)*n], Min: math.Inf(-1), Max: v, Terms: p.Terms(k)})
	}
	out, err = lp.New(d)
	var empty *lp.EmptyError
	if errors.As(err, &empty) {
		return nil, false, nil
	}
	return out, err == nil, err
}

// chains measures full chains: the interval of every entity of one action, each
// entity at a random place in its interval.
func chains(ctx context.Context, p *lp.Polytope, c interval.Config, d time.Duration) (perS, hitRate float64, err error) {
	s, err := interval.New(p, c)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	n := p.Dim()
	chain := s.Chain(rows)
	place := make([]float64, 1<<14)
	random := rand.New(rng.New(1, "bench", "chains"))
	for i := range place {
		place[i] = random.Float64()
	}
	at := 0
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	// A linear program is slow enough for single chains to be timed.
	batch := rows
	if c.Method == "clp" {
		batch = 16
	}
	perS, err = rate(ctx, d, func() (int, error) {
		chain.Begin(batch, nil)
		for range n {
			if err := chain.Next(lo[:batch], hi[:batch]); err != nil {
				return 0, err
			}
			// Chains do not repeat: warm-start bases would know them.
			at = (at + 7919) % (len(place) - rows)
			x := place[at:]
			for r := range batch {
				a[r] = lo[r] + (hi[r]-lo[r])*x[r]
			}
			chain.Fix(a[:batch])
		}
		return batch, nil
	})
	if kept, ok := interval.WarmStarts(s); ok {
		hitRate = kept.HitRate()
	}
	return perS, hitRate, err
}
