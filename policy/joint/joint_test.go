package joint

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

const (
	testObs   = 3
	testCosts = 2
	testRows  = 24
)

// loaded returns a backend that has loaded a batch of its own samples, and all rows of it.
func loaded(t testing.TB) (b *Backend, rows []int32) {
	t.Helper()
	p := polytope(lp.Description{Entities: []string{"a", "b", "c", "d"}, Total: 1})
	f := must(NewDirichlet(p, policy.DefaultConfig()))
	return loadedOf(t, p, f)
}

// loadedOf is loaded for a family.
func loadedOf(t testing.TB, p *lp.Polytope, f policy.Family) (b *Backend, rows []int32) {
	t.Helper()
	b = New(f, testObs, testCosts, policy.DefaultConfig(), 7)
	req := policytest.RandomRequest(testRows, testObs, 3)
	req.Keep = true
	policytest.MustSample(t, b, req)
	g := &policy.Batch{
		Rows: testRows, Advantage: make([]float32, testRows), Return: make([]float32, testRows), CostReturn: make([]float32, testRows*testCosts),
	}
	r := rand.New(rng.New(5))
	for i := range g.Advantage {
		g.Advantage[i], g.Return[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
		rows = append(rows, int32(i))
	}
	b.ComputeKL()
	if err := b.Load(g); err != nil {
		t.Fatal(err)
	}
	return b, rows
}

// jitter returns a random direction in the space of the parameters.
func jitter(b *Backend, seed uint64) []float32 {
	r := rand.New(rng.New(seed, "jitter"))
	v := make([]float32, len(b.params))
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func shift(b *Backend, from, v []float32, h float32) {
	for i, x := range from {
		b.params[i] = x + h*v[i]
	}
	b.ParamsChanged()
}

// term reads one of the terms of a row, and sets the derivative of the loss by it.
type term struct {
	value func(*policy.Terms, int) float64
	slope func(*policy.Terms, int, float64)
}

var (
	logProbTerm = term{func(t *policy.Terms, i int) float64 { return t.LogProb[i] }, func(t *policy.Terms, i int, w float64) { t.DLogProb[i] = w }}
	entropyTerm = term{func(t *policy.Terms, i int) float64 { return t.Entropy[i] }, func(t *policy.Terms, i int, w float64) { t.DEntropy[i] = w }}
	klTerm      = term{func(t *policy.Terms, i int) float64 { return t.KL[i] }, func(t *policy.Terms, i int, w float64) { t.DKL[i] = w }}
	penaltyTerm = term{func(t *policy.Terms, i int) float64 { return t.Penalty[i] }, func(t *policy.Terms, i int, w float64) { t.DPenalty[i] = w }}
	valueTerm   = term{func(t *policy.Terms, i int) float64 { return float64(t.Value[i]) }, func(t *policy.Terms, i int, w float64) { t.DValue[i] = float32(w) }}
	costTerm    = term{func(t *policy.Terms, i int) float64 { return float64(t.Cost[2*i+1]) }, func(t *policy.Terms, i int, w float64) {
		t.DCost[2*i+1] = float32(w)
	}}
)

// The derivative of every term along random directions agrees with differences.
func TestBackwardByDifferences(t *testing.T) {
	b, rows := loaded(t)
	checkBackward(t, b, rows, map[string]term{
		"log-probability": logProbTerm, "entropy": entropyTerm, "divergence": klTerm, "value": valueTerm, "cost": costTerm,
	})
}

// checkBackward compares the gradients of terms with differences, near the old policy.
func checkBackward(t *testing.T, b *Backend, rows []int32, terms map[string]term) {
	t.Helper()
	// Away from the old policy, so that no divergence is at its minimum.
	shift(b, slices.Clone(b.params), jitter(b, 1), 0.1)
	at := slices.Clone(b.params)
	weights := make([]float64, testRows)
	r := rand.New(rng.New(9))
	for i := range weights {
		weights[i] = r.NormFloat64()
	}
	for name, term := range terms {
		loss := func() (sum float64) {
			terms := b.Forward(rows)
			for i, w := range weights {
				sum += w * term.value(terms, i)
			}
			return sum
		}
		shift(b, at, jitter(b, 1), 0)
		clear(b.grads)
		terms := b.Forward(rows)
		for i, w := range weights {
			term.slope(terms, i, w)
		}
		b.Backward(terms)
		grad := slices.Clone(b.grads)
		for seed := range uint64(4) {
			v := jitter(b, 20+seed)
			const h = 1. / 32768 // smaller than most distances to a kink of max(., 0)
			shift(b, at, v, h)
			up := loss()
			shift(b, at, v, -h)
			down := loss()
			var got, size float64
			for i, g := range grad {
				got += float64(g) * float64(v[i])
				size += float64(g) * float64(g)
			}
			if want := (up - down) / (2 * h); math.Abs(got-want) > 0.01*(math.Sqrt(size)+math.Abs(want)) {
				t.Errorf("%s: derivative %g along a direction, want %g by differences (gradient of norm %g)", name, got, want, math.Sqrt(size))
			}
		}
	}
}

// F v is the derivative of the gradient of the mean divergence along v.
func TestFisherByDifferences(t *testing.T) {
	b, rows := loaded(t)
	at := slices.Clone(b.params)
	v := jitter(b, 3)
	clear(v[b.actorSize:])
	clear(b.grads)
	if err := b.Fisher(v[:b.actorSize]); err != nil {
		t.Fatal(err)
	}
	got := slices.Clone(b.Gradient())
	slope := func(h float32) []float32 {
		shift(b, at, v, h)
		clear(b.grads)
		terms := b.Forward(rows)
		for i := range rows {
			terms.DKL[i] = 1. / testRows
		}
		b.Backward(terms)
		return slices.Clone(b.Gradient())
	}
	const h = 1. / 8192
	up, down := slope(h), slope(-h)
	var off, size float64
	for i, g := range got {
		want := float64(up[i]-down[i]) / (2 * h)
		off += (float64(g) - want) * (float64(g) - want)
		size += want * want
	}
	if !(math.Sqrt(off) < 0.01*math.Sqrt(size)) {
		t.Errorf("F v is off by %g of %g", math.Sqrt(off), math.Sqrt(size))
	}
}

// Steps lower PPO's losses, and the first ratio is exactly 1.
func TestStepsLowerLosses(t *testing.T) {
	b, rows := loaded(t)
	s := policytest.StepSettings()
	s.Clip, s.LearningRate, s.EntropyCoef, s.WeightDecay = 0.2, 1e-2, 0, 0
	var first, last policy.Diagnostics
	for i := range 60 {
		if err := b.Step(rows, s); err != nil {
			t.Fatal(err)
		}
		d, err := b.Diagnostics()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = d
		}
		last = d
	}
	if first.MaxRatioDeviation != 0 {
		t.Errorf("the first ratio is off 1 by %g", first.MaxRatioDeviation)
	}
	if !(last.PolicyLoss < first.PolicyLoss-0.05 && last.ValueLoss < first.ValueLoss) {
		t.Errorf("losses %g, %g at first, %g, %g at last", first.PolicyLoss, first.ValueLoss, last.PolicyLoss, last.ValueLoss)
	}
}

// The sample of a row does not depend on other rows, and another backend with the same state draws
// the same.
func TestSamplesAreTheirOwn(t *testing.T) {
	b, _ := loaded(t)
	s := policytest.StepSettings()
	if err := b.Step([]int32{0, 1, 2}, s); err != nil {
		t.Fatal(err)
	}
	all := policytest.MustSample(t, b, policytest.RandomRequest(9, testObs, 1))
	c := New(b.family, testObs, testCosts, policy.DefaultConfig(), 8)
	if err := c.SetState(policytest.MustState(t, b)); err != nil {
		t.Fatal(err)
	}
	one := policytest.RandomRequest(9, testObs, 1)
	one.Rows, one.Obs, one.Streams = 1, one.Obs[4*testObs:5*testObs], one.Streams[4:5]
	alone := policytest.MustSample(t, c, one)
	if !slices.Equal(alone.Actions, all.Actions[16:20]) || alone.Value[0] != all.Value[4] || !slices.Equal(alone.CostValue, all.CostValue[8:10]) ||
		alone.LogProb[0] != all.LogProb[4] {
		t.Error("a row alone differs from the row among others")
	}
	state := policytest.MustState(t, b)
	state.Params[0].Name = "encoder.0.weight"
	if err := c.SetState(state); err == nil {
		t.Error("a state of other networks was taken")
	}
}

// A non-finite parameter ends training with its name.
func TestNonFinite(t *testing.T) {
	b, rows := loaded(t)
	state := policytest.MustState(t, b)
	state.Params[2].Data[0] = float32(math.Inf(1))
	if err := b.SetState(state); err != nil {
		t.Fatal(err)
	}
	err := b.Step(rows, policytest.StepSettings())
	if _, ok := err.(*policy.NonFiniteError); !ok || !bytes.Contains([]byte(err.Error()), []byte("actor.1.weight")) {
		t.Errorf("error %v", err)
	}
}
