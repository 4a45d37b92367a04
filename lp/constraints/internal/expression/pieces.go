package expression

import (
	"slices"

	"paspo/lp"
)

// functions are what an expression may apply to sums.
var functions = map[string]bool{"max": true, "min": true, "abs": true}

// maxChoices is the number of rows that one constraint may stand for.
const maxChoices = 256

// piecewise is an affine function plus the largest, or the smallest, of others.
type piecewise struct {
	affine
	pieces []extreme
	terms  []exprTerm
}

// extreme is the largest of affine functions, or the smallest.
type extreme struct {
	name  string
	at    int // of the name in the expression
	least bool
	of    []affine

	single int // of abs: the only entity in it, else -1
}

func (x *piecewise) constantOnly() bool { return x.coef == nil && x.linear() }

// linear reports whether there is nothing but an affine function.
func (x *piecewise) linear() bool { return len(x.pieces) == 0 && len(x.terms) == 0 }

// first returns the name and the place of a function.
func (x *piecewise) first() (name string, at int) {
	if len(x.pieces) > 0 {
		return x.pieces[0].name, x.pieces[0].at
	}
	return x.terms[0].name, x.terms[0].at
}

func (x *piecewise) add(sign float64, y piecewise) {
	if sign < 0 {
		y.scale(negated)
	}
	x.affine.add(1, y.affine)
	x.pieces = append(x.pieces, y.pieces...)
	x.terms = append(x.terms, y.terms...)
}

func negated(c float64) float64 { return -c }

func (x *piecewise) scale(by func(float64) float64) {
	x.affine.scale(by)
	one := by(1)
	if one == 0 {
		x.pieces, x.terms = nil, nil
	}
	for i := range x.pieces {
		f := &x.pieces[i]
		f.least = f.least != (one < 0)
		for k := range f.of {
			f.of[k].scale(by)
		}
	}
	for i := range x.terms {
		t := &x.terms[i]
		t.Above, t.Below = by(t.Above), by(t.Below)
	}
}

func (x *affine) clone() (y affine) {
	y.add(1, *x)
	return y
}

func (x *piecewise) clone() piecewise {
	y := piecewise{affine: x.affine.clone()}
	for _, f := range x.pieces {
		g := f
		g.of = nil
		for _, a := range f.of {
			g.of = append(g.of, a.clone())
		}
		y.pieces = append(y.pieces, g)
	}
	y.terms = slices.Clone(x.terms)
	return y
}

// function reads the arguments of max, min or abs.
func (p *parser) function(name token) piecewise {
	var args []piecewise
	for more := true; more; more = p.operator(",") {
		p.next()
		x := p.sum()
		if len(x.terms) > 0 {
			p.fail(x.terms[0].at, "%s(...) cannot stand inside %s(...)", x.terms[0].name, name.text)
		}
		args = append(args, x)
	}
	p.expect(p.operator(")"), ", or ) is expected")
	p.next()
	f := extreme{name: name.text, at: name.at, least: name.text == "min", single: -1}
	if name.text == "abs" {
		if len(args) != 1 {
			p.fail(name.at, "abs takes one sum, %d are given", len(args))
		}
		if args[0].linear() {
			f.single = p.names.single(args[0].affine)
		}
		other := args[0].clone()
		other.scale(negated)
		args = append(args, other)
	}
	for _, x := range args {
		if f.least {
			x.scale(negated)
		}
		if f.of = append(f.of, p.choices(x)...); len(f.of) > maxChoices {
			p.tooMany(f)
		}
	}
	f.of = p.names.largest(f.of)
	if f.least {
		for k := range f.of {
			f.of[k].scale(negated)
		}
	}
	return f.piecewise()
}

// piecewise returns f, which is affine where there is one function alone.
func (f extreme) piecewise() piecewise {
	if len(f.of) == 1 {
		return piecewise{affine: f.of[0]}
	}
	return piecewise{pieces: []extreme{f}}
}

func (p *parser) tooMany(f extreme) {
	p.fail(f.at, "with %s(...) it is more than %d rows, one for every choice: at most that many are allowed", f.name, maxChoices)
}

// convexUse says how a function may be limited that is limited from the other side.
var convexUse = map[string]string{
	"max": "from above, as in max(A, B) <= 0.4",
	"min": "from below, as in min(A, B) >= 0.1",
	"abs": "from above, as in abs(A - B) <= 0.1",
}

// choices returns affine functions whose largest is x.
func (p *parser) choices(x piecewise) []affine {
	all := []affine{x.affine}
	for _, f := range x.pieces {
		if f.least {
			p.fail(f.at, "%s(...) can be limited only %s: the set of allocations would not be convex", f.name, convexUse[f.name])
		}
		if len(all)*len(f.of) > maxChoices {
			p.tooMany(f)
		}
		var next []affine
		for _, a := range all {
			for _, b := range f.of {
				sum := a.clone()
				sum.add(1, b)
				next = append(next, sum)
			}
		}
		all = next
	}
	return all
}

// largest drops functions that another one dominates everywhere within the bounds of the
// entities.
func (s *Names) largest(all []affine) (kept []affine) {
	coef := make([][]float64, len(all))
	for i, a := range all {
		coef[i] = s.Expand(a.coef)
	}
	// most returns the largest difference of functions i and j within the bounds.
	most := func(i, j int) float64 {
		sum := all[i].constant - all[j].constant
		for k, c := range coef[i] {
			switch d := c - coef[j][k]; {
			case d > 0:
				sum += d * s.Upper[k]
			case d < 0:
				sum += d * s.Lower[k]
			}
		}
		return sum
	}
	left := make([]bool, len(all))
	for i, a := range all {
		for j := range all {
			left[i] = left[i] || i != j && !left[j] && most(i, j) <= 0
		}
		if !left[i] {
			kept = append(kept, a)
		}
	}
	return kept
}

// Magnitudes returns the rows of sum_j w_j |a_j| <= c, given the one that has w, never below
// 0, for its coefficients. They are those of a sum of abs(..) in which the signs of the first
// entity change first.
func Magnitudes(row lp.Row, names *Names) (rows []lp.Row) {
	var x piecewise
	for j, w := range slices.Backward(row.Coef) {
		if w > 0 {
			signs := []affine{{coef: map[int]float64{j: w}}, {coef: map[int]float64{j: -w}}}
			x.add(1, extreme{name: "abs", of: names.largest(signs), single: j}.piecewise())
		}
	}
	p := &parser{names: names}
	p.spread(&x)
	for _, a := range p.choices(x) {
		rows = append(rows, lp.Row{Coef: names.Expand(a.coef), Min: row.Min, Max: row.Max, Terms: x.rowTerms()})
	}
	return rows
}
