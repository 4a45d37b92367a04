package constraints

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"paspo/lp"
)

const (
	maxExpr      = 1 << 16 // bytes
	maxExprDepth = 100     // parentheses and signs
)

// symbols are the names that an expression may use: entities 0 .. n-1, then
// groups, each the sum of its entities.
type symbols struct {
	entities []string
	groups   []string
	members  [][]int // of every group
	index    map[string]int

	lower, upper []float64 // of entities, nil where not known
	holdings     []float64 // of entities, nil where the file has none
}

func newSymbols(entities []string) *symbols {
	s := &symbols{entities: entities, index: make(map[string]int, len(entities))}
	for i, e := range entities {
		s.index[e] = i
	}
	return s
}

func (s *symbols) addGroup(name string, members []int) {
	s.index[name] = len(s.entities) + len(s.groups)
	s.groups, s.members = append(s.groups, name), append(s.members, members)
}

func (s *symbols) names() []string { return slices.Concat(s.entities, s.groups) }

// expand returns the coefficients of the entities. Symbols are added in order,
// so that equal expressions give equal bits.
func (s *symbols) expand(coef map[int]float64) []float64 {
	n := len(s.entities)
	out := make([]float64, n)
	for _, k := range slices.Sorted(maps.Keys(coef)) {
		if k < n {
			out[k] += coef[k]
			continue
		}
		for _, j := range s.members[k-n] {
			out[j] += coef[k]
		}
	}
	return out
}

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

// parseExpr returns the rows that a constraint in words states, one but where it has
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
func parseExpr(s string, names *symbols) ([]lp.Row, error) {
	p := &exprParser{s: s, names: names}
	if len(s) > maxExpr {
		return nil, exprError(s, 0, "the expression is longer than %d bytes", maxExpr)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	return p.constraint()
}

type exprParser struct {
	s     string
	names *symbols
	tok   token
	end   int // of tok
	depth int
}

func (p *exprParser) next() (err error) {
	p.tok, p.end, err = nextToken(p.s, p.end)
	return err
}

func (p *exprParser) errorf(format string, args ...any) error {
	return exprError(p.s, p.tok.at, format, args...)
}

func (p *exprParser) constraint() ([]lp.Row, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	relation := p.tok
	if relation.kind != tokenRelation {
		return nil, p.errorf("%v where <=, >= or = is expected", p.tok)
	}
	right, err := p.side()
	if err != nil {
		return nil, err
	}
	if p.tok.kind == tokenRelation {
		return p.chain(left, relation, right)
	}
	if p.tok.kind != tokenEnd {
		return nil, p.errorf("%v where an operator or the end is expected", p.tok)
	}
	plain := relation.text
	if left.constantOnly() {
		left, right = right, left
		plain = mirrored[plain]
	}
	if left.constantOnly() {
		return nil, exprError(p.s, 0, "no entity or group is named")
	}
	if left.linear() && right.linear() {
		limit := right.constant - left.constant
		left.affine.add(-1, right.affine)
		row := lp.Row{Coef: p.names.expand(left.coef), Min: math.Inf(-1), Max: math.Inf(1)}
		if plain != ">=" {
			row.Max = limit
		}
		if plain != "<=" {
			row.Min = limit
		}
		return []lp.Row{row}, nil
	}
	left.add(-1, right)
	switch plain {
	case "=":
		name, at := left.first()
		return nil, exprError(p.s, at, "%s(...) has no = : what is left would not be convex", name)
	case ">=":
		left.negate()
	}
	return p.rows(left)
}

// rows returns the rows of x <= 0, one for every choice of pieces.
func (p *exprParser) rows(x piecewise) ([]lp.Row, error) {
	if t := x.concave(); t != nil {
		return nil, exprError(p.s, t.at, "%[1]s(...) can be limited only from above, as in %[1]s(%[2]s) <= 0.2: what is left would not be convex", t.name, everything)
	}
	p.spread(&x)
	all, err := p.choices(x)
	if err != nil {
		return nil, err
	}
	if terms := x.rowTerms(); terms != nil {
		var rows []lp.Row
		for _, a := range p.names.largest(all) {
			rows = append(rows, lp.Row{Coef: p.names.expand(a.coef), Min: math.Inf(-1), Max: 0 - a.constant, Terms: terms})
		}
		return rows, nil
	}
	var rows []lp.Row
	for _, a := range p.names.largest(all) {
		coef := p.names.expand(a.coef)
		if !slices.ContainsFunc(coef, func(c float64) bool { return c != 0 }) {
			if a.constant > 0 {
				return nil, exprError(p.s, 0, "it can never hold: a number is compared with a smaller one")
			}
			continue
		}
		rows = append(rows, lp.Row{Coef: coef, Min: math.Inf(-1), Max: 0 - a.constant})
	}
	if len(rows) == 0 {
		return nil, exprError(p.s, 0, "it always holds, and limits nothing")
	}
	return rows, nil
}

var mirrored = map[string]string{"<=": ">=", ">=": "<=", "=": "="}

// side reads the relation and the sum after it.
func (p *exprParser) side() (piecewise, error) {
	if err := p.next(); err != nil {
		return piecewise{}, err
	}
	return p.sum()
}

// chain reads the end of a constraint like 0.1 <= TECH <= 0.4.
func (p *exprParser) chain(left piecewise, first token, middle piecewise) ([]lp.Row, error) {
	second := p.tok
	if first.text == "=" || second.text != first.text {
		return nil, p.errorf("a chain goes like 0.1 <= X <= 0.4 or 0.4 >= X >= 0.1; split it")
	}
	right, err := p.side()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.errorf("%v where an operator or the end is expected", p.tok)
	}
	if !left.constantOnly() || !right.constantOnly() {
		return nil, exprError(p.s, 0, "the outer sides of a chain are numbers; split it")
	}
	if middle.constantOnly() {
		return nil, exprError(p.s, 0, "no entity or group is named")
	}
	if !middle.linear() {
		name, at := middle.first()
		return nil, exprError(p.s, at, "%s(...) has no limit on either side: what is left would not be convex", name)
	}
	lo, hi := left.constant-middle.constant, right.constant-middle.constant
	if first.text == ">=" {
		lo, hi = hi, lo
	}
	return []lp.Row{{Coef: p.names.expand(middle.coef), Min: lo, Max: hi}}, nil
}

func (p *exprParser) operator(set string) bool {
	return p.tok.kind == tokenOperator && strings.Contains(set, p.tok.text)
}

func (p *exprParser) sum() (piecewise, error) {
	x, err := p.product()
	for err == nil && p.operator("+-") {
		sign := 1.
		if p.tok.text == "-" {
			sign = -1
		}
		if err = p.next(); err != nil {
			break
		}
		var y piecewise
		if y, err = p.product(); err == nil {
			x.add(sign, y)
		}
	}
	return x, err
}

func (p *exprParser) product() (piecewise, error) {
	x, err := p.factor()
	for err == nil && p.operator("*/") {
		op := p.tok
		if err = p.next(); err != nil {
			break
		}
		var y piecewise
		if y, err = p.factor(); err != nil {
			break
		}
		switch {
		case op.text == "/" && !y.constantOnly():
			err = exprError(p.s, op.at, "a division by an entity is not linear")
		case op.text == "/" && y.constant == 0:
			err = exprError(p.s, op.at, "a division by 0")
		case op.text == "/":
			x.scale(func(c float64) float64 { return c / y.constant })
		case !x.constantOnly() && !y.constantOnly():
			err = exprError(p.s, op.at, "a product of two entities is not linear")
		default:
			if x.constantOnly() {
				x, y = y, x
			}
			x.scale(func(c float64) float64 { return c * y.constant })
		}
	}
	return x, err
}

func (p *exprParser) factor() (x piecewise, err error) {
	if p.depth++; p.depth > maxExprDepth {
		return x, p.errorf("more than %d parentheses and signs within one another", maxExprDepth)
	}
	defer func() { p.depth-- }()
	tok := p.tok
	if tok.kind == tokenOperator && strings.Contains("+-(", tok.text) || tok.kind == tokenNumber || tok.kind == tokenName {
		if err := p.next(); err != nil {
			return x, err
		}
	}
	switch {
	case tok.kind == tokenNumber:
		x.constant, err = strconv.ParseFloat(tok.text, 64)
		if err != nil {
			return x, exprError(p.s, tok.at, "%s is too large", clip(tok.text))
		}
	case tok.kind == tokenName && functions[p.s[tok.at:tok.at+len(tok.text)]] && p.operator("("):
		return p.function(tok)
	case tok.kind == tokenName && termFunctions[p.s[tok.at:tok.at+len(tok.text)]] != (termFunction{}) && p.operator("("):
		return p.termFunction(tok)
	case tok.kind == tokenName:
		k, ok := p.names.index[tok.text]
		if !ok && p.operator("(") {
			known := functionNames()
			return x, exprError(p.s, tok.at, "unknown function %q%s; known are %s", clip(tok.text), suggest(tok.text, known), list(known))
		}
		if !ok {
			return x, exprError(p.s, tok.at, "%s", p.names.unknown(tok.text, p.s[tok.at:]))
		}
		x.coef = map[int]float64{k: 1}
	case tok.kind == tokenOperator && tok.text == "(":
		if x, err = p.sum(); err != nil {
			return x, err
		}
		if !p.operator(")") {
			return x, p.errorf("%v where ) is expected", p.tok)
		}
		err = p.next()
	case tok.kind == tokenOperator && strings.Contains("+-", tok.text):
		if x, err = p.factor(); err == nil && tok.text == "-" {
			x.scale(func(c float64) float64 { return -c })
		}
	default:
		return x, exprError(p.s, tok.at, "%v where a number, a name or ( is expected", tok)
	}
	return x, err
}

// unknown says that a name is not known, what is, and which is meant. The text
// from the name on shows whether a name was meant that needs quotes.
func (s *symbols) unknown(name, text string) string {
	msg := "unknown name " + strconv.Quote(clip(name))
	for _, c := range s.names() {
		if !plainName(c) && strings.HasPrefix(text, c) {
			q, _ := quoteName(c)
			return msg + "; write " + q
		}
	}
	return msg + suggest(name, s.names()) + "; known are " + list(s.names())
}

// list joins names for a message, the first dozen where there are more.
func list(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}
