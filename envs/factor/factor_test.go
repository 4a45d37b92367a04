package factor

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
	"paspo/lp"
	"paspo/lp/interval"
)

func newFactor(t *testing.T) *Problem {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Betas and alphas keep the mean and the variance that they begin with, and remember as
// much as stated.
func TestProcesses(t *testing.T) {
	e, r := newFactor(t).New().(*Env), rand.New(rand.NewPCG(1, 2))
	obs, a := make([]float64, 2*assets), make([]float64, entities)
	a[0] = 1
	const episodes = 1000
	var beta, betas, alphas, betaLag, alphaLag float64
	for range episodes {
		e.Reset(r, obs)
		for done := false; !done; {
			var reward float64
			before := *e
			if reward, done = e.Step(r, a, obs); reward != 0 {
				t.Fatalf("cash earns %g", reward)
			}
			if !done {
				continue
			}
			for i := range assets {
				d, last := e.row[i+1]-meanBeta(i), before.row[i+1]-meanBeta(i)
				beta, betas, betaLag = beta+d, betas+d*d, betaLag+d*last
				alphas, alphaLag = alphas+e.alpha[i]*e.alpha[i], alphaLag+e.alpha[i]*before.alpha[i]
			}
		}
	}
	const n = episodes * assets
	near := func(what string, sum, want, deviation float64) {
		if got := sum / n; !(math.Abs(got-want) <= 4*deviation/math.Sqrt(n)) {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	v, w := betaSpread*betaSpread, alphaSpread*alphaSpread
	near("mean of betas", beta, 0, betaSpread)
	near("variance of betas", betas, v, math.Sqrt2*v)
	near("variance of alphas", alphas, w, math.Sqrt2*w)
	near("covariance of betas a month apart", betaLag, betaMemory*v, math.Sqrt2*v)
	near("covariance of alphas a month apart", alphaLag, alphaMemory*w, math.Sqrt2*w)
}

// Every allocation that is drawn within the intervals satisfies the limits of its state, by
// a residual that is recomputed without rounding.
func TestFeasible(t *testing.T) {
	p := newFactor(t)
	polytope := p.Spec().Polytope
	s, err := interval.New(polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const rows = 64
	decisions := 100_000
	if testing.Short() {
		decisions /= 10
	}
	v, err := envs.NewVector(p, envs.VectorConfig{Count: rows, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	limiters := make([]envs.ObsLimiter, rows)
	for i := range limiters {
		limiters[i] = p.ObsLimiter()
	}
	r := rand.New(rand.NewPCG(1, 2))
	chain := s.Chain(rows)
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	actions := make([]float64, rows*entities)
	full := 0
	for done := 0; done < decisions; done += rows {
		limits := v.Limits()
		for k := range rows {
			var seen lp.Limits
			limiters[k](v.Obs()[k*2*assets:][:2*assets], &seen)
			if !slices.Equal(seen.A, limits[k].A) {
				t.Fatalf("limits %v, from the observation %v", limits[k].A, seen.A)
			}
		}
		chain.Begin(rows, limits)
		for i := range entities {
			if err := chain.Next(lo, hi); err != nil {
				t.Fatal(err)
			}
			for k := range rows {
				// Endpoints are drawn too, where constraints are tight.
				x := min(max(1.4*r.Float64()-0.2, 0), 1)
				a[k] = lo[k] + x*(hi[k]-lo[k])
				actions[k*entities+i] = a[k]
			}
			chain.Fix(a)
		}
		for k := range rows {
			row := actions[k*entities:][:entities]
			worst, exposure := residual(row, limits[k].A)
			if !(worst <= 1e-9) {
				t.Fatalf("allocation %v under betas %v: residual %g", row, limits[k].A[1:], worst)
			}
			if exposure > exposureCap-1e-9 {
				full++
			}
		}
		if err := v.Step(actions); err != nil {
			t.Fatal(err)
		}
	}
	if full < decisions/20 {
		t.Errorf("%d of %d allocations exhaust the exposure: the cap should bind often", full, decisions)
	}
}

// residual returns by how much a breaks a constraint, scaled, and its exposure, both to 60
// digits before they are rounded.
func residual(a, row []float64) (worst, exposure float64) {
	const digits = 200 // binary
	var x, y, product big.Float
	product.SetPrec(digits)
	total, sum := new(big.Float).SetPrec(digits), new(big.Float).SetPrec(digits)
	for i, v := range a {
		most := 1.
		if i > 0 {
			most = assetCap
		}
		worst = max(worst, -v/most, (v-most)/most)
		total.Add(total, x.SetFloat64(v))
		sum.Add(sum, product.Mul(&x, y.SetFloat64(row[i])))
	}
	exposure, _ = sum.Float64()
	excess, _ := sum.Sub(sum, x.SetFloat64(exposureCap)).Float64()
	missing, _ := total.Sub(total, x.SetFloat64(1)).Float64()
	return max(worst, excess/exposureCap, math.Abs(missing)), exposure
}

// The optimum is certified by duality: with a price of exposure lambda >= 0 no feasible
// allocation earns more than
//
//	min over lambda >= 0 of  0.6 lambda + max { sum (mu_i - lambda beta_i) a_i : a >= 0, a_i <= 0.25, sum a <= 1 }
//
// where the inner maximum takes the four best assets. The bound is convex in lambda.
func TestBest(t *testing.T) {
	long.Test(t)
	p := newFactor(t)
	e, r := p.New().(*Env), rand.New(rand.NewPCG(3, 4))
	obs, a := make([]float64, 2*assets), make([]float64, entities)
	best := p.Best()
	bound := func(lambda float64) float64 {
		var net [assets]float64
		for i := range net {
			net[i] = obs[i] - lambda*obs[assets+i]
		}
		slices.Sort(net[:])
		v := exposureCap * lambda
		for _, x := range net[assets-4:] {
			v += assetCap * max(x, 0)
		}
		return v
	}
	binds := 0
	for state := range 500 {
		e.Reset(r, obs)
		if err := best(&envs.States{Rows: 1, Obs: obs, Limits: []lp.Limits{{A: e.row[:]}}}, a); err != nil {
			t.Fatal(err)
		}
		worst, exposure := residual(a, e.row[:])
		if !(worst <= 1e-9) {
			t.Fatalf("state %d: residual %g", state, worst)
		}
		if exposure > exposureCap-1e-9 {
			binds++
		}
		low, high := 0., 10.
		for range 200 {
			m1, m2 := low+(high-low)/3, high-(high-low)/3
			if bound(m1) < bound(m2) {
				high = m2
			} else {
				low = m1
			}
		}
		reward, _ := e.Step(r, a, make([]float64, 2*assets))
		if gap := bound(low) - reward; math.Abs(gap) > 1e-8 {
			t.Fatalf("state %d: it earns %g, no allocation more than %g", state, reward, bound(low))
		}
	}
	if binds < 100 || binds == 500 {
		t.Errorf("the exposure is exhausted in %d of 500 states", binds)
	}
}

func TestReferences(t *testing.T) {
	long.Test(t)
	p := newFactor(t)
	if err := envs.CheckSnapshots(p); err != nil {
		t.Fatal(err)
	}
	all, err := p.References(1)
	if err != nil {
		t.Fatal(err)
	}
	var means []float64
	for _, b := range all {
		out, err := envs.Play(p, b.Allocator, 50, months, 1)
		if err != nil {
			t.Fatal(err)
		}
		m, se := envs.MeanAndError(out.Returns)
		t.Logf("%s %.3f +- %.3f", b.Name, m, se)
		if out.Violations > 0 || out.MaxResidual > 1e-9 {
			t.Errorf("%s: %d violations, largest residual %g", b.Name, out.Violations, out.MaxResidual)
		}
		means = append(means, m)
	}
	if last := len(means) - 1; slices.Max(means) != means[last] {
		t.Errorf("the optimum earns %v, all earn %v", means[last], means)
	}
}
