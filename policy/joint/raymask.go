package joint

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
	"paspo/policy/dist"
)

// RayMask is the family of the ray mask (Stolz et al., arXiv 2406.03704, section 3.1): a point
// v of the box [-1, 1]^d is scaled along its ray from the centre, so that the boundary of the
// box is mapped to that of the polytope,
//
//	y = s(v) v,   s(v) = where the ray leaves the polytope / where it leaves the box,
//
// in coordinates y of the affine hull (uniform.Chart), of dimension d. s is constant
// along a ray, so that the map is one to one with the Jacobian determinant
//
//	det dy/dv = det(s I + v grad s') = s^d (1 + v . grad s / s) = s^d.
//
// The components x_k = (v_k + 1)/2 are independent Beta variates, with alpha and beta
// min(exp(z) + MinShape, MaxShape) (of policy.Config): 2d outputs. A draw holds ln x_k and
// ln(1 - x_k) of each, and -ln det dy/dx.
//
// LogProb is the log-density of y. Entropy is that of x, without E ln det dy/dx, which has no
// closed form. KL and Fisher are the same for x and y, since the map is one to one.
type RayMask struct {
	shaper
	p     *lp.Polytope
	chart *uniform.Chart

	alpha, other []dist.Dirichlet // of two components each: scratch, as is v
	v            []float64
}

// NewRayMask returns the family of a polytope. It is an error where the polytope is one point,
// or is given by points and its facets are not known.
func NewRayMask(p *lp.Polytope, cfg policy.Config) (*RayMask, error) {
	c, err := uniform.NewChart(p)
	if err != nil {
		return nil, fmt.Errorf("ray-mask: %w", err)
	}
	d := c.Dim()
	if d == 0 {
		return nil, fmt.Errorf("ray-mask: %s is one point: there is nothing to learn", p.Describe())
	}
	return &RayMask{shaper: newShaper(cfg, 2*d), p: p, chart: c, alpha: pairs(d), other: pairs(d), v: make([]float64, d)}, nil
}

func pairs(d int) []dist.Dirichlet {
	out := make([]dist.Dirichlet, d)
	for k := range out {
		out[k] = make(dist.Dirichlet, 2)
	}
	return out
}

// Polytope implements policy.Family.
func (m *RayMask) Polytope() *lp.Polytope { return m.p }

// Outputs and DrawSize implement policy.Family.
func (m *RayMask) Outputs() int  { return 2 * m.chart.Dim() }
func (m *RayMask) DrawSize() int { return 2*m.chart.Dim() + 1 }

// shapes writes the shapes of z, and returns them.
func (m *RayMask) shapes(z []float32, alpha []dist.Dirichlet) []dist.Dirichlet {
	for i, x := range z {
		alpha[i/2][i%2] = m.shape(i, x)
	}
	return alpha
}

// Confined implements policy.Confined.
func (m *RayMask) Confined() {}

// Sample implements policy.Family.
func (m *RayMask) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	if limits != nil && !limits.Own() {
		return fmt.Errorf("ray-mask: limits that follow the state move the centre that rays begin at: such an environment is not served")
	}
	var r *rand.Rand
	if rule == policy.Sampled {
		r = rand.New(source)
	}
	for k, a := range m.shapes(z, m.alpha) {
		b := dist.Beta{Alpha: a[0], Beta: a[1]}
		var lnX, ln1mX float64
		switch rule {
		case policy.Sampled:
			_, lnX, ln1mX = b.Rand(r)
		case policy.Mode:
			_, lnX, ln1mX = dist.FromLogit(b.ModeLogit())
		default:
			_, lnX, ln1mX = dist.FromLogit(b.MeanLogit())
		}
		draw[2*k], draw[2*k+1] = float32(lnX), float32(ln1mX)
		m.v[k] = dist.Between(-1, 1, lnX, ln1mX)
	}
	scale := 1.
	if size := largest(m.v); size > 0 {
		scale = m.chart.Exit(m.v) * size
	}
	for k := range m.v {
		m.v[k] *= scale
	}
	d := float64(len(m.v))
	draw[len(draw)-1] = float32(-d * math.Log(2*scale))
	m.chart.At(m.v, action)
	return nil
}

// largest returns the largest magnitude of a component.
func largest(v []float64) (most float64) {
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// LogProb implements policy.Family.
func (m *RayMask) LogProb(z, draw, grad []float32) float64 {
	l := float64(draw[len(draw)-1])
	var logs [2]float64
	for k, a := range m.shapes(z, m.alpha) {
		logs[0], logs[1] = float64(draw[2*k]), float64(draw[2*k+1])
		l += a.LogProb(logs[:])
		if grad != nil {
			a.LogProbGrad(logs[:], m.grad[2*k:2*k+2])
		}
	}
	if grad != nil {
		m.chainRule(grad)
	}
	return l
}

// Entropy implements policy.Entropic.
func (m *RayMask) Entropy(z, grad []float32) (h float64) {
	for k, a := range m.shapes(z, m.alpha) {
		h += a.Entropy()
		if grad != nil {
			a.EntropyGrad(m.grad[2*k : 2*k+2])
		}
	}
	if grad != nil {
		m.chainRule(grad)
	}
	return h
}

// KL implements policy.Divergent.
func (m *RayMask) KL(z0, z, grad []float32) (l float64) {
	from := m.shapes(z0, m.other)
	for k, a := range m.shapes(z, m.alpha) {
		l += from[k].KL(a)
		if grad != nil {
			from[k].KLGrad(a, m.grad[2*k:2*k+2])
		}
	}
	if grad != nil {
		m.chainRule(grad)
	}
	return l
}

// Fisher implements policy.Divergent.
func (m *RayMask) Fisher(z, v, out []float32) {
	var w [2]float64
	for k, a := range m.shapes(z, m.alpha) {
		w[0], w[1] = float64(v[2*k])*m.slope[2*k], float64(v[2*k+1])*m.slope[2*k+1]
		a.Fisher(w[:], m.grad[2*k:2*k+2])
	}
	m.chainRule(out)
}
