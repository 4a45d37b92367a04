package adam

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// reference is Adam as torch's documentation of torch.optim.Adam and
// torch.nn.utils.clip_grad_norm_ state it, in float64.
type reference struct{ w, m, v []float64 }

func (a *reference) step(t int, g []float32, s policy.Settings) {
	norm := 0.
	for _, x := range g {
		norm += float64(x) * float64(x)
	}
	scale := 1.
	if s.MaxGradNorm > 0 {
		scale = min(1, s.MaxGradNorm/(math.Sqrt(norm)+1e-6))
	}
	for i := range a.w {
		d := scale*float64(g[i]) + s.WeightDecay*a.w[i]
		a.m[i] = s.Beta1*a.m[i] + (1-s.Beta1)*d
		a.v[i] = s.Beta2*a.v[i] + (1-s.Beta2)*d*d
		mHat := a.m[i] / (1 - math.Pow(s.Beta1, float64(t)))
		vHat := a.v[i] / (1 - math.Pow(s.Beta2, float64(t)))
		a.w[i] -= s.LearningRate * mHat / (math.Sqrt(vHat) + s.Epsilon)
	}
}

func TestAdamAgainstFloat64(t *testing.T) {
	const n = 101
	for _, maxNorm := range []float64{0, 0.5, 1e6} {
		s := policytest.StepSettings()
		s.MaxGradNorm = maxNorm
		r := rand.New(rand.NewPCG(1, 2))
		w, g := make([]float32, n), make([]float32, n)
		ref := &reference{make([]float64, n), make([]float64, n), make([]float64, n)}
		for i := range w {
			w[i] = float32(r.NormFloat64())
			ref.w[i] = float64(w[i])
		}
		opt := Optimizer{M: make([]float32, n), V: make([]float32, n)}
		for step := 1; step <= 200; step++ {
			for i := range g {
				g[i] = float32(r.NormFloat64() * math.Pow(10, float64(i%7-3)))
			}
			if _, ok := opt.Apply(w, g, &s); !ok {
				t.Fatal("the parameters are not finite")
			}
			ref.step(step, g, s)
		}
		for i := range w {
			// 200 steps of at most 1e-3 each, rounded to float32 every time.
			if d := math.Abs(float64(w[i]) - ref.w[i]); d > 2e-6*(1+math.Abs(ref.w[i])) {
				t.Errorf("max norm %g: parameter %d is %.9g, want %.9g", maxNorm, i, w[i], ref.w[i])
			}
		}
	}
}

// One step by hand: w = 1, g = 3 clipped to 2, decay 0.5, so d = 2.5; the first
// step of Adam is the learning rate times d/(|d|+eps).
func TestAdamFirstStep(t *testing.T) {
	s := policy.Settings{LearningRate: 0.1, MaxGradNorm: 2, WeightDecay: 0.5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1}
	w := []float32{1}
	opt := Optimizer{M: []float32{0}, V: []float32{0}}
	norm, ok := opt.Apply(w, []float32{3}, &s)
	if norm != 3 || !ok {
		t.Errorf("norm %g, finite %v", norm, ok)
	}
	if want := 1 - 0.1*2.5/(2.5+1); math.Abs(float64(w[0])-want) > 1e-6 {
		t.Errorf("w is %g, want %g", w[0], want)
	}
	if math.Abs(float64(opt.M[0])-0.25) > 1e-6 || math.Abs(float64(opt.V[0])-0.00625) > 1e-7 {
		t.Errorf("moments %g and %g, want 0.25 and 0.00625", opt.M[0], opt.V[0])
	}
}

func TestAdamRefusesNonFiniteGradients(t *testing.T) {
	s := policytest.StepSettings()
	w, g := []float32{1, 2}, []float32{float32(math.Inf(1)), 0}
	opt := Optimizer{M: make([]float32, 2), V: make([]float32, 2)}
	if norm, _ := opt.Apply(w, g, &s); !math.IsInf(norm, 1) {
		t.Errorf("the norm is %g", norm)
	}
	if w[0] != 1 || w[1] != 2 || opt.Step != 0 {
		t.Error("a step was taken")
	}
}
