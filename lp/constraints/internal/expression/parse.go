package expression

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"paspo/lp"
	"paspo/lp/constraints/internal/refuse"
	"paspo/lp/internal/vec"
)

const (
	maxExpr      = 1 << 16 // bytes
	maxExprDepth = 100     // parentheses and signs
)

// affine is sum_k coef_k symbol_k + constant.
type affine struct {
	coef     map[int]float64 // nil where there is no symbol
	constant float64
}

func (x *affine) add(sign float64, y affine) {
	x.constant += sign * y.constant
	if x.coef == nil && y.coef != nil {
		x.coef = make(map[int]float64, len(y.coef))
	}
	for k, c := range y.coef {
		x.coef[k] += sign * c
	}
}

func (x *affine) scale(by func(float64) float64) {
	x.constant = by(x.constant)
	for k, c := range x.coef {
		x.coef[k] = by(c)
	}
}

// Parse returns the rows that a constraint in words states, one but where it has
// functions:
//
//	constraint = sum relation sum [ relation sum ]
//	relation   = "<=" | ">=" | "="
//	sum        = product { ( "+" | "-" ) product }
//	product    = factor { ( "*" | "/" ) factor }
//	factor     = { "+" | "-" } ( number | name | "(" sum ")" | function "(" sum { "," sum } ")" )
//	function   = "max" | "min" | "abs"
//
// A factor may also be one of termFunctions of a name.
//
// A name is an entity or a group. It stands in backticks or quotes where it
// holds a space or an operator or starts with a digit. Of a chain, the outer
// sides are numbers: 0.1 <= TECH <= 0.4. The rows have no names.
func Parse(s string, names *Names) (rows []lp.Row, err error) {
	defer refuse.Caught(&err)
	p := &parser{s: s, names: names, signed: map[int]bool{}}
	if len(s) > maxExpr {
		p.fail(0, "the expression is longer than %d bytes", maxExpr)
	}
	p.next()
	rows = p.constraint()
	for k := range rows {
		rows[k].Signed = slices.Sorted(maps.Keys(p.signed))
	}
	return rows, nil
}

// parser descends recursively through an expression. It ends with fail where that is
// wrong.
type parser struct {
	s     string
	names *Names
	tok   token
	end   int // of tok
	depth int

	signed map[int]bool // entities of lp.Row.Signed
}

func (p *parser) next() { p.tok, p.end = nextToken(p.s, p.end) }

// fail refuses the expression for what is at byte at.
func (p *parser) fail(at int, format string, args ...any) { failAt(p.s, at, format, args...) }

// expect fails where the token is not one that may stand there.
func (p *parser) expect(ok bool, what string) {
	if !ok {
		p.fail(p.tok.at, "%v where %s", p.tok, what)
	}
}

func (p *parser) constraint() []lp.Row {
	left := p.sum()
	relation := p.tok
	p.expect(relation.kind == tokenRelation, "<=, >= or = is expected")
	p.next()
	right := p.sum()
	if p.tok.kind == tokenRelation {
		return p.chain(left, relation, right)
	}
	p.expect(p.tok.kind == tokenEnd, "an operator or the end is expected")
	plain := relation.text
	if left.constantOnly() {
		left, right = right, left
		plain = mirrored[plain]
	}
	if left.constantOnly() {
		p.fail(0, "no entity or group is named")
	}
	if left.linear() && right.linear() {
		limit := right.constant - left.constant
		left.affine.add(-1, right.affine)
		row := lp.Row{Coef: p.names.Expand(left.coef), Min: math.Inf(-1), Max: math.Inf(1)}
		if plain != ">=" {
			row.Max = limit
		}
		if plain != "<=" {
			row.Min = limit
		}
		return []lp.Row{row}
	}
	left.add(-1, right)
	switch plain {
	case "=":
		name, at := left.first()
		p.fail(at, "%s(...) has no = : the set of allocations would not be convex", name)
	case ">=":
		left.scale(negated)
	}
	return p.rows(left)
}

var mirrored = map[string]string{"<=": ">=", ">=": "<=", "=": "="}

// rows returns the rows of x <= 0, one for every choice of pieces.
func (p *parser) rows(x piecewise) (rows []lp.Row) {
	if t := x.concave(); t != nil {
		p.fail(t.at, "%[1]s(...) can be limited only from above, as in %[1]s(%[2]s) <= 0.2: the set of allocations would not be convex", t.name, everything)
	}
	p.spread(&x)
	terms := x.rowTerms()
	for _, a := range p.names.largest(p.choices(x)) {
		coef := p.names.Expand(a.coef)
		if terms == nil && vec.MaxAbs(coef) == 0 {
			if a.constant > 0 {
				p.fail(0, "it can never hold: a number is compared with a smaller one")
			}
			continue
		}
		rows = append(rows, lp.Row{Coef: coef, Min: math.Inf(-1), Max: 0 - a.constant, Terms: terms})
	}
	if len(rows) == 0 {
		p.fail(0, "it always holds, and limits nothing")
	}
	return rows
}

// chain reads the end of a constraint like 0.1 <= TECH <= 0.4.
func (p *parser) chain(left piecewise, first token, middle piecewise) []lp.Row {
	second := p.tok
	if first.text == "=" || second.text != first.text {
		p.fail(second.at, "a chain goes like 0.1 <= X <= 0.4 or 0.4 >= X >= 0.1; split it")
	}
	p.next()
	right := p.sum()
	p.expect(p.tok.kind == tokenEnd, "an operator or the end is expected")
	switch {
	case !left.constantOnly() || !right.constantOnly():
		p.fail(0, "the outer sides of a chain are numbers; split it")
	case middle.constantOnly():
		p.fail(0, "no entity or group is named")
	case !middle.linear():
		name, at := middle.first()
		p.fail(at, "%s(...) is limited from both sides by a chain: the set of allocations would not be convex", name)
	}
	lo, hi := left.constant-middle.constant, right.constant-middle.constant
	if first.text == ">=" {
		lo, hi = hi, lo
	}
	return []lp.Row{{Coef: p.names.Expand(middle.coef), Min: lo, Max: hi}}
}

func (p *parser) operator(set string) bool {
	return p.tok.kind == tokenOperator && strings.Contains(set, p.tok.text)
}

func (p *parser) sum() piecewise {
	x := p.product()
	for p.operator("+-") {
		sign := 1.
		if p.tok.text == "-" {
			sign = -1
		}
		p.next()
		x.add(sign, p.product())
	}
	return x
}

func (p *parser) product() piecewise {
	first := p.tok
	x := p.factor()
	if first.kind == tokenNumber && (p.tok.kind == tokenName || p.operator("(")) {
		p.fail(p.tok.at, "%v follows a number, write %s*%s", p.tok, first.text, p.tok.text)
	}
	for p.operator("*/") {
		op := p.tok
		p.next()
		y := p.factor()
		switch {
		case op.text == "/" && !y.constantOnly():
			p.fail(op.at, "a division by an entity is not linear")
		case op.text == "/" && y.constant == 0:
			p.fail(op.at, "a division by 0")
		case op.text == "/":
			x.scale(func(c float64) float64 { return c / y.constant })
		case !x.constantOnly() && !y.constantOnly():
			p.fail(op.at, "a product of two entities is not linear")
		default:
			if x.constantOnly() {
				x, y = y, x
			}
			x.scale(func(c float64) float64 { return c * y.constant })
		}
	}
	return x
}

func (p *parser) factor() (x piecewise) {
	if p.depth++; p.depth > maxExprDepth {
		p.fail(p.tok.at, "more than %d parentheses and signs within one another", maxExprDepth)
	}
	defer func() { p.depth-- }()
	tok := p.tok
	known := tok.kind == tokenNumber || tok.kind == tokenName || p.operator("+-(")
	p.expect(known, "a number, a name or ( is expected")
	p.next()
	switch {
	case tok.kind == tokenNumber:
		var err error
		if x.constant, err = strconv.ParseFloat(tok.text, 64); err != nil {
			p.fail(tok.at, "%s is too large", Clip(tok.text))
		}
	case tok.kind == tokenName:
		return p.named(tok)
	case tok.text == "(":
		x = p.sum()
		p.expect(p.operator(")"), ") is expected")
		p.next()
	default:
		x = p.factor()
		if tok.text == "-" {
			x.scale(negated)
		}
	}
	return x
}

// named reads what a name begins: a function, unless the name is in quotes, or a symbol.
func (p *parser) named(name token) (x piecewise) {
	if call := p.operator("("); call {
		unquoted := p.s[name.at : name.at+len(name.text)]
		if functions[unquoted] {
			return p.function(name)
		}
		if f, ok := termFunctions[unquoted]; ok {
			return p.termFunction(name, f)
		}
		if _, ok := p.names.index[name.text]; !ok {
			if strings.EqualFold(name.text, "sum") {
				p.fail(name.at, "unknown function %q: the name of a group alone is the sum of its entities, as in TECH <= 0.4, and others are added, as in A + B <= 0.4", Clip(name.text))
			}
			known := functionNames()
			p.fail(name.at, "unknown function %q%s; known are %s", Clip(name.text), Suggest(name.text, known), List(known))
		}
	}
	x.coef = map[int]float64{p.symbol(name): 1}
	return x
}

// symbol returns the index of the entity or group that a token names.
func (p *parser) symbol(name token) int {
	k, ok := p.names.index[name.text]
	if !ok {
		p.fail(name.at, "%s", p.names.Unknown(name.text, p.s[name.at:]))
	}
	return k
}
