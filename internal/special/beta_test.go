package special

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/reference"
	_ "paspo/internal/seeded"
)

// near says whether got is want to tol, relative above 1 and absolute below.
func near(got, want, tol float64) bool {
	return math.Abs(got-want) <= tol*max(1, math.Abs(want))
}

func TestAgainstTable(t *testing.T) {
	const tol = 1e-13
	names := []string{"logB", "psiA", "psiB", "psiAB", "triA", "triB", "triAB"}
	worst := make([]float64, len(names)+1)
	for _, r := range reference.Table(t, "beta_terms.csv") {
		a, b := r[0], r[1]
		var got [7]float64
		got[0], got[1], got[2], got[3], got[4], got[5], got[6] = BetaTerms(a, b)
		for i, g := range got {
			want := r[2+i]
			if !near(g, want, tol) {
				t.Errorf("BetaTerms(%g, %g): %s = %.17g, want %.17g", a, b, names[i], g, want)
			}
			worst[i] = max(worst[i], math.Abs(g-want)/max(1, math.Abs(want)))
		}
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"LogBeta", LogBeta(a, b), r[2]},
			{"Trigamma(a)", Trigamma(a), r[6]},
			{"Trigamma(b)", Trigamma(b), r[7]},
		} {
			if !near(c.got, c.want, tol) {
				t.Errorf("a=%g b=%g: %s = %.17g, want %.17g", a, b, c.name, c.got, c.want)
			}
		}
		// Purely relative: the difference itself can be tiny.
		got8, want8 := DigammaDiff(a, b), r[9]
		rel := math.Abs(got8/want8 - 1)
		if !(rel <= tol) {
			t.Errorf("DigammaDiff(%g, %g) = %.17g, want %.17g", a, b, got8, want8)
		}
		worst[7] = max(worst[7], rel)
	}
	t.Logf("largest errors: %v %.2g, DigammaDiff %.2g", names, worst[:7], worst[7])
}

// The absolute accuracy of trigamma is no use where it is small.
func TestTrigammaRelative(t *testing.T) {
	for _, r := range reference.Table(t, "beta_terms.csv") {
		for i, x := range []float64{r[0], r[1], r[0] + r[1]} {
			if got, want := Trigamma(x), r[6+i]; !(math.Abs(got/want-1) <= 1e-13) {
				t.Errorf("Trigamma(%g) = %.17g, want %.17g", x, got, want)
			}
		}
	}
}

func TestSymmetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := math.Exp(rapid.Float64Range(-8, 12).Draw(t, "ln a"))
		b := math.Exp(rapid.Float64Range(-8, 12).Draw(t, "ln b"))
		l1, pa1, pb1, ps1, ta1, tb1, ts1 := BetaTerms(a, b)
		l2, pb2, pa2, ps2, tb2, ta2, ts2 := BetaTerms(b, a)
		if l1 != l2 || pa1 != pa2 || pb1 != pb2 || ps1 != ps2 || ta1 != ta2 || tb1 != tb2 || ts1 != ts2 {
			t.Fatalf("BetaTerms(%g, %g) is not that of the swapped shapes", a, b)
		}
		// B(a+1, b) = B(a, b) a / (a+b)
		up := LogBeta(a+1, b)
		if want := l1 + math.Log(a/(a+b)); !near(up, want, 2e-13) {
			t.Fatalf("recurrence at (%g, %g): %.17g, want %.17g", a, b, up, want)
		}
		if d := DigammaDiff(a, b); !near(d, ps1-pa1, 2e-13) {
			t.Fatalf("DigammaDiff(%g, %g) = %g, want %g", a, b, d, ps1-pa1)
		}
	})
}

func TestOutsideDomain(t *testing.T) {
	nan := math.NaN()
	for _, p := range [][2]float64{{0, 1}, {1, 0}, {-1, 2}, {2, -1}, {nan, 1}, {1, nan}, {math.Inf(1), 1}} {
		if v := LogBeta(p[0], p[1]); !math.IsNaN(v) {
			t.Errorf("LogBeta(%g, %g) = %g, want NaN", p[0], p[1], v)
		}
	}
	for _, x := range []float64{0, -1, nan} {
		if !math.IsNaN(Trigamma(x)) || !math.IsNaN(DigammaDiff(x, 1)) {
			t.Errorf("x = %g: want NaN", x)
		}
	}
	if !math.IsNaN(DigammaDiff(1, -1)) {
		t.Error("DigammaDiff(1, -1): want NaN")
	}
	if DigammaDiff(3, 0) != 0 {
		t.Error("DigammaDiff(3, 0): want 0")
	}
}

var sink float64

func BenchmarkBetaTerms(b *testing.B) {
	for _, c := range []struct {
		name string
		a, b float64
	}{{"small", 0.97, 3.6}, {"mixed", 0.97, 36}, {"large", 120, 450}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				l, p, q, r, s, t, u := BetaTerms(c.a, c.b)
				sink = l + p + q + r + s + t + u
			}
		})
	}
	// Shapes change from call to call in training, which costs mispredicted
	// branches.
	shapes := make([]float64, 1024)
	for i := range shapes {
		shapes[i] = math.Exp(6 * math.Sin(float64(i)*1.7))
	}
	b.Run("varied", func(b *testing.B) {
		i := 0
		for b.Loop() {
			l, p, q, r, s, t, u := BetaTerms(shapes[i&1023], shapes[(i*7+3)&1023])
			sink = l + p + q + r + s + t + u
			i++
		}
	})
}
