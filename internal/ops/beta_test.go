package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// The logits cover alpha and beta from 1e-3 to 1e5.
func TestBetaTermsGradient(t *testing.T) {
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 200}} {
		for _, span := range [][2]float64{{-0.5, 0.5}, {math.Log(1e-3), math.Log(1e-2)}, {math.Log(1e4), math.Log(1e5)}, {math.Log(1e-3), math.Log(1e5)}} {
			t.Run(fmt.Sprintf("%v %.2v", s, span), func(t *testing.T) {
				b := newBench(t, 4)
				const m, h = 12, 3
				logits := b.input("logits", func() float64 { return span[0] + (span[1]-span[0])*b.r.Float64() }, m, 2*h)
				logX, log1mX := b.input("logX", b.normal, m, h), b.input("log1mX", b.normal, m, h)
				mask := b.input("mask", func() float64 { return float64(b.r.IntN(4) / 2 % 2) }, m, h)
				width := b.input("logWidth", b.normal, m, h)
				for k := range b.inputs["logX"].data {
					// Points that such a distribution gives.
					x := s.typical(b.inputs["logits"].data[2*k:], b.r.Float64())
					b.inputs["logX"].data[k], b.inputs["log1mX"].data[k] = math.Log(x), math.Log1p(-x)
					if b.inputs["mask"].data[k] == 0 {
						// What a fixed entity stores, or anything else, is not read.
						b.inputs["logX"].data[k], b.inputs["logWidth"].data[k] = math.Inf(-1), math.NaN()
					}
				}
				y, err := NewBetaTerms[float64](s, logits, logX, log1mX, width, mask)
				b.check(b.scalar(y, err), 1e-6, "logits")
			})
		}
	}
}

// What trains, in float32 arrays and vectors, is what is checked, in float64.
func TestBetaTermsOfBothTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	const rows, heads, n = 13, 5, 13 * 5
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 50}} {
		in := make([][]float32, 5)
		for i := range in {
			in[i] = make([]float32, 2*n)
			for k := range in[i] {
				in[i][k] = float32(3 * r.NormFloat64())
			}
		}
		for k := range n {
			x := r.Float64()
			in[1][k], in[2][k], in[4][k] = float32(math.Log(x)), float32(math.Log1p(-x)), float32(r.IntN(2))
		}
		wide := make([][]float64, 5)
		for i := range in {
			for _, x := range in[i] {
				wide[i] = append(wide[i], float64(x))
			}
		}
		terms, slopes := make([]float32, 2*rows), make([]float64, 4*n)
		EvalBetaTerms(s, rows, heads, in[0], in[1], in[2], in[3], in[4], terms, slopes)
		want, wantSlopes := make([]float64, 2*rows), make([]float64, 4*n)
		EvalBetaTerms(s, rows, heads, wide[0], wide[1], wide[2], wide[3], wide[4], want, wantSlopes)
		for i := range want {
			if math.Abs(float64(terms[i])-want[i]) > 1e-6*(1+math.Abs(want[i])) {
				t.Errorf("%v: term %d is %g, want %g", s, i, terms[i], want[i])
			}
		}
		for i := range wantSlopes {
			if math.Abs(slopes[i]-wantSlopes[i]) > 1e-11*(1+math.Abs(wantSlopes[i])) {
				t.Errorf("%v: slope %d is %g, want %g", s, i, slopes[i], wantSlopes[i])
			}
		}
	}
	terms := []float32{1, 2}
	EvalBetaTerms(Shape{}, 1, 0, nil, nil, nil, nil, nil, terms, nil)
	if terms[0] != 0 || terms[1] != 0 {
		t.Errorf("an action of no heads has the terms %v", terms)
	}
}

// typical is a point near the mean of the distribution, moved by u.
func (s Shape) typical(logits []float64, u float64) float64 {
	a, _ := s.At(logits[0])
	c, _ := s.At(logits[1])
	mean := a / (a + c)
	sd := math.Sqrt(mean * (1 - mean) / (a + c + 1))
	return min(max(mean+(2*u-1)*sd, 1e-9), 1-1e-9)
}

func TestShape(t *testing.T) {
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 100}, {Max: 1e4}} {
		for _, y := range []float64{1e-3, 0.5, 1, 20, 99} {
			l := s.Inverse(y)
			got, dy := s.At(l)
			if math.Abs(got-y) > 1e-12*y {
				t.Errorf("%v: y(Inverse(%g)) is %g", s, y, got)
			}
			const h = 1e-6
			up, _ := s.At(l + h)
			down, _ := s.At(l - h)
			if want := (up - down) / (2 * h); math.Abs(dy-want) > 1e-6*want {
				t.Errorf("%v: the slope at %g is %g, differences give %g", s, y, dy, want)
			}
		}
		if s.Max > 0 {
			if y, dy := s.At(1000); y != s.Max || math.IsNaN(dy) {
				t.Errorf("%v: y(1000) is %g with slope %g", s, y, dy)
			}
		}
	}
}
