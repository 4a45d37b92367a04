package expression

import (
	"math"
	"slices"
	"strings"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// Sum writes the sum of coefficient times name as people write it, 0 where all coefficients
// are 0.
func Sum(coef []float64, names []string) string {
	var b strings.Builder
	for j, x := range coef {
		if x == 0 {
			continue
		}
		switch {
		case b.Len() == 0 && x < 0:
			b.WriteByte('-')
		case x < 0:
			b.WriteString(" - ")
		case b.Len() > 0:
			b.WriteString(" + ")
		}
		if x := math.Abs(x); x != 1 {
			b.WriteString(vec.Text(x) + "*")
		}
		b.WriteString(names[j])
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// Row returns a row without terms as an expression, which Parse reads as the same numbers
// unless all coefficients are 0. It is false where a name cannot be quoted.
func Row(entities []string, r lp.Row) (string, bool) {
	quoted := slices.Clone(entities)
	for j, c := range r.Coef {
		var ok bool
		if quoted[j], ok = quoteName(entities[j]); c != 0 && !ok {
			return "", false
		}
	}
	s := Sum(r.Coef, quoted)
	switch {
	case r.Min == r.Max:
		return s + " = " + vec.Text(r.Max), true
	case math.IsInf(r.Min, -1):
		return s + " <= " + vec.Text(r.Max), true
	case math.IsInf(r.Max, 1):
		return s + " >= " + vec.Text(r.Min), true
	}
	return vec.Text(r.Min) + " <= " + s + " <= " + vec.Text(r.Max), true
}

// Inequality writes what inequality k of a polytope limits, as people write it, terms
// included.
func Inequality(p *lp.Polytope, k int) string {
	a, _, _ := p.Inequalities()
	n := p.Dim()
	return LeftSide(a[k*n:(k+1)*n], p.Terms(k), p.Entities())
}

// LeftSide writes the sum of coefficient times entity and terms.
func LeftSide(coef []float64, terms []lp.Term, entities []string) string {
	s := Sum(coef, entities)
	if len(terms) == 0 {
		return s
	}
	var b strings.Builder
	if s != "0" {
		b.WriteString(s)
	}
	if t, ok := ofAll(terms, entities); ok {
		writeTerm(&b, everything, t)
		return strings.Replace(b.String(), "abs(", "leverage(", 1)
	}
	for _, t := range terms {
		name := entities[t.Entity]
		if name == everything {
			name = "`" + name + "`"
		}
		if t.Sum != nil {
			name = Sum(t.Sum, entities)
		}
		writeTerm(&b, name, t)
	}
	return b.String()
}

// ofAll returns the term of one entity where terms are those of a function of ALL.
func ofAll(terms []lp.Term, entities []string) (all lp.Term, ok bool) {
	if len(terms) != len(entities) || len(terms) < 2 || slices.Contains(entities, everything) {
		return all, false
	}
	for j, t := range terms {
		if t.Entity != j || t.Sum != nil || t.Holding != terms[0].Holding || t.Above != terms[0].Above || t.Below != terms[0].Below || !t.Holding && t.From != 0 {
			return all, false
		}
	}
	all = terms[0]
	all.From = 0
	return all, true
}

// writeTerm writes a term after what there is.
func writeTerm(b *strings.Builder, name string, t lp.Term) {
	part := func(w float64, text string) {
		if w == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteString(" + ")
		}
		if w != 1 {
			b.WriteString(vec.Text(w) + "*")
		}
		b.WriteString(text)
	}
	from := name + " - " + vec.Text(t.From)
	if t.From == 0 {
		from = name
	} else if t.From < 0 {
		from = name + " + " + vec.Text(-t.From)
	}
	switch {
	case t.Holding && t.Above == t.Below:
		part(t.Above, "turnover("+name+")")
	case t.Holding:
		part(t.Above, "bought("+name+")")
		part(t.Below, "sold("+name+")")
	case t.Above == t.Below:
		part(t.Above, "abs("+from+")")
	case t.From == 0 && t.Sum == nil:
		part(t.Above, "long("+name+")")
		part(t.Below, "short("+name+")")
	default:
		part(t.Above, "max(0, "+from+")")
		if t.Sum != nil {
			name = "(" + name + ")"
		}
		part(t.Below, "max(0, "+vec.Text(t.From)+" - "+name+")")
	}
}

// plainName says whether a name can stand in an expression without quotes.
func plainName(s string) bool { return NumberLength(s) == 0 && nameLength(s) == len(s) && s != "" }

// quoteName returns a name as an expression takes it, and false where none of
// the quotes is free.
func quoteName(s string) (string, bool) {
	if plainName(s) {
		return s, true
	}
	for _, q := range [...]string{"`", `"`, "'"} {
		if !strings.Contains(s, q) {
			return q + s + q, true
		}
	}
	return s, false
}
