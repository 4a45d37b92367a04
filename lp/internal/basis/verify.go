package basis

import (
	"fmt"
	"math/big"

	"paspo/lp/internal/vec"
)

// Verify checks duals in rational arithmetic, for tests of this package and of those that
// keep duals. It solves for the multipliers y of the tight rows that make the reduced costs
// c - A' y of the basic columns 0. It checks that all other reduced costs have the sign that
// the state of their variable asks for, and that every number that Value sums is the float64
// next to the exact one.
func (p *Duals) Verify() error {
	g := p.g
	if p.bare {
		return nil
	}
	q := len(p.tight)
	b, c := make([]float64, q*q), make([]float64, q)
	for a, j := range p.cols {
		c[a] = g.C[j]
		for k, r := range p.tight {
			b[k*q+a] = g.A[r*g.N+j]
		}
	}
	y := solveRational(b, c)
	if y == nil {
		return errSingular
	}
	side := func(name string, v int, z *big.Rat) error {
		switch s := p.state[v]; {
		case s == Basic && z.Sign() != 0:
			return fmt.Errorf("basis: %s is basic, its reduced cost %s", name, z.FloatString(20))
		case s == Lower && z.Sign() < 0, s == Upper && z.Sign() > 0:
			return fmt.Errorf("basis: %s is in state %d, its reduced cost %s", name, s, z.FloatString(20))
		}
		return nil
	}
	for k, r := range p.tight {
		if f, _ := y[k].Float64(); f != p.y[k] {
			return fmt.Errorf("basis: multiplier of row %d is %v, want %v", r, p.y[k], f)
		}
		if g.Equality[r] {
			continue
		}
		if err := side(fmt.Sprintf("slack %d", r), g.N+r, new(big.Rat).Neg(y[k])); err != nil {
			return err
		}
	}
	var t big.Rat
	for j := range g.N {
		z, size := vec.Rational(g.C[j]), abs(g.C[j])
		for k, r := range p.tight {
			z.Sub(z, t.Mul(vec.Rational(g.A[r*g.N+j]), y[k]))
			size += abs(g.A[r*g.N+j] * p.y[k])
		}
		if err := side(fmt.Sprintf("column %d", j), j, z); err != nil {
			return err
		}
		f, _ := z.Float64()
		switch {
		case (f < 0 || p.z[j] < 0) && f != p.z[j]:
			return fmt.Errorf("basis: reduced cost of column %d is %v, want %v", j, p.z[j], f)
		case abs(f-p.z[j]) > 1e-15*float64(g.M+2)*size:
			return fmt.Errorf("basis: reduced cost of column %d is %v, not close to %v", j, p.z[j], f)
		}
	}
	return nil
}
