package constraints

import (
	"math"
	"slices"
	"strings"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
	"paspo/lp/internal/vec"
)

// longestStated bounds the text of a row in Stated.
const longestStated = 200

// Stated adds to the names of constraints of p that exclude one another what they say in the
// limits of a state, nil for the polytope's own: "tech: A + B <= 0.3". A name that says
// that already stays as it is.
func Stated(p *lp.Polytope, lim *lp.Limits, conflict []string) []string {
	a, b, names := p.Inequalities()
	if lim != nil && lim.A != nil {
		a = lim.A
	}
	if lim != nil && lim.B != nil {
		b = lim.B
	}
	n, out := p.Dim(), slices.Clone(conflict)
	for i, name := range out {
		var says []string
		for k, of := range names {
			if of != name || k >= len(b) || (k+1)*n > len(a) {
				continue
			}
			if terms := p.Terms(k); len(terms) > 0 {
				if text := expression.Inequality(p, k) + " <= " + vec.Text(b[k]); len(text) <= longestStated {
					says = append(says, text)
				}
				continue
			}
			coef, limit := slices.Clone(a[k*n:(k+1)*n]), b[k]
			text := sided(coef, limit, p.Entities())
			if text != name && len(text) <= longestStated {
				says = append(says, text)
			}
		}
		if len(says) > 0 && !slices.Contains(says, name) {
			out[i] = name + ": " + strings.Join(says, ", ")
		}
		if text := equal(p, lim, name); text != "" {
			out[i] = text
		}
	}
	return out
}

// equal says the equality of this name in limits whose right-hand side is another than the
// polytope's own, "" where there is none.
func equal(p *lp.Polytope, lim *lp.Limits, name string) string {
	e, own, names := p.Equalities()
	k := slices.Index(names, name)
	if k < 0 || lim == nil || lim.F == nil || lim.F[k] == own[k] {
		return ""
	}
	value, n := vec.Text(lim.F[k]), p.Dim()
	if budget, c := p.Budget(); k == budget && c == 1 {
		return "total = " + value
	}
	if text := expression.Sum(e[k*n:(k+1)*n], p.Entities()); len(text) <= longestStated {
		return name + ": " + text + " = " + value
	}
	return name + ": = " + value
}

// sided writes coef x <= limit, as ... >= ... where every coefficient is negative.
func sided(coef []float64, limit float64, entities []string) string {
	sign := " <= "
	if !slices.ContainsFunc(coef, func(x float64) bool { return x > 0 }) && slices.ContainsFunc(coef, func(x float64) bool { return x < 0 }) {
		sign, limit = " >= ", -limit
		for j := range coef {
			coef[j] = math.Abs(coef[j])
		}
	}
	return expression.Sum(coef, entities) + sign + vec.Text(limit+0)
}

// Expression writes the sum of coefficient times entity as people write it.
func Expression(coef []float64, entities []string) string { return expression.Sum(coef, entities) }

// Inequality writes what inequality k of a polytope limits, as people write it, terms
// included.
func Inequality(p *lp.Polytope, k int) string { return expression.Inequality(p, k) }
