package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// distance is the KS distance of a sample, which it sorts, from a distribution.
func distance(x []float64, cdf func(float64) float64) float64 {
	slices.Sort(x)
	ks, n := 0., float64(len(x))
	for i, v := range x {
		f := cdf(v)
		ks = max(ks, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	return ks
}

// cappedShare is the distribution of a share of the simplex on which none exceeds
// c. With (x)+ = max(0, x), the volume of the simplex of total t is in proportion
// to sum_k (-1)^k C(n, k) (t-kc)+^(n-1) (inclusion and exclusion); the density at x
// is that of n-1 shares of total 1-x.
func cappedShare(n int, c float64) func(float64) float64 {
	tail := func(x float64) float64 { // unnormalised, beyond x
		sum, binomial := 0., 1.
		for k := range n {
			sum += binomial * math.Pow(max(0, 1-x-float64(k)*c), float64(n-1))
			binomial *= -float64(n-1-k) / float64(k+1)
		}
		return sum
	}
	from, to := tail(0), tail(c)
	return func(x float64) float64 { return (from - tail(min(max(x, 0), c))) / (from - to) }
}

func TestHitAndRunCappedSimplex(t *testing.T) {
	long.Test(t)
	for _, c := range []struct {
		n   int
		cap float64 // times 1/n
	}{{15, 1.5}, {20, 3}, {40, 3}} {
		t.Run(fmt.Sprintf("%d entities, caps %g/n", c.n, c.cap), func(t *testing.T) {
			upper := slices.Repeat([]float64{c.cap / float64(c.n)}, c.n)
			p := lptest.New(t, lp.Description{Entities: lptest.Names(c.n), Total: 1, Upper: upper})
			points, report := draw(t, p, method(HitAndRun), 20_000, 1)
			t.Log(report)
			cdf := cappedShare(c.n, upper[0])
			for j := range c.n {
				ks := distance(coordinate(points, c.n, j), cdf)
				if most := 2.23 / math.Sqrt(report.ESS); ks > most {
					t.Errorf("entity %d: KS distance %.4f, %.4f allowed", j, ks, most)
				}
			}
		})
	}
}

// Uniform points of 0 <= x_1/s_1 <= ... <= x_n/s_n <= 1 are order statistics, x_k/s_k ~
// Beta(k, n+1-k), whatever the scales s.
func TestHitAndRunOrderStatistics(t *testing.T) {
	long.Test(t)
	for _, spread := range []float64{0, 4} { // of the scales, in powers of ten
		for _, n := range []int{10, 18} {
			t.Run(fmt.Sprintf("%d entities over %g decades", n, 2*spread), func(t *testing.T) {
				scale := make([]float64, n)
				d := lp.Description{Entities: lptest.Names(n), Total: math.NaN(), Upper: make([]float64, n)}
				r := rand.New(rng.New(uint64(n), "scales"))
				for k := range n {
					scale[k] = math.Pow(10, spread*(2*r.Float64()-1))
					d.Upper[k] = scale[k]
					if k > 0 {
						row := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1)}
						row.Coef[k-1], row.Coef[k] = 1/scale[k-1], -1/scale[k]
						d.Rows = append(d.Rows, row)
					}
				}
				points, report := draw(t, lptest.New(t, d), method(HitAndRun), 20_000, 1)
				t.Log(report)
				for k := range n {
					// P(x_k <= v) is that of k or more of n uniform numbers below v.
					ks := distance(coordinate(points, n, k), func(v float64) float64 {
						v = min(max(v/scale[k], 0), 1)
						sum, binomial := 0., 1.
						for i := range n + 1 {
							if i > k {
								sum += binomial * math.Pow(v, float64(i)) * math.Pow(1-v, float64(n-i))
							}
							binomial *= float64(n-i) / float64(i+1)
						}
						return sum
					})
					if most := 2.23 / math.Sqrt(report.ESS); ks > most {
						t.Errorf("entity %d: KS distance %.4f, %.4f allowed", k, ks, most)
					}
				}
			})
		}
	}
}

// Projections tell joint distributions apart that share all marginals.
func TestHitAndRunProjectionsAgainstRejection(t *testing.T) {
	long.Test(t)
	const n, count = 12, 10_000
	r := rand.New(rng.New(3, "projections"))
	plain := cutSimplex(t, r, n, 4, 1)
	image, scale := scaled(t, plain, r)
	a, _ := draw(t, plain, method(Rejection), count, 1)
	for name, p := range map[string]*lp.Polytope{"as it is": plain, "badly scaled": image} {
		b, report := draw(t, p, method(HitAndRun), count, 2)
		t.Log(report)
		for range 20 {
			x, y := make([]float64, count), make([]float64, count)
			for j := range n {
				c, s := r.NormFloat64(), 1.
				if p == image {
					s = scale[j]
				}
				for i := range count {
					x[i] += c * a[i*n+j]
					y[i] += c * b[i*n+j] / s
				}
			}
			// The effective sample size is the worst of coordinates; a projection
			// may mix half as fast.
			if ks, most := twoSampleKS(x, y), 2.23*math.Sqrt(1./count+2/report.ESS); ks > most {
				t.Errorf("%s: KS distance %.4f, %.4f allowed", name, ks, most)
			}
		}
	}
}

// scaled is p with every entity in a unit of its own, 1e-3 to 1e3.
func scaled(t *testing.T, p *lp.Polytope, r *rand.Rand) (*lp.Polytope, []float64) {
	n := p.Dim()
	s, d := make([]float64, n), lp.Description{Entities: lptest.Names(n), Total: math.NaN(), Upper: make([]float64, n)}
	for j := range s {
		s[j] = math.Pow(10, 6*r.Float64()-3)
		d.Upper[j] = 2 * s[j]
	}
	image := func(coef []float64, lo, hi float64) {
		row := lp.Row{Coef: make([]float64, n), Min: lo, Max: hi}
		for j, c := range coef {
			row.Coef[j] = c / s[j]
		}
		d.Rows = append(d.Rows, row)
	}
	e, f, _ := p.Equalities()
	image(e, f[0], f[0])
	a, b, _ := p.Inequalities()
	for k, limit := range b {
		image(a[k*n:(k+1)*n], math.Inf(-1), limit)
	}
	return lptest.New(t, d), s
}
