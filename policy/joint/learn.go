package joint

import (
	"errors"
	"fmt"
	"math"

	"paspo/internal/finite"
	"paspo/policy"
	"paspo/policy/internal/adam"
)

// Load implements policy.Backend. The batch must have no samples of its own: the backend
// learns from the rows that it has kept.
func (b *Backend) Load(g *policy.Batch) error {
	n := g.Rows
	switch {
	case !g.Kept():
		return errors.New("policy: a batch with samples of its own, of a policy that keeps them")
	case n > b.kept.rows:
		return fmt.Errorf("policy: a batch of %d rows where %d were kept", n, b.kept.rows)
	case len(g.Advantage) != n || len(g.Return) != n || len(g.CostReturn) != 0 && len(g.CostReturn) != n*b.Costs():
		return fmt.Errorf("policy: a batch of %d rows has %d advantages, %d returns and %d of costs", n, len(g.Advantage), len(g.Return), len(g.CostReturn))
	}
	b.loaded = g
	b.batch.rows, b.batch.obs, b.batch.draws = n, b.kept.obs, b.kept.draws
	return b.SetOldPolicy()
}

// SetOldPolicy implements policy.Differentiable.
func (b *Backend) SetOldPolicy() error {
	k, width, size := &b.batch, b.family.Outputs(), b.family.DrawSize()
	k.outputs, k.logProb = resized(k.outputs, k.rows*width), resized(k.logProb, k.rows)
	copy(k.outputs, b.actor.forward(k.obs[:k.rows*b.obsDim], k.rows))
	for r := range k.rows {
		k.logProb[r] = b.family.LogProb(k.outputs[r*width:(r+1)*width], k.draws[r*size:(r+1)*size], nil)
	}
	return nil
}

// ComputeKL implements policy.Differentiable.
func (b *Backend) ComputeKL() { b.diverges = true }

// Draws implements policy.Differentiable.
func (b *Backend) Draws() []float32 { return b.batch.draws[:b.batch.rows*b.family.DrawSize()] }

// Forward implements policy.Differentiable.
func (b *Backend) Forward(rows []int32) *policy.Terms {
	n, width, size, costs := len(rows), b.family.Outputs(), b.family.DrawSize(), b.Costs()
	t, k := &b.terms, &b.batch

	b.rowObs = resized(b.rowObs, n*b.obsDim)
	for i, r := range rows {
		copy(b.rowObs[i*b.obsDim:(i+1)*b.obsDim], k.obs[int(r)*b.obsDim:])
	}
	for _, s := range []*[]float64{&t.LogProb, &t.Ratio, &t.Entropy, &t.KL, &t.Penalty, &t.DLogProb, &t.DEntropy, &t.DKL, &t.DPenalty} {
		*s = resized(*s, n)
		clear(*s)
	}
	t.DValue, t.DCost = resized(t.DValue, n), resized(t.DCost, n*costs)
	clear(t.DValue)
	clear(t.DCost)
	for _, s := range []*[]float32{&b.row.logProb, &b.row.entropy, &b.row.kl, &b.row.penalty} {
		*s = resized(*s, n*width)
	}

	z := b.actor.forward(b.rowObs, n)
	t.Value = b.critic.forward(b.rowObs, n)
	if b.costs != nil {
		t.Cost = b.costs.forward(b.rowObs, n)
	}
	entropic, _ := b.family.(policy.Entropic)
	drawn, _ := b.family.(policy.DrawEntropic)
	penalized, _ := b.family.(policy.Penalized)
	divergent, _ := b.family.(policy.Divergent)
	for i, r := range rows {
		z, at, to := z[i*width:(i+1)*width], i*width, (i+1)*width
		draw := k.draws[int(r)*size : (int(r)+1)*size]
		t.LogProb[i] = b.family.LogProb(z, draw, b.row.logProb[at:to])
		t.Ratio[i] = policy.Ratio(t.LogProb[i] - k.logProb[r])
		t.Entropy[i] = -t.LogProb[i]
		if entropic != nil {
			t.Entropy[i] = entropic.Entropy(z, b.row.entropy[at:to])
		} else if drawn != nil {
			t.Entropy[i] = drawn.DrawEntropy(z, draw, b.row.entropy[at:to])
		}
		if penalized != nil {
			t.Penalty[i] = penalized.Penalty(z, draw, b.row.penalty[at:to])
		}
		if divergent != nil && b.diverges {
			t.KL[i] = divergent.KL(k.outputs[int(r)*width:(int(r)+1)*width], z, b.row.kl[at:to])
		}
	}
	return t
}

// Backward implements policy.Differentiable.
func (b *Backend) Backward(t *policy.Terms) {
	width := b.family.Outputs()
	_, entropic := b.family.(policy.Entropic)
	if _, drawn := b.family.(policy.DrawEntropic); drawn {
		entropic = true
	}
	if !entropic {
		scoreEntropy(t)
	}
	dz := b.actor.derivatives()
	clear(dz)
	for i := range t.LogProb {
		to := dz[i*width : (i+1)*width]
		axpy(to, t.DLogProb[i], b.row.logProb[i*width:])
		if entropic {
			axpy(to, t.DEntropy[i], b.row.entropy[i*width:])
		}
		axpy(to, t.DKL[i], b.row.kl[i*width:])
		axpy(to, t.DPenalty[i], b.row.penalty[i*width:])
	}
	b.actor.backward()
	copy(b.critic.derivatives(), t.DValue)
	b.critic.backward()
	if b.costs != nil {
		copy(b.costs.derivatives(), t.DCost)
		b.costs.backward()
	}
}

// axpy adds a x to y.
func axpy(y []float32, a float64, x []float32) {
	if a == 0 {
		return
	}
	for j := range y {
		y[j] += float32(a) * x[j]
	}
}

// scoreEntropy replaces derivatives with respect to entropies that are not known by
// derivatives with respect to log-probabilities: dH = -E[(ln p + H) d ln p], with the mean
// over the rows in place of H.
func scoreEntropy(t *policy.Terms) {
	var mean float64
	for _, h := range t.Entropy {
		mean += h / float64(len(t.Entropy))
	}
	for i, d := range t.DEntropy {
		t.DLogProb[i] += d * (t.Entropy[i] - mean)
	}
}

// Update implements policy.Differentiable.
func (b *Backend) Update(s policy.Settings) (norm float64, err error) {
	if b.nonFinite != nil {
		return 0, b.nonFinite
	}
	step := b.opt.Step
	apply := func(from, to int) (float64, bool) {
		part := adam.Optimizer{M: b.opt.M[from:to], V: b.opt.V[from:to], Step: step}
		norm, ok := part.Apply(b.params[from:to], b.grads[from:to], &s)
		return norm, ok && !math.IsNaN(norm) && !math.IsInf(norm, 0)
	}
	norm, ok := apply(0, b.costsAt)
	if b.costs != nil {
		_, costsOK := apply(b.costsAt, len(b.params))
		ok = ok && costsOK
	}
	if !ok {
		return norm, b.findNonFinite()
	}
	b.opt.Step++
	clear(b.grads)
	b.ParamsChanged()
	return norm, nil
}

// Step implements policy.Backend. The loss is that of policy.Settings, plus the mean penalty of
// a Penalized family, plus ValueCoef times the squared errors of the critic of costs where the
// batch has returns of costs.
func (b *Backend) Step(rows []int32, s policy.Settings) error {
	if b.nonFinite != nil {
		return b.nonFinite
	}
	if b.loaded == nil || len(rows) == 0 {
		return errors.New("policy: a step without rows, or before a batch is loaded")
	}
	t := b.Forward(rows)
	w := 1 / float64(len(rows))
	d := &b.sums
	for i, r := range rows {
		gain, slope := policy.Surrogate(t.Ratio[i], float64(b.loaded.Advantage[r]), s.Clip)
		t.DLogProb[i], t.DEntropy[i], t.DPenalty[i] = -w*slope, -w*s.EntropyCoef, w
		off := t.Value[i] - b.loaded.Return[r]
		t.DValue[i] = float32(2*w*s.ValueCoef) * off

		d.PolicyLoss -= w * (gain - t.Penalty[i])
		d.ValueLoss += w * float64(off) * float64(off)
		d.Row(w, t.Entropy[i], t.LogProb[i]-b.batch.logProb[r], s.Clip)
	}
	b.costErrors(rows, t, 2*w*s.ValueCoef)
	b.Backward(t)
	norm, err := b.Update(s)
	d.Steps++
	d.GradNorm += norm
	return err
}

// costErrors writes the derivatives of weight/2 times the squared errors of the critic of
// costs.
func (b *Backend) costErrors(rows []int32, t *policy.Terms, weight float64) {
	k := b.Costs()
	if len(b.loaded.CostReturn) == 0 {
		return
	}
	for i, r := range rows {
		want := b.loaded.CostReturn[int(r)*k : (int(r)+1)*k]
		for j, y := range t.Cost[i*k : (i+1)*k] {
			t.DCost[i*k+j] = float32(weight) * (y - want[j])
		}
	}
}

// findNonFinite returns, and keeps, the error of a step that is not finite. It names a tensor
// of parameters that is not finite, or else the norm of the gradient.
func (b *Backend) findNonFinite() error {
	e := &policy.NonFiniteError{Tensor: "the norm of the gradient", Step: b.opt.Step}
	b.nonFinite = e
	at := 0
	for _, n := range b.networks() {
		n.tensors(func(name string, _ []int, size int) {
			if !finite.All(b.params[at : at+size]) {
				e.Tensor = name
			}
			at += size
		})
	}
	return e
}

// Diagnostics implements policy.Backend.
func (b *Backend) Diagnostics() (policy.Diagnostics, error) {
	d := b.sums.Mean()
	b.sums = policy.Diagnostics{}
	return d, b.nonFinite
}

// Actor, Gradient and ParamsChanged implement policy.Differentiable.
func (b *Backend) Actor() []float32    { return b.params[:b.actorSize:b.actorSize] }
func (b *Backend) Gradient() []float32 { return b.grads[:b.actorSize:b.actorSize] }

func (b *Backend) ParamsChanged() {
	for _, n := range b.networks() {
		n.stale = true
	}
}

// Fisher implements policy.Differentiable. It adds J' F J v, with J the Jacobian of the
// outputs with respect to the parameters and F the Fisher information with respect to the
// outputs.
func (b *Backend) Fisher(v []float32) error {
	family, ok := b.family.(policy.Divergent)
	if !ok {
		return errors.New("policy: the divergences of this family are not known")
	}
	k, width := &b.batch, b.family.Outputs()
	z := b.actor.forward(k.obs[:k.rows*b.obsDim], k.rows)
	dz := b.actor.tangent(v)
	to := b.actor.derivatives()
	for r := range k.rows {
		at, end := r*width, (r+1)*width
		family.Fisher(z[at:end], dz[at:end], to[at:end])
	}
	for i := range to {
		to[i] /= float32(k.rows)
	}
	b.actor.backward()
	return nil
}
