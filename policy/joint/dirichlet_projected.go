package joint

import (
	"fmt"
	"math/rand/v2"

	"paspo/lp"
	"paspo/policy"
)

// DirichletProjected is the family of Dirichlet distributions whose points are projected to
// the polytope: the action is the closest allocation, and the density that of the point.
type DirichletProjected struct {
	*Dirichlet
	projector *lp.Projector
	drawn     []float64
}

// NewDirichletProjected returns the family of a polytope. Its errors are those of NewDirichlet.
func NewDirichletProjected(p *lp.Polytope, cfg policy.Config) (*DirichletProjected, error) {
	d, err := NewDirichlet(p, cfg)
	if err != nil {
		return nil, err
	}
	return &DirichletProjected{Dirichlet: d, projector: lp.NewProjector(p), drawn: make([]float64, p.Dim())}, nil
}

// Confined implements policy.Confined.
func (d *DirichletProjected) Confined() {}

// Sample implements policy.Family.
func (d *DirichletProjected) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	if err := d.Dirichlet.Sample(z, rule, limits, source, draw, d.drawn); err != nil {
		return err
	}
	if err := d.projector.Project(action, d.drawn, limits); err != nil {
		return fmt.Errorf("projecting a draw: %w", err)
	}
	return nil
}
