package joint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
)

// Projection is the family of a network whose last layer projects (OptLayer: Pham, De
// Magistris and Tachibana, arXiv 1709.07643, section III; Pi-net, arXiv 2508.10480, projects
// by other means). The actor's mean is projected to the polytope, and gradients go through
// the projection P,
//
//	m = P(c + s z),   x ~ N(m, diag sigma^2),   the action is P(x),
//
// with c the middle and s half the width of the bounding box. There are 2n outputs for n
// entities: z_1 .. z_n, and z_n+1 .. z_2n with sigma_j = s_j/2 exp(z_n+j) within bounds. A draw
// holds (x - c) / s, whose density counts: many x have the same action on the boundary.
//
// The derivative of P is 0 along the normals of active rows, so that an actor far outside
// learns nothing from actions. Penalty draws it back, as the published method does by a cost
// of unprojected actions.
type Projection struct {
	p             *lp.Polytope
	projector     *lp.Projector
	penalty       float64
	middle, width []float64 // c and s

	// Scratch: c + s z, its projection m, sigma in units of s, and derivatives of c + s z and
	// of ln sigma by the outputs.
	raw, m, sigma []float64
	slope         []float64
	x, g, back    []float64

	of []float32 // the outputs that these, and the projector's latest projection, are of; NaN for none
}

const (
	// Least and largest sigma, in half widths of the bounding box, and that of outputs of 0.
	leastSpread, mostSpread = 1e-3, 2
	startSpread             = 0.5
	// mostRaw bounds |z|, in half widths.
	mostRaw = 100
)

// NewProjection returns the family of a polytope; penalty is the weight of Penalty. It is an
// error where the polytope is one point.
func NewProjection(p *lp.Polytope, penalty float64) (*Projection, error) {
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		return nil, fmt.Errorf("projection: %w", err)
	}
	n := p.Dim()
	vec := func() []float64 { return make([]float64, n) }
	q := &Projection{
		p: p, projector: lp.NewProjector(p), penalty: penalty, middle: vec(), width: vec(),
		raw: vec(), m: vec(), sigma: vec(), slope: make([]float64, 2*n), x: vec(), g: vec(), back: vec(),
		of: make([]float32, 2*n),
	}
	q.forget()
	for j := range n {
		q.middle[j], q.width[j] = (lo[j]+hi[j])/2, (hi[j]-lo[j])/2
	}
	most := slices.Max(q.width)
	if !(most > 0) {
		return nil, fmt.Errorf("projection: %s is one point: there is nothing to learn", p.Describe())
	}
	for j, w := range q.width {
		if w <= uniform.FlatWidth*most {
			q.width[j] = 0
		}
	}
	return q, nil
}

// Polytope implements policy.Family.
func (q *Projection) Polytope() *lp.Polytope { return q.p }

// Outputs and DrawSize implement policy.Family.
func (q *Projection) Outputs() int  { return 2 * len(q.m) }
func (q *Projection) DrawSize() int { return len(q.m) }

// forget makes member project again.
func (q *Projection) forget() { q.of[0] = float32(math.NaN()) }

// member sets raw, m, sigma and slope, given the outputs z. A gradient asks for log-probability, entropy
// and penalty of the same outputs, which are projected once.
func (q *Projection) member(z []float32) error {
	if slices.Equal(q.of, z) {
		return nil
	}
	q.forget()
	n := len(q.m)
	for j := range n {
		v := float64(z[j])
		q.slope[j] = q.width[j]
		if math.Abs(v) > mostRaw {
			v, q.slope[j] = math.Copysign(mostRaw, v), 0
		}
		q.raw[j] = q.middle[j] + q.width[j]*v
		s := startSpread * math.Exp(float64(z[n+j]))
		q.sigma[j], q.slope[n+j] = s, 1 // d ln sigma / d z
		if !(s >= leastSpread) {
			q.sigma[j], q.slope[n+j] = leastSpread, 0
		} else if s > mostSpread {
			q.sigma[j], q.slope[n+j] = mostSpread, 0
		}
	}
	if err := q.projector.Project(q.m, q.raw, nil); err != nil {
		return fmt.Errorf("projecting the mean: %w", err)
	}
	copy(q.of, z)
	return nil
}

// Confined implements policy.Confined.
func (q *Projection) Confined() {}

// Sample implements policy.Family.
func (q *Projection) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	if limits != nil && !limits.Own() {
		return fmt.Errorf("projection: the gradient goes through the projection onto the polytope itself, not onto what limits of a state leave of it: such an environment is not served")
	}
	if err := q.member(z); err != nil {
		return err
	}
	if rule != policy.Sampled {
		copy(action, q.m)
		for j, w := range q.width {
			draw[j] = 0
			if w > 0 {
				draw[j] = float32((q.m[j] - q.middle[j]) / w)
			}
		}
		return nil
	}
	r := rand.New(source)
	for j, w := range q.width {
		q.x[j], draw[j] = q.m[j], 0
		if e := r.NormFloat64(); w > 0 {
			draw[j] = float32((q.m[j]-q.middle[j])/w + q.sigma[j]*e)
			q.x[j] = q.middle[j] + w*float64(draw[j])
		}
	}
	q.forget()
	if err := q.projector.Project(action, q.x, nil); err != nil {
		return fmt.Errorf("projecting a draw: %w", err)
	}
	return nil
}

// LogProb implements policy.Family, with x in units of s. It is NaN where the mean cannot be
// projected because of rounding.
func (q *Projection) LogProb(z, draw, grad []float32) (l float64) {
	n := len(q.m)
	if q.member(z) != nil {
		return math.NaN()
	}
	clear(q.g)
	for j, w := range q.width {
		if grad != nil {
			grad[n+j] = 0
		}
		if w == 0 {
			continue
		}
		d := (float64(draw[j]) - (q.m[j]-q.middle[j])/w) / q.sigma[j]
		l -= d*d/2 + math.Log(q.sigma[j]) + lnRoot2Pi
		if grad != nil {
			grad[n+j] = float32((d*d - 1) * q.slope[n+j])
			q.g[j] = d / (q.sigma[j] * w)
		}
	}
	if grad != nil {
		q.projector.Jacobian(q.back, q.g)
		for j, g := range q.back {
			grad[j] = float32(g * q.slope[j])
		}
	}
	return l
}

var lnRoot2Pi = math.Log(2*math.Pi) / 2

// Entropy implements policy.Entropic. It is the entropy of x in units of s.
func (q *Projection) Entropy(z, grad []float32) (h float64) {
	n := len(q.m)
	if q.member(z) != nil {
		return math.NaN()
	}
	clear(grad)
	for j, w := range q.width {
		if w == 0 {
			continue
		}
		h += math.Log(q.sigma[j]) + lnRoot2Pi + 0.5
		if grad != nil {
			grad[n+j] = float32(q.slope[n+j])
		}
	}
	return h
}

// Penalty implements policy.Penalized. It is a weight times the squared distance of the mean
// from its projection, in units of the largest half width. The gradient of |v - P(v)|^2 is
// 2 (v - P(v)), for P(v) is the closest point.
func (q *Projection) Penalty(z, _, grad []float32) (loss float64) {
	if q.member(z) != nil {
		return math.NaN()
	}
	clear(grad)
	unit := slices.Max(q.width)
	for j, v := range q.raw {
		d := (v - q.m[j]) / unit
		loss += q.penalty * d * d
		if grad != nil {
			grad[j] = float32(2 * q.penalty * d / unit * q.slope[j])
		}
	}
	return loss
}
