package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
)

// LossInputs are the inputs of the loss of PPO, see Kind.
type LossInputs struct {
	Terms, Value, Old, Advantage, Target, Weight, Coef *G.Node
}

func (l *LossInputs) nodes() []*G.Node {
	return []*G.Node{l.Terms, l.Value, l.Old, l.Advantage, l.Target, l.Weight, l.Coef}
}

// NewLoss returns the loss of PPO (Schulman et al., arXiv 1707.06347, equations
// 7 and 9) as a scalar,
//
//	sum_r w_r [ -min(rho_r A_r, clip(rho_r, 1-eps, 1+eps) A_r) + c_v (V_r - R_r)^2 - c_e H_r ],
//	rho_r = exp(ln pi_r - ln pi_old_r),
//
// with w_r = 1/m for the m rows of a minibatch and 0 for padding.
func NewLoss[T blas.Float](in *LossInputs) (*G.Node, error) {
	return apply(&loss[T]{}, in.nodes()...)
}

// maxLogRatio bounds the exponent of the ratio: exp(40) and its products stay
// finite in float32. Beyond it the ratio is constant and its slope stays that of
// the bound, which still pulls back an action that has become too likely.
const maxLogRatio = 40

func ratio[T blas.Float](lp, old T) float64 {
	return math.Exp(min(float64(lp)-float64(old), maxLogRatio))
}

// surrogate returns min(rho A, clip(rho) A) and its derivative by ln pi.
func surrogate(rho, a, eps float64) (value, slope float64) {
	clipped := min(max(rho, 1-eps), 1+eps)
	if rho*a <= clipped*a {
		return rho * a, rho * a
	}
	return clipped * a, 0
}

type loss[T blas.Float] struct{}

func (*loss[T]) kind() Kind          { return Loss }
func (*loss[T]) attrs() Attrs        { return Attrs{} }
func (*loss[T]) ranks() ([]int, int) { return []int{2, 2, 1, 1, 1, 1, 1}, 0 }

func (*loss[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	m := in[0][0]
	if in[0][1] != 2 || in[1][0] != m || in[1][1] != 1 || in[6][0] != 3 {
		return nil, errShapes
	}
	for _, s := range in[2:6] {
		if s[0] != m {
			return nil, errShapes
		}
	}
	return tensor.ScalarShape(), nil
}

func (*loss[T]) run(out []T, in [][]T, _ []tensor.Shape) {
	d := diagnose(in)
	coef := in[6]
	out[0] = T(d[PolicyLoss] + float64(coef[1])*d[ValueLoss] - float64(coef[2])*d[Entropy])
}

func (*loss[T]) wrt() []bool { return []bool{true, true, false, false, false, false, false} }

func (*loss[T]) grads(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	gt, err := apply(&lossGradTerms[T]{}, in[0], in[2], in[3], in[5], in[6], grad)
	if err != nil {
		return nil, err
	}
	gv, err := apply(&lossGradValue[T]{}, in[1], in[4], in[5], in[6], grad)
	return G.Nodes{gt, gv, nil, nil, nil, nil, nil}, err
}

type lossGradTerms[T blas.Float] struct{ leaf }

func (*lossGradTerms[T]) kind() Kind          { return LossGradTerms }
func (*lossGradTerms[T]) attrs() Attrs        { return Attrs{} }
func (*lossGradTerms[T]) ranks() ([]int, int) { return []int{2, 1, 1, 1, 1, 0}, 2 }

func (*lossGradTerms[T]) shape(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }

func (*lossGradTerms[T]) run(out []T, in [][]T, s []tensor.Shape) {
	terms, old, adv, weight, coef, g := in[0], in[1], in[2], in[3], in[4], float64(in[5][0])
	for r := range s[0][0] {
		w := g * float64(weight[r])
		_, slope := surrogate(ratio(terms[2*r], old[r]), float64(adv[r]), float64(coef[0]))
		out[2*r] = T(-w * slope)
		out[2*r+1] = T(-w * float64(coef[2]))
	}
}

type lossGradValue[T blas.Float] struct{ leaf }

func (*lossGradValue[T]) kind() Kind          { return LossGradValue }
func (*lossGradValue[T]) attrs() Attrs        { return Attrs{} }
func (*lossGradValue[T]) ranks() ([]int, int) { return []int{2, 1, 1, 1, 0}, 2 }

func (*lossGradValue[T]) shape(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }

func (*lossGradValue[T]) run(out []T, in [][]T, s []tensor.Shape) {
	value, target, weight, coef, g := in[0], in[1], in[2], in[3], float64(in[4][0])
	for r := range s[0][0] {
		out[r] = T(2 * g * float64(weight[r]) * float64(coef[1]) * (float64(value[r]) - float64(target[r])))
	}
}

// Diagnostic indexes the result of NewLossDiagnostics.
type Diagnostic int

const (
	PolicyLoss   Diagnostic = iota // -min(rho A, clip(rho) A), mean
	ValueLoss                      // (V - R)^2, mean
	Entropy                        // mean
	KL                             // rho - 1 - ln rho, mean: from the old policy, never negative
	ClipFraction                   // share of rows with |rho - 1| > eps
	Deviation                      // largest |rho - 1|
	diagnostics
)

// NewLossDiagnostics returns what is reported of a gradient step. It has no
// gradient.
func NewLossDiagnostics[T blas.Float](in *LossInputs) (*G.Node, error) {
	return apply(&lossDiagnostics[T]{}, in.nodes()...)
}

type lossDiagnostics[T blas.Float] struct{ leaf }

func (*lossDiagnostics[T]) kind() Kind          { return LossDiagnostics }
func (*lossDiagnostics[T]) attrs() Attrs        { return Attrs{} }
func (*lossDiagnostics[T]) ranks() ([]int, int) { return []int{2, 2, 1, 1, 1, 1, 1}, 1 }

func (*lossDiagnostics[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if _, err := (*loss[T])(nil).shape(in); err != nil {
		return nil, err
	}
	return tensor.Shape{int(diagnostics)}, nil
}

func (*lossDiagnostics[T]) run(out []T, in [][]T, _ []tensor.Shape) {
	for i, x := range diagnose(in) {
		out[i] = T(x)
	}
}

func diagnose[T blas.Float](in [][]T) (d [diagnostics]float64) {
	terms, value, old, adv, target, weight, coef := in[0], in[1], in[2], in[3], in[4], in[5], in[6]
	eps := float64(coef[0])
	for r, wr := range weight {
		if wr == 0 {
			continue
		}
		w := float64(wr)
		rho := ratio(terms[2*r], old[r])
		s, _ := surrogate(rho, float64(adv[r]), eps)
		e := float64(value[r]) - float64(target[r])
		d[PolicyLoss] -= w * s
		d[ValueLoss] += w * e * e
		d[Entropy] += w * float64(terms[2*r+1])
		d[KL] += w * (rho - 1 - (float64(terms[2*r]) - float64(old[r])))
		if math.Abs(rho-1) > eps {
			d[ClipFraction] += w
		}
		d[Deviation] = max(d[Deviation], math.Abs(rho-1))
	}
	return d
}
