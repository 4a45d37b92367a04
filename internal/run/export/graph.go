package export

import (
	"math"
	"slices"
	"strconv"

	"paspo/envs"
	"paspo/internal/onnx"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
)

// graph builds the model of one policy. A value is a tensor with one row an observation, of float64
// unless stated otherwise, and is represented by the name of its node.
type graph struct {
	onnx.Builder
	p     *lp.Polytope
	cfg   policy.Config
	state *policy.State
	rule  policy.Rule
	form  *form

	n, heads, dim int
	bad           []string // booleans, rows x k: a row with a true one has no answer
	limits        rowLimits
}

// newGraph builds the graph of the policy of a backend. The limits in follow are inputs. Where
// lower bounds are among them, finite reports whether entity j has one.
func newGraph(s lp.Solver, lc interval.Config, pc policy.Config, b policy.Backend, rule policy.Rule, follow map[string]bool, finite func(j int) bool) (*graph, error) {
	f, err := newForm(s, lc, follow, finite)
	if err != nil {
		return nil, err
	}
	state, err := b.State()
	if err != nil {
		return nil, err
	}
	p := s.Polytope()
	g := &graph{
		p: p, cfg: pc, state: state, rule: rule, form: f,
		n: p.Dim(), heads: policy.Heads(p), dim: b.ObsDim(), limits: rowLimits{follow: follow},
	}
	g.build()
	g.Prune()
	return g, nil
}

// rowLimits are the limits: values with one row an observation where they are in follow, else
// constants with one row.
type rowLimits struct {
	b, total, lower, upper, holdings string
	follow                           map[string]bool
}

func (g *graph) scalar(x float64) string { return g.Doubles([]float64{x}) }

func (g *graph) row(v []float64) string { return g.Doubles(v, 1, len(v)) }

func (g *graph) op(op string, inputs ...string) string { return g.Op(op, nil, inputs...) }

func (g *graph) concat(parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return g.Op("Concat", onnx.Int("axis", 1), parts...)
}

// reduce reduces the elements of a row to one by op.
func (g *graph) reduce(op, x string) string { return g.op(op, x, g.Ints(1)) }

// split returns the columns of x.
func (g *graph) split(x string, widths ...int) []string {
	if len(widths) == 1 {
		return []string{x}
	}
	sizes := make([]int64, len(widths))
	for i, w := range widths {
		sizes[i] = int64(w)
	}
	return g.Ops("Split", len(widths), onnx.Int("axis", 1), x, g.Ints(sizes...))
}

// rows repeats a constant row for every observation.
func (g *graph) rows(x string, width int) string {
	batch := g.Op("Shape", []onnx.Attribute{{Name: "start", Int: 0}, {Name: "end", Int: 1}}, "obs")
	shape := g.Op("Concat", onnx.Int("axis", 0), batch, g.Ints(int64(width)))
	return g.op("Expand", x, shape)
}

func (g *graph) cast(x string, t onnx.Type) string { return g.Op("Cast", onnx.Int("to", int64(t)), x) }

// rounded rounds x to float32, the precision of the networks' inputs, and returns float64.
func (g *graph) rounded(x string) string {
	return g.cast(g.cast(x, onnx.Float32), onnx.Float64)
}

// refuse adds a condition under which a row has no answer.
func (g *graph) refuse(condition string) { g.bad = append(g.bad, condition) }

// refuseNotFinite refuses rows with a NaN or an infinity among their elements.
func (g *graph) refuseNotFinite(x string) {
	g.refuse(g.op("IsNaN", g.reduce("ReduceSum", g.op("Sub", x, x))))
}

// build writes the nodes from observation to action.
func (g *graph) build() {
	g.Input("obs", onnx.Float64, g.dim, "observations, as the environment gives them")
	g.readLimits()
	heads := g.newHeads(g.network("encoder", g.normalised()))
	ends := g.newEndpoints()
	total := policy.Total(g.p)
	var actions, lows, highs []string
	for i := range g.n {
		lo, hi := ends.next()
		width := g.op("Sub", hi, lo)
		x := g.scalar(0.5) // the middle
		if i < g.heads {
			x = g.op("Where", g.op("LessOrEqual", width, g.scalar(g.cfg.FixedWidth*total)), x, heads.share(i))
		}
		lows, highs = append(lows, ends.stated(lo)), append(highs, ends.stated(hi))
		a := ends.fix(g.op("Add", lo, g.op("Mul", width, x)))
		actions = append(actions, a)
		if i+1 < g.heads {
			heads.addAmount(g.quotient(a, total))
		}
	}
	action := g.concat(actions...)
	// Endpoints that cross by rounding become their mean.
	lo, hi := g.concat(lows...), g.concat(highs...)
	middle := g.op("Mul", g.op("Add", lo, hi), g.scalar(0.5))
	lo, hi = g.op("Min", lo, middle), g.op("Max", hi, middle)
	if t := g.form.Tables; t.Least != nil && len(g.limits.follow) == 0 {
		least, most := g.row(t.Least), g.row(t.Most)
		lo, hi = g.op("Min", g.op("Max", lo, least), most), g.op("Min", g.op("Max", hi, least), most)
	}
	action = g.op("Min", g.op("Max", action, lo), hi)
	intervals := g.Op("Concat", onnx.Int("axis", 2), g.op("Unsqueeze", lo, g.Ints(2)), g.op("Unsqueeze", hi, g.Ints(2)))
	residual := g.residual(action)

	g.Output("action", onnx.Float64, "one amount for every entity", action, g.n)
	g.Output("intervals", onnx.Float64, "smallest and largest amount of every entity, given the amounts before it", intervals, g.n, 2)
	g.Output("residual", onnx.Float64, "by how much the action breaks a constraint, relative to the size of its terms; +inf where there is no answer", residual)
}

func (g *graph) quotient(x string, by float64) string {
	if by == 1 {
		return x
	}
	return g.op("Div", x, g.scalar(by))
}

// normalised returns the normalised observations (see policy.Normalizer).
func (g *graph) normalised() string {
	x, norm := "obs", g.state.Normalizer
	if norm.On && norm.Seen.Count > 0 {
		deviation := make([]float64, g.dim)
		for j := range deviation {
			deviation[j] = norm.Deviation(j)
		}
		x = g.op("Div", g.op("Sub", x, g.row(norm.Seen.Mean)), g.row(deviation))
		if norm.Clip > 0 {
			g.refuseNotFinite(x)
			x = g.op("Min", g.op("Max", x, g.scalar(-norm.Clip)), g.scalar(norm.Clip))
		}
	}
	x = g.rounded(x)
	g.refuseNotFinite(x)
	return x
}

// parameter returns a tensor of the policy's parameters, false where there is none of that name.
func (g *graph) parameter(net string, layer int, what string) (policy.Tensor, bool) {
	name := net + "." + strconv.Itoa(layer) + "." + what
	i := slices.IndexFunc(g.state.Params, func(t policy.Tensor) bool { return t.Name == name })
	if i < 0 {
		return policy.Tensor{}, false
	}
	return g.state.Params[i], true
}

// weights adds float32 parameters and converts them to float64.
func (g *graph) weights(v []float32, dims ...int) string {
	return g.cast(g.Floats(v, dims...), onnx.Float64)
}

// dense returns x W' + b, with W (out x in) as in checkpoints.
func (g *graph) dense(x string, w, b []float32) string {
	out := len(b)
	return g.Op("Gemm", onnx.Int("transB", 1), x, g.weights(w, out, len(w)/out), g.weights(b, out))
}

// layer is one layer of a network, or of all heads together.
type layer struct {
	w, b    []float32
	in, out int
}

func (g *graph) layers(net string) []layer {
	var all []layer
	for {
		w, ok := g.parameter(net, len(all), "weight")
		if !ok {
			return all
		}
		b, _ := g.parameter(net, len(all), "bias")
		k := len(w.Shape)
		all = append(all, layer{w.Data, b.Data, w.Shape[k-1], w.Shape[k-2]})
	}
}

// network evaluates a network with ReLU after all but the last layer.
func (g *graph) network(net, x string) string {
	for i, l := range g.layers(net) {
		if i > 0 {
			x = g.op("Relu", x)
		}
		x = g.dense(x, l.w, l.b)
	}
	return x
}

// heads are the networks that give the Beta distributions.
type heads struct {
	g      *graph
	first  []string // for every head, the latent's part of its first layer
	layers []layer
	latent int      // width of the latent
	prefix string   // the amounts so far in units of policy.Total, "" where there are none
	seen   []string // the parts of prefix
}

func (g *graph) newHeads(latent string) *heads {
	h := &heads{g: g}
	if g.heads == 0 {
		return h
	}
	h.layers = g.layers("heads")
	l := h.layers[0]
	h.latent = l.in - (g.heads - 1)
	var w []float32
	for k := range g.heads * l.out {
		w = append(w, l.w[k*l.in:k*l.in+h.latent]...)
	}
	h.first = g.split(g.dense(latent, w, l.b), slices.Repeat([]int{l.out}, g.heads)...)
	return h
}

// addAmount adds the amount of an entity, in units of policy.Total, to the prefix of later heads.
func (h *heads) addAmount(amount string) {
	h.seen = append(h.seen, h.g.rounded(amount))
	h.prefix = h.g.concat(h.seen...)
}

// share returns the x in [0, 1] of entity i: the mean or mode of its Beta distribution.
func (h *heads) share(i int) string {
	g := h.g
	l := h.layers[0]
	x := h.first[i]
	if i > 0 {
		w := make([]float32, 0, l.out*i)
		for k := range l.out {
			from := (i*l.out+k)*l.in + h.latent
			w = append(w, l.w[from:from+i]...)
		}
		x = g.Op("Gemm", onnx.Int("transB", 1), h.prefix, g.weights(w, l.out, i), x)
	}
	for _, l := range h.layers[1:] {
		x = g.dense(g.op("Relu", x), l.w[i*l.in*l.out:(i+1)*l.in*l.out], l.b[i*l.out:(i+1)*l.out])
	}
	y := g.shape(x)
	if g.rule == policy.Mode {
		less := g.op("Sub", y, g.scalar(1))
		y = g.op("Where", g.op("Greater", g.reduce("ReduceMin", less), g.scalar(0)), less, y)
	}
	ab := g.split(y, 1, 1)
	return g.op("Div", ab[0], g.op("Add", ab[0], ab[1]))
}

// shape maps outputs l of a head to the parameters of its distribution (see ops.Shape). With a
// ceiling it is Min + 1/(1/C + e^-l), which is right where e^-l is infinite too.
func (g *graph) shape(l string) string {
	u := ""
	if g.cfg.MaxShape == 0 {
		u = g.op("Exp", l)
	} else {
		c := g.cfg.MaxShape - g.cfg.MinShape
		u = g.op("Div", g.scalar(1), g.op("Add", g.op("Exp", g.op("Neg", l)), g.scalar(1/c)))
	}
	return g.op("Add", u, g.scalar(g.cfg.MinShape))
}

// residual returns the largest residual of the action a (see lp.Polytope.Residual).
func (g *graph) residual(a string) string {
	p, n := g.p, g.n
	rows, equalities := p.RowSizes()
	var worst []string
	excess := func(ax, limit string, own, size []float64, follows, both bool) {
		if len(own) == 0 {
			return
		}
		scale := g.row(scales(own, size))
		if follows {
			scale = g.op("Max", g.op("Abs", limit), g.row(size))
		}
		d := g.op("Sub", ax, limit)
		if both {
			d = g.op("Abs", d)
		}
		worst = append(worst, g.op("Div", d, scale))
	}
	product := func(a string, m []float64) string {
		return g.op("MatMul", a, g.Doubles(transposed(m, n), n, len(m)/n))
	}
	if e, f, _ := p.Equalities(); len(f) > 0 {
		excess(product(a, e), g.limits.total, f, equalities, g.limits.follow["total"], true)
	}
	if m, b, _ := p.Inequalities(); len(b) > 0 {
		ax := product(a, m)
		if p.HasTerms() {
			ax = g.op("Add", ax, g.terms(a))
		}
		excess(ax, g.limits.b, b, rows, g.limits.follow["b"], false)
	}
	lower, upper := p.Bounds()
	sides := func(a, limit string, sign float64, own []float64, follows bool) {
		if follows {
			excess(a, limit, own, p.Sizes(), true, false)
			return
		}
		// Infinite bounds are left out.
		var at []int64
		var bound, size []float64
		for j, x := range own {
			if !math.IsInf(x, 0) {
				at, bound, size = append(at, int64(j)), append(bound, sign*x), append(size, p.Sizes()[j])
			}
		}
		if len(at) > 0 && len(at) < n {
			a = g.Op("Gather", onnx.Int("axis", 1), a, g.Ints(at...))
		}
		excess(a, g.row(bound), bound, size, false, false)
	}
	minus, low := g.op("Neg", a), ""
	if g.limits.follow["lower"] {
		low = g.op("Min", g.op("Neg", g.limits.lower), g.row(times(beyond, p.Sizes())))
	}
	sides(minus, low, -1, lower, g.limits.follow["lower"])
	sides(a, g.limits.upper, 1, upper, g.limits.follow["upper"])

	r := g.Op("ReduceMax", onnx.Int("keepdims", 0), g.concat(worst...), g.Ints(1))
	g.refuseNotFinite(a)
	g.refuseCrossing("lower", "Neg", g.limits.lower, func(j int) bool { return lower[j] >= 0 })
	g.refuseCrossing("upper", "Identity", g.limits.upper, func(j int) bool { return lower[j] < 0 })
	none := g.Op("ReduceMax", onnx.Int("keepdims", 0), g.cast(g.concat(g.bad...), onnx.Float32), g.Ints(1))
	return g.op("Where", g.op("Greater", none, g.Floats([]float32{0})), g.scalar(math.Inf(1)), r)
}

// terms returns the sum of the convex terms of every inequality at a.
func (g *graph) terms(a string) string {
	_, b, _ := g.p.Inequalities()
	m, n := len(b), g.n
	// Of every term: its constant h, the coefficients of its sum and of the holdings in h, and its
	// weights above and below h in every row.
	var from, of, held, above, below []float64
	for k := range m {
		for _, t := range g.p.Terms(k) {
			sum, own := t.Sum, make([]float64, n)
			if sum == nil {
				sum = make([]float64, n)
				sum[t.Entity] = 1
			}
			if t.Holding && g.limits.follow[envs.LimitHoldings] {
				own[t.Entity], t.From = 1, 0
			}
			from, of, held = append(from, t.From), append(of, sum...), append(held, own...)
			above, below = append(above, make([]float64, m)...), append(below, make([]float64, m)...)
			above[len(above)-m+k], below[len(below)-m+k] = t.Above, t.Below
		}
	}
	count := len(from)
	origin := g.row(from)
	if g.limits.follow[envs.LimitHoldings] {
		origin = g.op("Add", origin, g.op("MatMul", g.limits.holdings, g.Doubles(transposed(held, n), n, count)))
	}
	d := g.op("Sub", g.op("MatMul", a, g.Doubles(transposed(of, n), n, count)), origin)
	more := g.op("MatMul", g.op("Relu", d), g.Doubles(above, count, m))
	return g.op("Add", more, g.op("MatMul", g.op("Relu", g.op("Neg", d)), g.Doubles(below, count, m)))
}

func scales(limits, sizes []float64) []float64 {
	out := make([]float64, len(limits))
	for k, v := range limits {
		if out[k] = max(math.Abs(v), sizes[k]); out[k] == 0 {
			out[k] = 1 // a row of zeros
		}
	}
	return out
}

// transposed returns the transpose of a matrix with n columns.
func transposed(m []float64, n int) []float64 {
	rows := len(m) / n
	out := make([]float64, len(m))
	for k := range rows {
		for j := range n {
			out[j*rows+k] = m[k*n+j]
		}
	}
	return out
}

// refuseCrossing refuses limits of a state that let entities of lp.Row.Signed cross 0, those of a side of it.
func (g *graph) refuseCrossing(name, sign, limit string, side func(j int) bool) {
	if !g.limits.follow[name] {
		return
	}
	var at []int64
	for _, r := range g.p.Description().Rows {
		for _, j := range r.Signed {
			if side(j) && !slices.Contains(at, int64(j)) {
				at = append(at, int64(j))
			}
		}
	}
	if len(at) > 0 {
		beyond := g.op(sign, g.Op("Gather", onnx.Int("axis", 1), limit, g.Ints(at...)))
		g.refuse(g.op("Greater", beyond, g.scalar(0)))
	}
}
