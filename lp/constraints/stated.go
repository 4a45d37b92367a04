package constraints

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
	"paspo/lp/internal/vec"
)

// longestStated bounds the text of a row in Stated.
const longestStated = 200

// Stated adds to the names of constraints of p that exclude one another what they say in the
// limits of a state, nil for the polytope's own: "tech: A + B <= 0.3". A name that says
// that already stays as it is. Rows of one constraint stand together under its name (see Part).
func Stated(p *lp.Polytope, lim *lp.Limits, conflict []string) []string {
	a, b, names := p.Inequalities()
	if lim != nil && lim.A != nil {
		a = lim.A
	}
	if lim != nil && lim.B != nil {
		b = lim.B
	}
	n := p.Dim()
	_, _, lower, upper := p.Resolve(lim)
	return explained(conflict, names, func(name string) (says []string) {
		for k, of := range names {
			if of != name || k >= len(b) || (k+1)*n > len(a) {
				continue
			}
			if terms := p.Terms(k); len(terms) > 0 {
				says = append(says, expression.LeftSide(shown(a[k*n:(k+1)*n]), terms, p.Entities())+" <= "+vec.Text(digits(b[k])))
				continue
			}
			if of == name && others(names, k) && implied(a[k*n:(k+1)*n], b[k], lower, upper) {
				continue
			}
			says = append(says, sided(shown(a[k*n:(k+1)*n]), digits(b[k]), p.Entities()))
		}
		return says
	}, func(name string) string { return equal(p, lim, name) })
}

// others says whether another side of row k has its name.
func others(names []string, k int) bool {
	return k > 0 && names[k-1] == names[k] || k+1 < len(names) && names[k+1] == names[k]
}

// implied says whether bounds imply coef x <= limit, as those from 0 do that a group is at least 0.
func implied(coef []float64, limit float64, lower, upper []float64) bool {
	most := 0.
	for j, c := range coef {
		if c != 0 {
			most += max(c*lower[j], c*upper[j])
		}
	}
	return most <= limit
}

// explained adds to names of constraints what the rows of a name say. A text of instead, where it is
// not empty, takes the place of a name.
func explained(conflict, names []string, says func(name string) []string, instead func(name string) string) (out []string) {
	at := map[string]int{} // of constraints in out
	for _, name := range conflict {
		if text := instead(name); text != "" {
			out = append(out, text)
			continue
		}
		base, part := name, false
		if k := slices.Index(names, name); k >= 0 {
			base, part = Part(names, k)
		}
		texts := says(name)
		if slices.Contains(texts, name) {
			texts = nil
		}
		for i, text := range texts {
			texts[i] = clipped(text)
		}
		text := strings.Join(texts, ", ")
		i, more := at[base]
		switch {
		case more && part && text != "":
			out[i] += ", " + text
			continue
		case text != "":
			text = base + ": " + text
		default:
			text = name
		}
		at[base], out = len(out), append(out, text)
	}
	return out
}

// Part returns the constraint of row k, and whether it has other rows: the rows of a constraint
// that max, min or abs make are called "name (1)", "name (2)", .., and messages name the constraint,
// since the numbers say nothing to whoever wrote it.
func Part(names []string, k int) (constraint string, ok bool) {
	base, number, _ := cutLast(names[k], " (")
	for _, other := range []int{k - 1, k + 1} {
		if other < 0 || other >= len(names) {
			continue
		}
		if b, n, ok := cutLast(names[other], " ("); ok && b == base && n != number && strings.HasSuffix(names[k], ")") {
			return base, true
		}
	}
	return names[k], false
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

var relation = regexp.MustCompile(` (<=|>=|=) `)

// clipped leaves out the sum of a row whose text is too long: "... <= 0.2".
func clipped(text string) string {
	all := relation.FindAllStringIndex(text, -1)
	if len(text) <= longestStated || len(all) == 0 {
		return text
	}
	from := 0
	if len(all) > 1 {
		from = all[0][1]
	}
	return text[:from] + "..." + text[all[len(all)-1][0]:]
}

// digits rounds to 15 digits: 0.1 - 0.08 is 0.020000000000000004.
func digits(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 15, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// shown returns coefficients of as many digits.
func shown(coef []float64) []float64 {
	out := slices.Clone(coef)
	for j, c := range out {
		out[j] = digits(c)
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
