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
// budget, {a >= l, sum_j a_j = e} with l its lower bounds. Other constraints are not kept.
// Of n entities the outputs are n, with concentrations exp(z) + MinShape up to MaxShape
// (of policy.Config). A draw holds ln x for a = l + (e - sum_j l_j) x.
type Dirichlet struct {
	p        *lp.Polytope
	min, max float64

	budget int     // row of the equalities
	scale  float64 // of that row's coefficients

	alpha, other dist.Dirichlet // scratch, as are those below
	slope        []float64      // d alpha / d z
	logs, grad   []float64
	vec          []float64
}

// NewDirichlet returns the family over the simplex of p. It is an error where p has no budget,
// an entity without a lower bound, or fewer than two entities.
func NewDirichlet(p *lp.Polytope, cfg policy.Config) (*Dirichlet, error) {
	n := p.Dim()
	if n < 2 {
		return nil, fmt.Errorf("a Dirichlet distribution needs two entities or more: %s has %d", p.Describe(), n)
	}
	budget, scale := Budget(p)
	if budget < 0 {
		return nil, fmt.Errorf("a Dirichlet distribution needs a budget: %s has no equality with equal coefficients", p.Describe())
	}
	lower, _ := p.Bounds()
	if j := slices.IndexFunc(lower, func(l float64) bool { return math.IsInf(l, -1) }); j >= 0 {
		return nil, fmt.Errorf("a Dirichlet distribution needs lower bounds: entity %s has none", p.Entities()[j])
	}
	vec := func() []float64 { return make([]float64, n) }
	return &Dirichlet{
		p: p, min: cfg.MinShape, max: cfg.MaxShape, budget: budget, scale: scale,
		alpha: vec(), other: vec(), slope: vec(), logs: vec(), grad: vec(), vec: vec(),
	}, nil
}

// Budget returns the first equality of p whose coefficients are all the same number, and
// that number; -1 where there is none.
func Budget(p *lp.Polytope) (row int, coefficient float64) {
	n := p.Dim()
	e, rhs, _ := p.Equalities()
	for k := range rhs {
		if c := e[k*n]; !slices.ContainsFunc(e[k*n:(k+1)*n], func(x float64) bool { return x != c }) {
			return k, c
		}
	}
	return -1, 0
}

// Polytope implements policy.Family.
func (d *Dirichlet) Polytope() *lp.Polytope { return d.p }

// Outputs and Size implement policy.Family.
func (d *Dirichlet) Outputs() int { return len(d.alpha) }
func (d *Dirichlet) Size() int    { return len(d.alpha) }

// shapes writes the concentrations of z, and returns them.
func (d *Dirichlet) shapes(z []float32, alpha dist.Dirichlet) dist.Dirichlet {
	for i, x := range z {
		e := math.Exp(float64(x))
		alpha[i], d.slope[i] = e+d.min, e
		if d.max > 0 && alpha[i] > d.max {
			alpha[i], d.slope[i] = d.max, 0
		}
	}
	return alpha
}

// chain writes the gradient by z of what has the gradient grad by alpha.
func (d *Dirichlet) chain(out []float32) {
	for i, g := range d.grad {
		out[i] = float32(g * d.slope[i])
	}
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

// place writes the action of the logarithms that were drawn.
func (d *Dirichlet) place(limits *lp.Limits, action []float64) {
	_, total, lower, _ := d.p.Resolve(limits)
	free := total[d.budget] / d.scale
	for _, l := range lower {
		free -= l
	}
	// Rounding of the sum goes to the largest component.
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
		d.chain(grad)
	}
	return alpha.LogProb(d.logs)
}

// Entropy implements policy.Entropic.
func (d *Dirichlet) Entropy(z, grad []float32) float64 {
	alpha := d.shapes(z, d.alpha)
	if grad != nil {
		alpha.EntropyGrad(d.grad)
		d.chain(grad)
	}
	return alpha.Entropy()
}

// KL implements policy.Divergent.
func (d *Dirichlet) KL(z0, z, grad []float32) float64 {
	from := d.shapes(z0, d.other)
	to := d.shapes(z, d.alpha)
	if grad != nil {
		from.KLGrad(to, d.grad)
		d.chain(grad)
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
	d.chain(out)
}
