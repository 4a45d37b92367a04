package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/reference"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/policy/internal/policytest"
)

func TestBetaTable(t *testing.T) {
	// ln B(1e5, 1e5) is -1.4e5 and the entropy near -5, so that 11 of 16 digits remain.
	const tol = 1e-10
	for _, r := range reference.Table(t, "beta.csv") {
		d, lnX, ln1mX := Beta{r[0], r[1]}, r[2], r[3]
		lp := d.LogProbLogs(lnX, ln1mX)
		ga, gb := d.LogProbGrad(lnX, ln1mX)
		ea, eb := d.EntropyGrad()
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"log-prob", lp, r[4]}, {"d log-prob / d alpha", ga, r[5]}, {"d log-prob / d beta", gb, r[6]},
			{"entropy", d.Entropy(), r[7]}, {"d entropy / d alpha", ea, r[8]}, {"d entropy / d beta", eb, r[9]},
			{"variance", d.Variance(), r[10]},
		} {
			// The logarithms of x are rounded to float64, and alpha multiplies that error.
			slack := 4e-16 * (math.Abs((d.Alpha-1)*lnX) + math.Abs((d.Beta-1)*ln1mX))
			if math.Abs(c.got-c.want) > tol*max(1, math.Abs(c.want)) && math.Abs(c.got-c.want) > slack {
				t.Errorf("Beta(%g, %g) at ln x = %g: %s = %.15g, want %.15g", d.Alpha, d.Beta, lnX, c.name, c.got, c.want)
			}
		}
	}
}

func TestBetaLogProbForms(t *testing.T) {
	d := Beta{2.5, 0.7}
	for _, x := range []float64{1e-12, 0.1, 0.5, 0.999999} {
		want := d.LogProbLogs(math.Log(x), math.Log1p(-x))
		if got := d.LogProb(x); got != want {
			t.Errorf("LogProb(%g) = %g, want %g", x, got, want)
		}
	}
	inf := math.Inf(1)
	for _, c := range []struct {
		d       Beta
		x, want float64
	}{
		{Beta{1, 1}, 0, 0}, {Beta{1, 1}, 1, 0}, {Beta{1, 2}, 0, math.Ln2}, {Beta{1, 2}, 1, -inf},
		{Beta{0.5, 2}, 0, inf}, {Beta{2, 2}, -0.1, -inf}, {Beta{2, 2}, 1.1, -inf},
	} {
		if got := c.d.LogProb(c.x); !policytest.Near(got, c.want, 1e-13) {
			t.Errorf("Beta%v.LogProb(%g) = %g, want %g", c.d, c.x, got, c.want)
		}
	}
}

func TestBetaMoments(t *testing.T) {
	d := Beta{3, 5}
	if got := d.Mean(); got != 0.375 {
		t.Errorf("mean %g", got)
	}
	if got := d.Mode(); !policytest.Near(got, 1./3, 1e-15) {
		t.Errorf("mode %g", got)
	}
	if x, _, _ := FromLogit(d.ModeLogit()); !policytest.Near(x, d.Mode(), 1e-15) {
		t.Errorf("the mode by its logit is %g", x)
	}
	for _, e := range []Beta{{1, 3}, {3, 1}, {0.5, 0.5}, {0.5, 4}} {
		x, _, _ := FromLogit(e.MeanLogit())
		if !math.IsNaN(e.Mode()) || e.ModeLogit() != e.MeanLogit() || !policytest.Near(x, e.Mean(), 1e-15) {
			t.Errorf("Beta%v: mode %g, mean %g by its logit", e, e.Mode(), x)
		}
	}
	// Logarithms are finite where x rounds to 1.
	if x, _, l := FromLogit(Beta{1e20, 1e-3}.MeanLogit()); x != 1 || !policytest.Near(l, math.Log(1e-23), 1e-12) {
		t.Errorf("x %g, ln(1-x) %g", x, l)
	}
}

func TestBetaGradientsByDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Beta{
			math.Exp(rapid.Float64Range(-6, 9).Draw(t, "ln alpha")),
			math.Exp(rapid.Float64Range(-6, 9).Draw(t, "ln beta")),
		}
		_, lnX, ln1mX := FromLogit(rapid.Float64Range(-6, 6).Draw(t, "logit"))
		ga, gb := d.LogProbGrad(lnX, ln1mX)
		ea, eb := d.EntropyGrad()
		const step = 1e-5 // relative
		for _, c := range []struct {
			name        string
			grad, shape float64
			plus, minus Beta
			f           func(Beta) float64
		}{
			{name: "log-prob by alpha", grad: ga, shape: d.Alpha, plus: Beta{d.Alpha * (1 + step), d.Beta},
				minus: Beta{d.Alpha * (1 - step), d.Beta}, f: func(d Beta) float64 { return d.LogProbLogs(lnX, ln1mX) }},
			{name: "log-prob by beta", grad: gb, shape: d.Beta, plus: Beta{d.Alpha, d.Beta * (1 + step)},
				minus: Beta{d.Alpha, d.Beta * (1 - step)}, f: func(d Beta) float64 { return d.LogProbLogs(lnX, ln1mX) }},
			{name: "entropy by alpha", grad: ea, shape: d.Alpha, plus: Beta{d.Alpha * (1 + step), d.Beta},
				minus: Beta{d.Alpha * (1 - step), d.Beta}, f: Beta.Entropy},
			{name: "entropy by beta", grad: eb, shape: d.Beta, plus: Beta{d.Alpha, d.Beta * (1 + step)},
				minus: Beta{d.Alpha, d.Beta * (1 - step)}, f: Beta.Entropy},
		} {
			diff := (c.f(c.plus) - c.f(c.minus)) / (2 * step)
			got := c.grad * c.shape // derivative by the logarithm of the shape
			// Rounding of terms as large as (alpha+beta) |logit| over the step.
			noise := 1e-15 * (d.Alpha + d.Beta + 10) * 10 / step
			if math.Abs(got-diff) > 1e-6*math.Abs(got)+noise+1e-7 {
				t.Fatalf("Beta%v at ln x = %g: %s is %g, differences give %g", d, lnX, c.name, got, diff)
			}
		}
	})
}

func TestBetaRandDistribution(t *testing.T) {
	const n = 50_000
	for k, s := range policytest.Shapes {
		d := Beta{s[0], s[1]}
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			r := rand.New(rng.New(7, "beta").Split(uint64(k)))
			u := make([]float64, n)
			var s1, s2, q1, q2 float64
			for i := range u {
				x, lnX, ln1mX := d.Rand(r)
				if !(lnX <= 0 && ln1mX <= 0) || math.IsInf(lnX, 0) || math.IsInf(ln1mX, 0) {
					t.Fatalf("draw %d: ln x = %g, ln(1-x) = %g", i, lnX, ln1mX)
				}
				if !policytest.Near(x, math.Exp(lnX), 1e-15) || !policytest.Near(1-x, math.Exp(ln1mX), 1e-15) {
					t.Fatalf("x = %g does not match ln x = %g, ln(1-x) = %g", x, lnX, ln1mX)
				}
				u[i] = d.CDFLogs(lnX, ln1mX)
				s1 += lnX
				s2 += ln1mX
				q1 += lnX * lnX
				q2 += ln1mX * ln1mX
			}
			ks := policytest.FromUniform(u)
			// 1.95 / sqrt(n) is exceeded once in a thousand.
			if ks > 1.95/math.Sqrt(n) {
				t.Errorf("KS distance %.4f to the CDF, %.4f allowed", ks, 1.95/math.Sqrt(n))
			}
			w1, w2 := d.MeanLogs()
			for _, m := range []struct{ sum, square, want float64 }{{s1, q1, w1}, {s2, q2, w2}} {
				mean := m.sum / n
				se := math.Sqrt((m.square/n - mean*mean) / n)
				// In the most skewed case ln(1-x) is non-zero about once in a
				// thousand draws; the normal bound still holds at n p = 50.
				if math.Abs(mean-m.want) > 4.5*se+1e-15 {
					t.Errorf("mean logarithm %g, want %g (standard error %g)", mean, m.want, se)
				}
			}
		})
	}
}

func TestBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-10, 10).Draw(t, "lo")
		hi := lo + math.Exp(rapid.Float64Range(-30, 3).Draw(t, "ln width"))
		x, lnX, ln1mX := FromLogit(rapid.Float64Range(-60, 60).Draw(t, "logit"))
		a := Between(lo, hi, lnX, ln1mX)
		if !(a >= lo && a <= hi) {
			t.Fatalf("%g is outside [%g, %g]", a, lo, hi)
		}
		if want := lo + (hi-lo)*x; math.Abs(a-want) > 1e-15*(math.Abs(lo)+math.Abs(hi)) {
			t.Fatalf("%g, want %g", a, want)
		}
	})
	// A share of 1e-30 below the upper endpoint 0 is kept.
	if a := Between(-1, 0, 0, math.Log(1e-30)); !policytest.Near(a/-1e-30, 1, 1e-13) {
		t.Errorf("got %g, want -1e-30", a)
	}
}

func TestBetaRandAllocates(t *testing.T) {
	r := rand.New(rng.New(1))
	if n := testing.AllocsPerRun(100, func() { Beta{0.5, 3}.Rand(r) }); n != 0 {
		t.Errorf("%g allocations a draw", n)
	}
}

func BenchmarkBetaRand(b *testing.B) {
	for _, d := range []Beta{{0.5, 0.8}, {1.1, 4}, {300, 500}} {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			r := rand.New(rng.New(1))
			for b.Loop() {
				d.Rand(r)
			}
		})
	}
}
