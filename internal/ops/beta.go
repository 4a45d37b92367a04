package ops

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
	"paspo/internal/special"
)

// NewBetaTerms returns for every action its log-probability and the sum of its
// conditional entropies (docs/method.md, sections 2 and 7),
//
//	sum_i m_i [(alpha_i-1) ln x_i + (beta_i-1) ln(1-x_i) - ln B(alpha_i, beta_i) - ln w_i],
//	sum_i m_i [H(alpha_i, beta_i) + ln w_i],
//
// with w_i the width of the interval and m_i = 0 for a fixed entity, whose
// logarithms are not read. The logits of head i are columns 2i (alpha) and 2i+1
// (beta). All of it is computed in float64: in float32 ln B(1e5, 1e5) is off by
// 0.18.
func NewBetaTerms[T blas.Float](s Shape, logits, logX, log1mX, logWidth, mask *G.Node) (*G.Node, error) {
	return apply(&betaTerms[T]{s: s}, logits, logX, log1mX, logWidth, mask)
}

type betaTerms[T blas.Float] struct {
	s Shape

	// slopes are the derivatives of both terms, see EvalBetaTerms: they share the
	// special functions with the terms, and the gradient, which comes after, reads
	// them here.
	slopes []float64
}

func (b *betaTerms[T]) kind() Kind          { return BetaTerms }
func (b *betaTerms[T]) attrs() Attrs        { return Attrs{Shape: b.s} }
func (b *betaTerms[T]) ranks() ([]int, int) { return []int{2, 2, 2, 2, 2}, 2 }

func (b *betaTerms[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	m, h := in[1][0], in[1][1]
	if in[0][0] != m || in[0][1] != 2*h || !in[2].Eq(in[1]) || !in[3].Eq(in[1]) || !in[4].Eq(in[1]) {
		return nil, errShapes
	}
	return tensor.Shape{m, 2}, nil
}

func (b *betaTerms[T]) run(out []T, in [][]T, s []tensor.Shape) {
	rows, heads := s[1][0], s[1][1]
	if b.slopes == nil {
		b.slopes = make([]float64, 4*rows*heads)
	}
	EvalBetaTerms(b.s, rows, heads, in[0], in[1], in[2], in[3], in[4], out, b.slopes)
}

// EvalBetaTerms writes the terms of rows actions of the given number of heads,
// and where slopes is not nil the derivatives for every row and head: first
// those of the log-probability by the logit of alpha, then by that of beta, then
// those of the entropy.
func EvalBetaTerms[T blas.Float](s Shape, rows, heads int, logits, logX, log1mX, logWidth, mask, terms []T, slopes []float64) {
	if heads == 0 {
		clear(terms)
		return
	}
	if blas.BetaTerms(s.Min, s.Max, rows, heads, logits, logX, log1mX, logWidth, mask, terms, slopes) {
		return
	}
	n := rows * heads
	for r := range rows {
		var lp, ent float64
		for k := r * heads; k < (r+1)*heads; k++ {
			var d [4]float64
			if mask[k] != 0 {
				w := float64(logWidth[k])
				var l, e float64
				l, e, d = evalBeta(s, float64(logits[2*k]), float64(logits[2*k+1]), float64(logX[k]), float64(log1mX[k]))
				lp += l - w
				ent += e + w
			}
			if slopes != nil {
				for j, v := range d {
					slopes[j*n+k] = v
				}
			}
		}
		terms[2*r], terms[2*r+1] = T(lp), T(ent)
	}
}

// evalBeta returns log-probability and entropy of one Beta distribution on
// [0, 1], and their derivatives by the two logits.
func evalBeta(s Shape, la, lb, x, y float64) (lp, ent float64, d [4]float64) {
	a, da := s.At(la)
	b, db := s.At(lb)
	logB, psiA, psiB, psiAB, triA, triB, triAB := special.BetaTerms(a, b)
	u := (a + b - 2) * triAB
	d = [4]float64{da * (x - psiA + psiAB), db * (y - psiB + psiAB), da * (u - (a-1)*triA), db * (u - (b-1)*triB)}
	return (a-1)*x + (b-1)*y - logB, logB - (a-1)*(psiA-psiAB) - (b-1)*(psiB-psiAB), d
}

func (b *betaTerms[T]) wrt() []bool { return []bool{true, false, false, false, false} }

func (b *betaTerms[T]) grads(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	g, err := apply(&betaTermsGrad[T]{forward: b}, in[0], in[1], in[2], in[4], out, grad)
	return G.Nodes{g, nil, nil, nil, nil}, err
}

// betaTermsGrad has the terms among its inputs so that it never runs before
// they are computed.
type betaTermsGrad[T blas.Float] struct {
	leaf
	forward *betaTerms[T]
}

func (b *betaTermsGrad[T]) kind() Kind          { return BetaTermsGrad }
func (b *betaTermsGrad[T]) attrs() Attrs        { return b.forward.attrs() }
func (b *betaTermsGrad[T]) ranks() ([]int, int) { return []int{2, 2, 2, 2, 2, 2}, 2 }

func (b *betaTermsGrad[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if in[0][0] != in[5][0] || in[5][1] != 2 || !in[4].Eq(in[5]) {
		return nil, errShapes
	}
	return in[0].Clone(), nil
}

func (b *betaTermsGrad[T]) run(out []T, in [][]T, s []tensor.Shape) {
	rows, h := s[1][0], s[1][1]
	g, n := in[5], rows*h
	d := b.forward.slopes
	logA, logB, entA, entB := d[:n], d[n:2*n], d[2*n:3*n], d[3*n:4*n]
	for r := range rows {
		gl, ge := float64(g[2*r]), float64(g[2*r+1])
		for k := r * h; k < (r+1)*h; k++ {
			out[2*k] = T(gl*logA[k] + ge*entA[k])
			out[2*k+1] = T(gl*logB[k] + ge*entB[k])
		}
	}
}
