package joint

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/blas"
	"paspo/internal/finite"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/adam"
)

// Backend runs a policy that draws whole actions from a family of distributions, on the
// processor: an actor that chooses a distribution of the family for every observation, a
// critic, and one critic of all costs where there are any. They share no layers:
//
//	actor   obs -> policy.encoder -> outputs of the family
//	critic  obs -> policy.critic -> 1
//	costs   obs -> policy.critic -> number of costs.
//
// Actions of a family that is not Confined may break constraints; Samples.Residual says by
// how much.
type Backend struct {
	polytope *lp.Polytope
	family   policy.Family
	obsDim   int
	confined bool
	diverges bool

	actor, critic, costs *network // costs is nil where there are none
	params, grads        []float32
	actorSize, costsAt   int // where the actor's parameters end, and those of the critic of costs begin
	opt                  adam.Optimizer

	normalizer *policy.Normalizer
	obs        []float32 // of the present request, normalised

	kept   batch // rows of the rollout (see policy.Request.Keep)
	batch  batch // the loaded rows of it
	loaded *policy.Batch
	terms  policy.Terms
	row    rowGradients
	rowObs []float32 // observations of the rows of the last Forward

	sums      policy.Diagnostics // over the steps since the last Diagnostics
	nonFinite error              // of the first step that was not finite
}

// batch holds rows of a rollout.
type batch struct {
	rows    int
	obs     []float32 // normalised
	draws   []float32
	outputs []float32 // of the old policy's actor
	logProb []float64 // of the draws under the old policy
}

// rowGradients hold the derivatives of terms with respect to the outputs of the actor, rows x
// outputs.
type rowGradients struct{ logProb, entropy, kl, penalty []float32 }

var _ policy.Differentiable = (*Backend)(nil)

// New makes a policy of a family for observations of obsDim components, with a critic of
// costs costs. The parameters depend on seed alone.
func New(family policy.Family, obsDim, costs int, cfg policy.Config, seed uint64) *Backend {
	b := &Backend{
		polytope: family.Polytope(), family: family, obsDim: obsDim,
		actor:      newNetwork("actor", obsDim, append(slices.Clone(cfg.Encoder), family.Outputs())...),
		critic:     newNetwork("critic", obsDim, append(slices.Clone(cfg.Critic), 1)...),
		normalizer: policy.NewNormalizer(obsDim, false, 0),
	}
	_, b.confined = family.(policy.Confined)
	if costs > 0 {
		b.costs = newNetwork("costs", obsDim, append(slices.Clone(cfg.Critic), costs)...)
	}
	size := 0
	for _, n := range b.networks() {
		size += n.size()
	}
	b.actorSize, b.costsAt = b.actor.size(), b.actor.size()+b.critic.size()
	b.params, b.grads = make([]float32, size), make([]float32, size)
	b.opt = adam.Optimizer{M: make([]float32, size), V: make([]float32, size)}
	params, grads := b.params, b.grads
	r := rand.New(rng.New(seed, "init"))
	for _, n := range b.networks() {
		params, grads = n.place(params, grads)
		n.initialise(r)
	}
	return b
}

func (b *Backend) networks() []*network {
	if b.costs == nil {
		return []*network{b.actor, b.critic}
	}
	return []*network{b.actor, b.critic, b.costs}
}

// Device, Polytope, ObsDim and Close implement policy.Backend, Costs policy.Differentiable.
func (b *Backend) Device() string         { return "CPU" }
func (b *Backend) Polytope() *lp.Polytope { return b.polytope }
func (b *Backend) ObsDim() int            { return b.obsDim }
func (b *Backend) Close() error           { return nil }

func (b *Backend) Costs() int {
	if b.costs == nil {
		return 0
	}
	return b.costs.layers[len(b.costs.layers)-1].out
}

// Arithmetic names the device and the instructions that the last bits of results depend on.
func (b *Backend) Arithmetic() string { return b.Device() + " " + blas.Level() }

// Family returns the distributions of the policy.
func (b *Backend) Family() policy.Family { return b.family }

// maxResidual is the largest residual that an action of a Confined family may have.
const maxResidual = 1e-9

// Sample implements policy.Backend. Where the family is Confined, an action that leaves
// the polytope is an error that names the constraint.
func (b *Backend) Sample(req *policy.Request, out *policy.Samples) error {
	if err := req.Check(b.obsDim, b.polytope); err != nil {
		return err
	}
	n, d, width := req.Rows, b.polytope.Dim(), b.family.Outputs()
	out.Actions, out.Residual = resized(out.Actions, n*d), resized(out.Residual, n)
	out.LogProb, out.Entropy, out.Value = resized(out.LogProb, n), resized(out.Entropy, n), resized(out.Value, n)
	out.CostValue = resized(out.CostValue, n*b.Costs())
	out.FixedShare, out.MaxResidual = 0, math.Inf(-1)
	if n == 0 {
		return nil
	}
	if req.Learn {
		b.normalizer.Update(req.Obs)
	}
	b.obs = resized(b.obs, len(req.Obs))
	if err := b.normalizer.Apply(b.obs, req.Obs); err != nil {
		return err
	}
	to := &b.kept
	if req.Keep {
		to.grow(req.At+n, b)
		copy(to.obs[req.At*b.obsDim:], b.obs)
	}
	z := b.actor.forward(b.obs, n)
	if i := finite.First(z); i >= 0 {
		return &policy.NonFiniteError{Tensor: fmt.Sprintf("output %d of the actor", i%width), Step: b.opt.Step}
	}
	copy(out.Value, b.critic.forward(b.obs, n))
	if b.costs != nil {
		copy(out.CostValue, b.costs.forward(b.obs, n))
	}
	draw := make([]float32, b.family.DrawSize())
	for r := range n {
		var lim *lp.Limits
		if req.Limits != nil {
			lim = &req.Limits[r]
		}
		var source rand.Source
		if req.Rule == policy.Sampled {
			source = req.Streams[r]
		}
		if req.Keep {
			draw = to.draws[(req.At+r)*len(draw) : (req.At+r+1)*len(draw)]
		}
		z, action := z[r*width:(r+1)*width], out.Actions[r*d:(r+1)*d]
		if err := b.family.Sample(z, req.Rule, lim, source, draw, action); err != nil {
			return inRow(err, r)
		}
		out.LogProb[r] = float32(b.family.LogProb(z, draw, nil))
		out.Entropy[r] = -out.LogProb[r]
		switch e := b.family.(type) {
		case policy.Entropic:
			out.Entropy[r] = float32(e.Entropy(z, nil))
		case policy.DrawEntropic:
			out.Entropy[r] = float32(e.DrawEntropy(z, draw, nil))
		}
		x := b.polytope.Residual(action, lim)
		if b.confined && !(x <= maxResidual) {
			x, name := b.polytope.WorstConstraint(action, lim)
			return fmt.Errorf("policy: the action of row %d leaves the polytope: %s is violated by a scaled %.3g, more than %g", r, name, x, maxResidual)
		}
		out.Residual[r] = x
		out.MaxResidual = max(out.MaxResidual, x)
	}
	return nil
}

// grow gives the slices of observations and draws room for at least so many rows.
func (k *batch) grow(rows int, b *Backend) {
	k.rows = max(k.rows, rows)
	for _, f := range []struct {
		to    *[]float32
		width int
	}{{&k.obs, b.obsDim}, {&k.draws, b.family.DrawSize()}} {
		if n := k.rows*f.width - len(*f.to); n > 0 {
			*f.to = append(*f.to, make([]float32, n)...)
		}
	}
}

// inRow writes the row of the request into an error that says that no allocation satisfies
// its limits.
func inRow(err error, row int) error {
	var none *lp.InfeasibleError
	var empty *lp.EmptyError
	switch {
	case errors.As(err, &none):
		none.Row = row
	case errors.As(err, &empty):
		return &lp.InfeasibleError{Row: row, Amount: empty.Amount, Conflict: empty.Conflict}
	}
	return err
}
