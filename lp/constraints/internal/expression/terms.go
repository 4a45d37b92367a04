package expression

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// termFunction is a function of one name that adds convex terms of its entities, which are
// no rows of their own: see lp.Term.
type termFunction struct {
	above, below float64
	holding      bool // counted from what is held, else from 0
}

var termFunctions = map[string]termFunction{
	"turnover": {1, 1, true}, // bought and sold, each counted: one-way it is half of that
	"bought":   {1, 0, true},
	"sold":     {0, 1, true},
	"leverage": {1, 1, false},
	"long":     {1, 0, false},
	"short":    {0, 1, false},
}

// functionNames are those of all functions of an expression, in order.
func functionNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(functions)), maps.Keys(termFunctions))
	slices.Sort(names)
	return names
}

// everything is what stands for all entities in such a function. Where an entity or a group has
// that name too, it is refused without quotes: a limit of all would else become one of a single name.
const everything = "ALL"

// exprTerm is a term and the function that it comes from.
type exprTerm struct {
	lp.Term
	name string
	at   int
}

// termFunction reads the argument of such a function.
func (p *parser) termFunction(name token, f termFunction) (x piecewise) {
	p.next()
	of := p.tok
	takes := fmt.Sprintf("%s(...) takes the name of an entity or a group, or %s", name.text, everything)
	p.expect(of.kind == tokenName, takes)
	p.next()
	p.expect(p.operator(")"), ") is expected: "+takes)
	p.next()
	n := len(p.names.Entities)
	var members []int
	_, taken := p.names.index[of.text]
	if taken && of.text == everything && strings.HasPrefix(p.s[of.at:], everything) {
		p.fail(of.at, "%s stands for all entities here, but an entity or a group has that name too: rename it (in prices, its column), or write `%[1]s` in backticks for it alone", everything)
	}
	if !taken && of.text == everything {
		for j := range n {
			members = append(members, j)
		}
	} else if k, known := p.names.index[of.text]; !known {
		p.fail(of.at, "%s", p.names.Unknown(of.text, p.s[of.at:], everything))
	} else if k < n {
		members = []int{k}
	} else {
		members = p.names.members[k-n]
	}
	if f.holding && p.names.Holdings == nil {
		p.fail(name.at, "%s(...) counts from what is held: say what, in the file, as in holdings: {%s: 1}; what is not listed is 0", name.text, p.names.Entities[0])
	}
	x.coef = map[int]float64{}
	for _, j := range members {
		t := lp.Term{Entity: j, Above: f.above, Below: f.below, Holding: f.holding}
		switch {
		case f.holding:
			t.From = p.names.Holdings[j]
		case p.names.Lower[j] >= 0:
			x.coef[j] += f.above
			p.signed[j] = true
			continue
		case p.names.Upper[j] <= 0:
			x.coef[j] -= f.below
			p.signed[j] = true
			continue
		}
		x.terms = append(x.terms, exprTerm{t, name.text, name.at})
	}
	return x
}

// concave returns the first term that a limit from above does not take, nil where there is
// none.
func (x *piecewise) concave() *exprTerm {
	for i := range x.terms {
		if t := &x.terms[i]; t.Above < 0 || t.Below < 0 {
			return t
		}
	}
	return nil
}

// rowTerms returns the terms of a row.
func (x *piecewise) rowTerms() (out []lp.Term) {
	for _, t := range x.terms {
		t.From += 0 // not -0
		out = append(out, t.Term)
	}
	return out
}

// spread makes terms where there are more choices than rows may be: of magnitudes of single
// entities, and where that is not enough of all functions that choose between two sums.
func (p *parser) spread(x *piecewise) {
	for _, sums := range [...]bool{false, true} {
		choices := 1
		for _, f := range x.pieces {
			if choices *= len(f.of); choices > maxChoices {
				break
			}
		}
		if choices <= maxChoices {
			return
		}
		p.spreadPieces(x, sums)
	}
}

func (p *parser) spreadPieces(x *piecewise, sums bool) {
	x.pieces = slices.DeleteFunc(x.pieces, func(f extreme) bool {
		if sums && len(f.of) == 2 && !f.least {
			x.choose(p.names, f)
			return true
		}
		if f.single < 0 || f.least {
			return false
		}
		c := p.names.Expand(f.of[0].coef)[f.single]
		w := math.Abs(c)
		x.terms = append(x.terms, exprTerm{lp.Term{Entity: f.single, Above: w, Below: w, From: -f.of[0].constant / c}, f.name, f.at})
		return true
	})
}

// choose adds the larger of two sums f and g as a term: max(f, -f) as abs(f), any other max(f, g)
// as g + max(0, f - g).
func (x *piecewise) choose(names *Names, f extreme) {
	one, other := f.of[0].clone(), f.of[1]
	t := lp.Term{Above: 1, Below: 1}
	sum := one.clone()
	sum.add(1, other)
	if sum.constant != 0 || vec.MaxAbs(names.Expand(sum.coef)) != 0 {
		x.affine.add(1, other)
		one.add(-1, other)
		t.Below = 0
	}
	t.From, t.Sum = -one.constant, names.Expand(one.coef)
	x.terms = append(x.terms, exprTerm{t, f.name, f.at})
}

// single returns the only entity of an affine function, -1 where there is another number
// of them.
func (s *Names) single(x affine) int {
	at := -1
	for j, c := range s.Expand(x.coef) {
		if c == 0 {
			continue
		}
		if at >= 0 {
			return -1
		}
		at = j
	}
	return at
}
