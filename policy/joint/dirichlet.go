package joint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/lp"
	"paspo/policy"
	"paspo/policy/dist"
)

// Dirichlet is the family of Dirichlet distributions over the simplex of a polytope's
// budget, {a >= l, sum_j a_j = f} with l its lower bounds. Actions may break the other
// constraints. There are n outputs for n entities, and the concentrations are
// min(exp(z) + MinShape, MaxShape) (of policy.Config). A draw holds ln x of the point x of
// the unit simplex with a = l + (f - sum_j l_j) x.
type Dirichlet struct {
	shaper
	p *lp.Polytope

	budget int     // the budget's row of the equalities
	scale  float64 // the coefficient that all entities have in that row

	alpha, other dist.Dirichlet // scratch, as are those below
	logs, vec    []float64
}

// NewDirichlet returns the family over the simplex of p. It is an error where p has no budget,
// an entity without a lower bound, or fewer than two entities.
func NewDirichlet(p *lp.Polytope, cfg policy.Config) (*Dirichlet, error) {
	n := p.Dim()
	if n < 2 {
		return nil, fmt.Errorf("a Dirichlet distribution needs two entities or more: %s has %d", p.Describe(), n)
	}
	budget, scale := p.Budget()
	if budget < 0 {
		return nil, fmt.Errorf("a Dirichlet distribution needs a budget: %s has no equality with equal coefficients", p.Describe())
	}
	lower, _ := p.Bounds()
	if j := slices.IndexFunc(lower, func(l float64) bool { return math.IsInf(l, -1) }); j >= 0 {
		return nil, fmt.Errorf("a Dirichlet distribution needs lower bounds: entity %s has none", p.Entities()[j])
	}
	vec := func() []float64 { return make([]float64, n) }
	return &Dirichlet{
		shaper: newShaper(cfg, n), p: p, budget: budget, scale: scale,
		alpha: vec(), other: vec(), logs: vec(), vec: vec(),
	}, nil
}

// Polytope implements policy.Family.
func (d *Dirichlet) Polytope() *lp.Polytope { return d.p }

// Outputs and DrawSize implement policy.Family.
func (d *Dirichlet) Outputs() int  { return len(d.alpha) }
func (d *Dirichlet) DrawSize() int { return len(d.alpha) }

// shaper maps outputs z of the actor to parameters of distributions, the shapes
// min(exp(z) + MinShape, MaxShape) (see policy.Config), and turns gradients with respect to
// shapes into gradients with respect to z.
type shaper struct {
	min, max float64
	slope    []float64 // d shape / d z of every output
	grad     []float64 // gradient with respect to shapes, written by the embedding type
}

func newShaper(cfg policy.Config, outputs int) shaper {
	return shaper{min: cfg.MinShape, max: cfg.MaxShape, slope: make([]float64, outputs), grad: make([]float64, outputs)}
}

// shape returns the shape of output i, and stores its slope.
func (s *shaper) shape(i int, z float32) float64 {
	s.slope[i] = math.Exp(float64(z))
	shape := s.slope[i] + s.min
	if s.max > 0 && shape > s.max {
		shape, s.slope[i] = s.max, 0
	}
	return shape
}

// chainRule writes the gradient with respect to z, given grad.
func (s *shaper) chainRule(out []float32) {
	for i, g := range s.grad {
		out[i] = float32(g * s.slope[i])
	}
}

// shapes writes the concentrations of z, and returns them.
func (d *Dirichlet) shapes(z []float32, alpha dist.Dirichlet) dist.Dirichlet {
	for i, x := range z {
		alpha[i] = d.shape(i, x)
	}
	return alpha
}

// Sample implements policy.Family.
func (d *Dirichlet) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	alpha := d.shapes(z, d.alpha)
	switch rule {
	case policy.Sampled:
		alpha.Rand(rand.New(source), d.logs)
	case policy.Mode:
		alpha.ModeLog(d.logs)
	default:
		alpha.MeanLog(d.logs)
	}
	for i, l := range d.logs {
		draw[i] = float32(l)
	}
	d.place(limits, action)
	return nil
}

// place writes the action for the point whose logarithms are in d.logs.
func (d *Dirichlet) place(limits *lp.Limits, action []float64) {
	_, total, lower, _ := d.p.Resolve(limits)
	free := total[d.budget] / d.scale
	for _, l := range lower {
		free -= l
	}
	// The largest component takes the rounding of the sum.
	left, largest := free, 0
	for i, l := range d.logs {
		action[i] = free * math.Exp(l)
		left -= action[i]
		if l > d.logs[largest] {
			largest = i
		}
	}
	action[largest] += left
	for i, l := range lower {
		action[i] += l
	}
}

// LogProb implements policy.Family.
func (d *Dirichlet) LogProb(z, draw, grad []float32) float64 {
	alpha := d.shapes(z, d.alpha)
	for i, l := range draw {
		d.logs[i] = float64(l)
	}
	if grad != nil {
		alpha.LogProbGrad(d.logs, d.grad)
		d.chainRule(grad)
	}
	return alpha.LogProb(d.logs)
}

// Entropy implements policy.Entropic.
func (d *Dirichlet) Entropy(z, grad []float32) float64 {
	alpha := d.shapes(z, d.alpha)
	if grad != nil {
		alpha.EntropyGrad(d.grad)
		d.chainRule(grad)
	}
	return alpha.Entropy()
}

// KL implements policy.Divergent.
func (d *Dirichlet) KL(z0, z, grad []float32) float64 {
	from := d.shapes(z0, d.other)
	to := d.shapes(z, d.alpha)
	if grad != nil {
		from.KLGrad(to, d.grad)
		d.chainRule(grad)
	}
	return from.KL(to)
}

// Fisher implements policy.Divergent: J F J v with J = d alpha / d z, which is diagonal.
func (d *Dirichlet) Fisher(z, v, out []float32) {
	alpha := d.shapes(z, d.alpha)
	for i, x := range v {
		d.vec[i] = float64(x) * d.slope[i]
	}
	alpha.Fisher(d.vec, d.grad)
	d.chainRule(out)
}
