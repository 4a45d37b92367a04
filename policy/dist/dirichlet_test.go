package dist

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/reference"
	"paspo/internal/rng"
)

func TestDirichletTable(t *testing.T) {
	const tol = 1e-10
	for _, r := range reference.Table(t, "dirichlet.csv") {
		d, e, lnX := Dirichlet(r[:3]), Dirichlet(r[3:6]), r[6:9]
		check := func(name string, got, want, slack float64) {
			if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))+slack) {
				t.Errorf("Dirichlet%v: %s = %.15g, want %.15g", d, name, got, want)
			}
		}
		grad := make([]float64, 3)
		// The logarithms of x are rounded to float64, and alpha multiplies that error.
		var slack float64
		for i, a := range d {
			slack += 4e-16 * math.Abs((a-1)*lnX[i])
		}
		check("log-prob", d.LogProb(lnX), r[9], slack)
		d.LogProbGrad(lnX, grad)
		for i, g := range grad {
			check("d log-prob", g, r[10+i], 0)
		}
		check("entropy", d.Entropy(), r[13], 0)
		d.EntropyGrad(grad)
		for i, g := range grad {
			check("d entropy", g, r[14+i], 0)
		}
		// ln B of concentrations of 1e5 is near -3e5, so that 11 of 16 digits remain.
		check("KL", d.KL(e), r[17], 1e-16*(math.Abs(d.logNorm())+math.Abs(e.logNorm())))
		d.KLGrad(e, grad)
		for i, g := range grad {
			check("d KL", g, r[18+i], 0)
		}
	}
}

func drawDirichlet(t *rapid.T, n int, name string) Dirichlet {
	d := make(Dirichlet, n)
	for i := range d {
		d[i] = math.Exp(rapid.Float64Range(-4, 6).Draw(t, name))
	}
	return d
}

// The Fisher information is the Jacobian of the gradient of KL(d || e) at e = d, and that
// of E ln x.
func TestDirichletFisher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "n")
		d := drawDirichlet(t, n, "ln alpha")
		v, got := make([]float64, n), make([]float64, n)
		for i := range v {
			v[i] = d[i] * rapid.Float64Range(-1, 1).Draw(t, "v")
		}
		d.Fisher(v, got)
		const h = 1e-4
		up, down := make(Dirichlet, n), make(Dirichlet, n)
		for i := range d {
			up[i], down[i] = d[i]+h*v[i], d[i]-h*v[i]
		}
		a, b := make([]float64, n), make([]float64, n)
		d.KLGrad(up, a)
		d.KLGrad(down, b)
		for i := range got {
			if want := (a[i] - b[i]) / (2 * h); math.Abs(got[i]-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("Dirichlet%v: F v = %g, want %g by differences", d, got[i], want)
			}
		}
	})
}

// With two components it is the Beta distribution; KL is 0 from a distribution to itself and
// above 0 to others.
func TestDirichletProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		two := drawDirichlet(t, 2, "ln alpha")
		_, lnX, ln1mX := FromLogit(rapid.Float64Range(-9, 9).Draw(t, "logit"))
		b := Beta{two[0], two[1]}
		if got, want := two.LogProb([]float64{lnX, ln1mX}), b.LogProbLogs(lnX, ln1mX); math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Fatalf("log-prob %g of Dirichlet%v, %g of the Beta", got, two, want)
		}
		if got, want := two.Entropy(), b.Entropy(); math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Fatalf("entropy %g of Dirichlet%v, %g of the Beta", got, two, want)
		}
		d, e := drawDirichlet(t, 5, "ln alpha"), drawDirichlet(t, 5, "ln other")
		if k := d.KL(d); math.Abs(k) > 1e-12 {
			t.Fatalf("KL of Dirichlet%v from itself is %g", d, k)
		}
		if k := d.KL(e); !(k > 0) {
			t.Fatalf("KL(Dirichlet%v || Dirichlet%v) = %g", d, e, k)
		}
	})
}

// Draws sum to 1 and have the moments E ln x.
func TestDirichletRand(t *testing.T) {
	const draws = 20_000
	for _, d := range []Dirichlet{{1, 1, 1}, {0.05, 0.3, 2}, {300, 40, 5, 1}} {
		r := rand.New(rng.New(5))
		lnX, want := make([]float64, len(d)), make([]float64, len(d))
		sum, square := make([]float64, len(d)), make([]float64, len(d))
		for range draws {
			d.Rand(r, lnX)
			var total float64
			for i, l := range lnX {
				total += math.Exp(l)
				sum[i] += l
				square[i] += l * l
			}
			if math.Abs(total-1) > 1e-13 {
				t.Fatalf("a draw of Dirichlet%v sums to %g", d, total)
			}
		}
		d.MeanLogs(want)
		for i := range d {
			mean := sum[i] / draws
			if se := math.Sqrt((square[i]/draws - mean*mean) / draws); math.Abs(mean-want[i]) > 4.5*se {
				t.Errorf("Dirichlet%v: mean ln x_%d is %g, want %g (standard error %g)", d, i, mean, want[i], se)
			}
		}
	}
}

func TestDirichletMode(t *testing.T) {
	out := make([]float64, 3)
	Dirichlet{2, 3, 5}.ModeLog(out)
	for i, want := range []float64{1. / 7, 2. / 7, 4. / 7} {
		if math.Abs(math.Exp(out[i])-want) > 1e-15 {
			t.Errorf("mode %g, want %g", math.Exp(out[i]), want)
		}
	}
	Dirichlet{2, 0.5, 1.5}.ModeLog(out) // none: the mean
	for i, want := range []float64{0.5, 0.125, 0.375} {
		if math.Abs(math.Exp(out[i])-want) > 1e-15 {
			t.Errorf("without a mode %g, want the mean %g", math.Exp(out[i]), want)
		}
	}
}
