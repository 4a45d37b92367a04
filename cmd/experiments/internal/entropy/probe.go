package entropy

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/dist"
)

// Probe asks a policy at one observation. With G(a) the sum of the conditional
// entropies along an action,
//
//	H = E[-log pi(a)] = E[G(a)],
//	grad H = E[grad G(a), prefixes held fixed] + E[grad log pi(a) G(a)].
//
// Training uses the first term of the gradient.
type Probe struct {
	p     *lp.Polytope
	b     *cpu.Backend
	heads int
	obs   []float32
	nodes int
	start *policy.State
}

// NewProbe returns a probe of the policy with the given parameters. Quadrature
// takes the given number of nodes.
func NewProbe(solver lp.Solver, obs []float32, cfg policy.Config, state *policy.State, nodes int) (*Probe, error) {
	b, err := cpu.New(solver, len(obs), nodes, cfg, nil, 1)
	if err != nil {
		return nil, err
	}
	if err := b.SetState(state); err != nil {
		return nil, err
	}
	p := solver.Polytope()
	q := &Probe{p: p, b: b, heads: policy.Heads(p), obs: obs, nodes: nodes}
	q.start, err = b.State()
	return q, err
}

// Close releases the policy.
func (q *Probe) Close() error { return q.b.Close() }

// sample draws rows actions.
func (q *Probe) sample(rows int, stream *rng.Stream, limits []lp.Limits) (*policy.Samples, error) {
	req := &policy.Request{Rows: rows, Obs: make([]float64, 0, rows*len(q.obs)), Limits: limits}
	if stream == nil {
		req.Rule = policy.Mode
	}
	for r := range rows {
		for _, x := range q.obs {
			req.Obs = append(req.Obs, float64(x))
		}
		if stream != nil {
			req.Streams = append(req.Streams, stream.Split(uint64(r)))
		}
	}
	s := new(policy.Samples)
	return s, q.b.Sample(req, s)
}

func (q *Probe) repeat(rows int) []float32 {
	obs := make([]float32, 0, rows*len(q.obs))
	for range rows {
		obs = append(obs, q.obs...)
	}
	return obs
}

// Estimates returns the estimates of the entropy from rows actions: -log pi, and
// the sum of the conditional entropies.
func (q *Probe) Estimates(rows int, stream *rng.Stream) (oneSample, conditional []float64, err error) {
	s, err := q.sample(rows, stream, nil)
	if err != nil {
		return nil, nil, err
	}
	for r := range rows {
		oneSample = append(oneSample, -float64(s.LogProb[r]))
		conditional = append(conditional, float64(s.Entropy[r]))
	}
	return oneSample, conditional, nil
}

// grid holds the nodes of the first entity, of equal probability, and what the
// policy says after each.
type grid struct {
	first   float64 // conditional entropy of the first entity
	rest    []float64
	samples *policy.Samples
}

// lay puts the nodes at the midpoints of the quantiles of the first entity. Their
// weights are equal, as those of the rows of a batch are. The error is of the order
// of ln K / K for K nodes, as conditional entropies have logarithmic ends.
func (q *Probe) lay() (*grid, error) {
	if q.heads < 1 || q.heads > 2 {
		return nil, fmt.Errorf("entropy: quadrature takes chains of 1 or 2 entities, not %d", q.heads)
	}
	one, err := q.sample(1, nil, nil)
	if err != nil {
		return nil, err
	}
	d := dist.Beta{Alpha: float64(one.Alpha[0]), Beta: float64(one.Beta[0])}
	lo, hi := one.Lower[0], one.Upper[0]
	logWidth := math.Log((hi - lo) / q.total())
	g := &grid{first: d.Entropy() + logWidth}
	if q.heads == 1 {
		return g, nil
	}
	n := q.p.Dim()
	lower, upper := q.p.Bounds()
	limits := make([]lp.Limits, q.nodes)
	lnX, ln1mX := make([]float64, q.nodes), make([]float64, q.nodes)
	for k := range limits {
		u := (float64(k) + 0.5) / float64(q.nodes)
		// From the nearer end: quantiles close to 1 lose their distance to it.
		x := distuv.Beta{Alpha: d.Alpha, Beta: d.Beta}.Quantile(u)
		y := distuv.Beta{Alpha: d.Beta, Beta: d.Alpha}.Quantile(1 - u)
		lnX[k], ln1mX[k] = math.Log(x), math.Log1p(-x)
		if y < x {
			lnX[k], ln1mX[k] = math.Log1p(-y), math.Log(y)
		}
		a := dist.Between(lo, hi, lnX[k], ln1mX[k])
		// The entity is fixed by its bounds, so that the others follow it.
		l, t := append([]float64(nil), lower...), append([]float64(nil), upper...)
		l[0], t[0] = a, a
		limits[k] = lp.Limits{Lower: l, Upper: t}
	}
	if g.samples, err = q.sample(q.nodes, nil, limits); err != nil {
		return nil, err
	}
	s := g.samples
	for k := range q.nodes {
		g.rest = append(g.rest, float64(s.Entropy[k]))
		s.LogX[2*k], s.Log1mX[2*k], s.LogWidth[2*k], s.Mask[2*k] = float32(lnX[k]), float32(ln1mX[k]), float32(logWidth), 1
		s.Prefix[n*k] = float32(s.Actions[n*k] / q.total())
	}
	return g, nil
}

// total is what the heads see actions as a share of.
func (q *Probe) total() float64 { return policy.Total(q.p) }

// Exact returns the entropy by quadrature over the first of at most two entities.
func (q *Probe) Exact() (float64, error) {
	g, err := q.lay()
	if err != nil {
		return 0, err
	}
	h := g.first
	for _, e := range g.rest {
		h += e / float64(q.nodes)
	}
	return h, nil
}

// Gradients returns the gradient of the entropy that training uses and the full
// one, by quadrature. With one entity they are the same.
func (q *Probe) Gradients() (used, full []float64, err error) {
	g, err := q.lay()
	if err != nil {
		return nil, nil, err
	}
	if q.heads == 1 {
		s, err := q.sample(1, nil, nil)
		if err != nil {
			return nil, nil, err
		}
		used, err = q.gradient(s, 1, nil)
		return used, used, err
	}
	if used, err = q.gradient(g.samples, q.nodes, nil); err != nil {
		return nil, nil, err
	}
	// The score of the second entity has the mean 0 after every first.
	for k := range q.nodes {
		g.samples.Mask[2*k+1] = 0
	}
	score, err := q.gradient(g.samples, q.nodes, g.rest)
	if err != nil {
		return nil, nil, err
	}
	for i, v := range used {
		score[i] += v
	}
	return used, score, nil
}

// SampledGradients returns the gradient of the entropy that training uses and the
// full one, estimated from rows actions. oneSample says that the full one comes
// from E[grad log pi (-log pi)], which has less noise near the uniform distribution,
// where -log pi hardly varies; else it is the sum of both terms.
func (q *Probe) SampledGradients(rows int, oneSample bool, stream *rng.Stream) (used, full []float64, err error) {
	s, err := q.sample(rows, stream, nil)
	if err != nil {
		return nil, nil, err
	}
	if used, err = q.gradient(s, rows, nil); err != nil {
		return nil, nil, err
	}
	g := make([]float64, rows)
	for r := range rows {
		g[r] = float64(s.Entropy[r])
		if oneSample {
			g[r] = -float64(s.LogProb[r])
		}
	}
	if full, err = q.gradient(s, rows, g); err != nil {
		return nil, nil, err
	}
	for i, v := range used {
		if !oneSample {
			full[i] += v
		}
	}
	return used, full, nil
}

// gradient returns the mean over the actions of the gradient of G, or of that of
// log pi times values less their mean.
func (q *Probe) gradient(s *policy.Samples, rows int, values []float64) ([]float64, error) {
	b := &policy.Batch{
		Rows: rows, Obs: q.repeat(rows), Prefix: s.Prefix, LogX: s.LogX, Log1mX: s.Log1mX, LogWidth: s.LogWidth, Mask: s.Mask,
		Advantage: make([]float32, rows), Return: make([]float32, rows),
	}
	// With these Adam's first moment is the gradient, and nothing moves.
	set := policy.Settings{Clip: 0.2, Beta2: 0.99, Epsilon: 1e-8, EntropyCoef: 1}
	if values != nil {
		set.EntropyCoef = 0
		mean := 0.
		for _, v := range values {
			mean += v / float64(rows)
		}
		for r, v := range values {
			b.Advantage[r] = float32(v - mean)
		}
	}
	if err := q.b.Load(b); err != nil {
		return nil, err
	}
	var sum []float64
	for from := 0; from < rows; from += q.nodes {
		var idx []int32
		for r := from; r < min(from+q.nodes, rows); r++ {
			idx = append(idx, int32(r))
		}
		if err := q.b.Step(idx, set); err != nil {
			return nil, err
		}
		if _, err := q.b.Diagnostics(); err != nil {
			return nil, err
		}
		st, err := q.b.State()
		if err != nil {
			return nil, err
		}
		i := 0
		for _, t := range st.M {
			for _, v := range t.Data {
				if len(sum) == i {
					sum = append(sum, 0)
				}
				sum[i] -= float64(v) * float64(len(idx)) / float64(rows) // of the loss
				i++
			}
		}
	}
	return sum, q.b.SetState(q.start)
}

// Slope returns the derivative of the exact entropy along a direction, by central
// differences over a step of the given length.
func (q *Probe) Slope(direction []float64, step float64) (float64, error) {
	size := 0.
	for _, v := range direction {
		size += v * v
	}
	size = math.Sqrt(size)
	var h [2]float64
	for k, sign := range [...]float64{1, -1} {
		moved, err := q.b.State()
		if err != nil {
			return 0, err
		}
		i := 0
		for _, t := range moved.Params {
			for j := range t.Data {
				t.Data[j] += float32(sign * step * direction[i] / size)
				i++
			}
		}
		if err := q.b.SetState(moved); err != nil {
			return 0, err
		}
		h[k], err = q.Exact()
		if e := q.b.SetState(q.start); err == nil {
			err = e
		}
		if err != nil {
			return 0, err
		}
	}
	return (h[0] - h[1]) / (2 * step), nil
}

// Dot returns the scalar product.
func Dot(a, b []float64) float64 {
	s := 0.
	for i, v := range a {
		s += v * b[i]
	}
	return s
}
