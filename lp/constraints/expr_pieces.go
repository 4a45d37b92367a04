package constraints

import (
	"maps"
	"math"
	"slices"
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
		y.negate()
	}
	x.affine.add(1, y.affine)
	x.pieces = append(x.pieces, y.pieces...)
	x.terms = append(x.terms, y.terms...)
}

func (x *piecewise) negate() { x.scale(func(c float64) float64 { return -c }) }

func (x *piecewise) scale(by func(float64) float64) {
	x.affine.scale(by)
	switch one := by(1); {
	case one == 0:
		x.pieces, x.terms = nil, nil
	default:
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
func (p *exprParser) function(name token) (piecewise, error) {
	var args []piecewise
	for {
		if err := p.next(); err != nil {
			return piecewise{}, err
		}
		x, err := p.sum()
		if err != nil {
			return piecewise{}, err
		}
		if len(x.terms) > 0 {
			return piecewise{}, exprError(p.s, x.terms[0].at, "%s(...) cannot stand inside %s(...)", x.terms[0].name, name.text)
		}
		args = append(args, x)
		if !p.operator(",") {
			break
		}
	}
	if !p.operator(")") {
		return piecewise{}, p.errorf("%v where , or ) is expected", p.tok)
	}
	if err := p.next(); err != nil {
		return piecewise{}, err
	}
	f := extreme{name: name.text, at: name.at, least: name.text == "min", single: -1}
	if name.text == "abs" {
		if len(args) != 1 {
			return piecewise{}, exprError(p.s, name.at, "abs takes one sum, %d are given", len(args))
		}
		if args[0].linear() {
			f.single = p.names.single(args[0].affine)
		}
		other := args[0].clone()
		other.negate()
		args = append(args, other)
	}
	for _, x := range args {
		if f.least {
			x.negate()
		}
		all, err := p.choices(x)
		if err != nil {
			return piecewise{}, err
		}
		if f.of = append(f.of, all...); len(f.of) > maxChoices {
			return piecewise{}, p.tooMany(f)
		}
	}
	f.of = p.names.largest(f.of)
	if f.least {
		for k := range f.of {
			f.of[k].scale(func(c float64) float64 { return -c })
		}
	}
	if len(f.of) == 1 {
		return piecewise{affine: f.of[0]}, nil
	}
	return piecewise{pieces: []extreme{f}}, nil
}

func (p *exprParser) tooMany(f extreme) error {
	return exprError(p.s, f.at, "with %s(...) it is more than %d rows, one for every choice: at most that many are allowed", f.name, maxChoices)
}

// choices returns affine functions whose largest is x.
func (p *exprParser) choices(x piecewise) ([]affine, error) {
	all := []affine{x.affine}
	for _, f := range x.pieces {
		if f.least {
			other := "from above, as in " + f.name + "(A, B) <= 0.4"
			if f.name == "min" {
				other = "from below, as in min(A, B) >= 0.1"
			} else if f.name == "abs" {
				other = "from above, as in abs(A - B) <= 0.1"
			}
			return nil, exprError(p.s, f.at, "%s(...) can be limited only %s: what is left would not be convex", f.name, other)
		}
		if len(all)*len(f.of) > maxChoices {
			return nil, p.tooMany(f)
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
	return all, nil
}

// largest leaves out functions that others are nowhere below, within the bounds of the
// entities.
func (s *symbols) largest(all []affine) []affine {
	kept := slices.Clone(all)
	for i := 0; i < len(kept); i++ {
		for j := range kept {
			if i == j {
				continue
			}
			d := kept[i].clone()
			d.add(-1, kept[j])
			if s.most(d) <= 0 {
				kept = slices.Delete(kept, i, i+1)
				i--
				break
			}
		}
	}
	return kept
}

// most returns the largest value of x within the bounds of the entities.
func (s *symbols) most(x affine) float64 {
	if s.lower == nil && len(x.coef) > 0 {
		return math.Inf(1)
	}
	n := len(s.entities)
	coef := map[int]float64{} // of entities
	for _, k := range slices.Sorted(maps.Keys(x.coef)) {
		c := x.coef[k]
		if k < n {
			coef[k] += c
			continue
		}
		for _, j := range s.members[k-n] {
			coef[j] += c
		}
	}
	sum := x.constant
	for _, j := range slices.Sorted(maps.Keys(coef)) {
		switch c := coef[j]; {
		case c == 0:
		case c > 0:
			sum += c * s.upper[j]
		default:
			sum += c * s.lower[j]
		}
	}
	return sum
}
