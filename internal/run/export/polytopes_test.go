package export

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/onnx"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
)

// The graph gives the results of the backend for other units, bounds of all kinds, polytopes without
// a budget, hulls, and limits that follow the state.
func TestPolytopes(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		limits []string
		rule   policy.Rule
		open   bool // states set lower bounds only for entities that have one in the constraints
	}{
		"large units": {"entities: [a, b, c, d]\ntotal: 3.0e+7\nbounds: {b: [1.0e+6, 2.0e+7]}\nconstraints: [a + 2*b <= 4.0e+7, 1000*c - 2000*d <= 5.0e+9]",
			[]string{"b", "total", "lower", "upper"}, policy.Mean, false},
		"small units":   {"entities: [a, b, c]\ntotal: 1.0e-7\nconstraints: [a + 2*b <= 1.5e-7]", nil, policy.Mode, false},
		"mixed units":   {"entities: [a, b, c]\ntotal: none\nbounds: {a: [0, 1.0e+6], b: [-1.0e-3, 1.0e-3], c: [0, 1]}\nconstraints: [a + 1.0e+9*b <= 1.2e+6]", []string{"b"}, policy.Mean, false},
		"no budget":     {"entities: [a, b, c]\ntotal: none\nbounds: {a: [-1, 1], b: [-1, 1], c: [-1, 1]}\nconstraints: [{name: power, abs: {a: 1, b: 1, c: 1}, max: 1.5}]", []string{"b", "lower"}, policy.Mode, false},
		"no bounds":     {"entities: [a, b]\ntotal: none\nbounds: {a: [-.inf, .inf], b: [-.inf, .inf]}\nconstraints: [a + b <= 1, a - b <= 1, b - a <= 1, -1*a - b <= 1]", []string{"b"}, policy.Mean, false},
		"bounds appear": {"entities: [a, b]\ntotal: none\nbounds: {a: [-.inf, .inf], b: [-.inf, .inf]}\nconstraints: [a + b <= 1, a - b <= 1, b - a <= 1, -1*a - b <= 1]", []string{"lower", "upper"}, policy.Mean, false},
		"half bounded":  {"entities: [a, b]\ntotal: none\nbounds: {a: [-.inf, .inf], b: [0, 1]}\nconstraints: [a + b <= 1, -1*a - b <= 1]", []string{"lower", "b"}, policy.Mean, true},
		"fixed entity":  {"entities: [a, b, c]\nbounds: {a: [0.2, 0.2]}\nconstraints: [b <= 0.9]", []string{"b"}, policy.Mean, false},
		"freed entity":  {"entities: [a, b, c]\nbounds: {a: [0.2, 0.2]}\nconstraints: [b - c <= 0.7]", []string{"upper"}, policy.Mean, false},
		"equality":      {"entities: [a, b, c, d]\nconstraints: [a - b = 0.1, c <= 0.5]", []string{"total", "b"}, policy.Mean, false},
		"hull":          {"generate: {method: points, entities: 4, points: 12, seed: 1}", nil, policy.Mean, false},
		"stated points": {"total: none\npoints: [[0.714, 1.633, 1.11, 1.812], [1.877, 0.197, 0.04, 2.512], [0.778, 0.703, 2.987, 1.411], [2.509, 1.429, 1.917, 0.452], [1.905, 2.604, 1.57, 2.224], [2.014, 0.192, 2.275, 1.773], [0.904, 0.093, 2.597, 1.418], [2.156, 2.636, 2.142, 2.763], [1.185, 2.403, 1.334, 2.807], [2.637, 0.292, 0.408, 0.651], [2.896, 1.308, 1.88, 0.903], [1.522, 1.158, 1.053, 1.755]]", nil, policy.Mode, false},
		"one entity":    {"entities: [a]\ntotal: 2", nil, policy.Mean, false},
		"leverage":      {"entities: [a, b, c, d]\nbounds: {default: [-0.5, 1]}\nconstraints: [leverage(ALL) <= 1.5, short(c) + 2*short(a) <= 0.3]", nil, policy.Mean, false},
		"turnover": {"entities: [a, b, c, d]\nbounds: {default: [-0.5, 1]}\nholdings: {a: 0.1, b: 0.2, c: 0.3, d: 0.4}\nconstraints: [turnover(ALL) <= 0.4, a <= 2*b + 0.3]",
			[]string{"holdings"}, policy.Mean, false},
		"all that moves": {"entities: [a, b, c, d]\nbounds: {default: [-0.5, 1], d: [0, 2]}\nholdings: {a: 0.1, b: 0.2, c: 0.3, d: 0.4}\nconstraints: [turnover(ALL) <= 0.4, leverage(ALL) <= 1.6, a <= 2*b + 0.3]",
			[]string{"b", "total", "lower", "upper", "holdings"}, policy.Mode, false},
		"holdings stay": {"entities: [a, b, c]\ntotal: 1.0e+6\nbounds: {default: [-5.0e+5, 1.0e+6]}\nholdings: {a: 1.0e+5, b: 2.0e+5, c: 7.0e+5}\nconstraints: [turnover(ALL) <= 4.0e+5, abs(a - b) <= 3.0e+5]",
			[]string{"b"}, policy.Mean, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := constraints.Parse("test", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			lc := interval.DefaultConfig()
			s, err := interval.New(p, lc)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			pc := policy.DefaultConfig()
			pc.HeadScale = 1
			const rows, dim = 100, 3
			backend, err := cpu.New(s, dim, 8, pc, nil, 7)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			follow := map[string]bool{}
			for _, l := range c.limits {
				follow[l] = true
			}
			g, err := newGraph(s, lc, pc, backend, c.rule, follow, func(int) bool { return !c.open })
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 4))
			req := &policy.Request{Rows: rows, Rule: policy.Sampled}
			for range rows * dim {
				req.Obs = append(req.Obs, 2*r.NormFloat64())
			}
			for i := range rows {
				req.Streams = append(req.Streams, rng.New(1, "test").Split(uint64(i)))
			}
			inside := &policy.Samples{}
			if err := backend.Sample(req, inside); err != nil {
				t.Fatal(err)
			}
			if len(c.limits) > 0 {
				for row := range slices.Chunk(inside.Actions, p.Dim()) {
					req.Limits = append(req.Limits, around(p, row, follow, c.open, r))
				}
			}
			req.Rule, req.Streams = c.rule, nil
			want := &policy.Samples{}
			if err := backend.Sample(req, want); err != nil {
				t.Fatal(err)
			}

			in := map[string]tensor{"obs": {[]int{rows, dim}, req.Obs}}
			for _, lim := range req.Limits {
				for name, v := range envs.Fields(&lim) {
					if follow[name] {
						in[name] = tensor{[]int{rows, len(*v)}, append(in[name].data, *v...)}
					}
				}
			}
			m := parse(t, g.Marshal())
			out, err := m.run(in)
			if err != nil {
				t.Fatal(err)
			}
			n, sizes := p.Dim(), p.Sizes()
			off, worst := 0., 0.
			for i, x := range out["action"].data {
				off = max(off, math.Abs(x-want.Actions[i])/sizes[i%n])
				off = max(off, math.Abs(out["intervals"].data[2*i]-want.Lower[i])/sizes[i%n], math.Abs(out["intervals"].data[2*i+1]-want.Upper[i])/sizes[i%n])
			}
			for i, x := range out["residual"].data {
				var lim *lp.Limits
				if req.Limits != nil {
					lim = &req.Limits[i]
				}
				if truth := p.Residual(out["action"].data[i*n:(i+1)*n], lim); !(math.Abs(truth-x) <= 1e-12) {
					t.Fatalf("row %d: residual %g, it is %g", i, x, truth)
				}
				worst = max(worst, x)
			}
			if least, most, err := lp.BoundingBox(p); err != nil {
				t.Fatal(err)
			} else if p.Points() != nil {
				for i, a := range out["action"].data {
					j := i % n
					lo, hi := out["intervals"].data[2*i], out["intervals"].data[2*i+1]
					if !(least[j] <= lo && lo <= a && a <= hi && hi <= most[j]) {
						t.Errorf("entity %d is %v of [%v, %v], its points are in [%v, %v]", j, a, lo, hi, least[j], most[j])
					}
				}
			}
			t.Logf("off by %.2g, residual %.2g", off, worst)
			if !(off <= 1e-6) || !(worst <= 1e-9) || len(out["residual"].data) != rows {
				t.Errorf("off by %g, residual %g", off, worst)
			}
			refuses(t, m, in, slices.Sorted(maps.Keys(in)))
			for j := range n {
				if !signed(p, j) || !follow["lower"] {
					continue
				}
				crossing := maps.Clone(in)
				x := tensor{in["lower"].dims, slices.Clone(in["lower"].data)}
				x.data[j] = -1e-3
				crossing["lower"] = x
				if out, err := m.run(crossing); err != nil || !math.IsInf(out["residual"].data[0], 1) || math.IsInf(out["residual"].data[1], 1) {
					t.Errorf("a lower bound that lets entity %d cross 0: residuals %v, error %v", j, out["residual"].data[:2], err)
				}
			}
			if c.open {
				in["lower"].data[0] = -1 // of an entity without a lower bound
				if out, err = m.run(in); err != nil || !math.IsInf(out["residual"].data[0], 1) {
					t.Errorf("a lower bound that appears: residual %g, error %v", out["residual"].data[0], err)
				}
			}
			sameResidual(t, p, follow, req.Limits, r)
		})
	}
}

// sameResidual checks the residuals of points in and around the polytope.
func sameResidual(t *testing.T, p *lp.Polytope, follow map[string]bool, limits []lp.Limits, r *rand.Rand) {
	t.Helper()
	const rows = 100
	n := p.Dim()
	g := &graph{p: p, n: n, limits: rowLimits{follow: follow}}
	g.Input("action", onnx.Float64, n, "")
	g.readLimits()
	g.Output("residual", onnx.Float64, "", g.residual("action"))
	in := map[string]tensor{}
	add := func(name string, v []float64) { in[name] = tensor{[]int{rows, len(v)}, append(in[name].data, v...)} }
	for i := range rows {
		var a []float64
		for _, s := range p.Sizes() {
			a = append(a, s*(3*r.Float64()-1))
		}
		add("action", a)
		if limits != nil {
			for name, v := range envs.Fields(&limits[i]) {
				if follow[name] {
					add(name, *v)
				}
			}
		}
	}
	out, err := parse(t, g.Marshal()).run(in)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range out["residual"].data {
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[i]
		}
		if truth := p.Residual(in["action"].data[i*n:(i+1)*n], lim); !(math.Abs(truth-x) <= 1e-12*max(1, math.Abs(truth))) {
			t.Fatalf("point %d: residual %g, it is %g", i, x, truth)
		}
	}
}

// around returns random limits that a given action satisfies; most of them are moved towards it.
func around(p *lp.Polytope, a []float64, follow map[string]bool, open bool, r *rand.Rand) lp.Limits {
	var lim lp.Limits
	n := p.Dim()
	product := func(m []float64, k int) (s float64) {
		for j, x := range a {
			s += m[k*n+j] * x
		}
		return s
	}
	near := func(x, limit float64) float64 {
		if math.IsInf(limit, 0) {
			limit = x + math.Copysign(1, limit)
		}
		return x + (0.1+r.Float64())*(limit-x)
	}
	m, b, _ := p.Inequalities()
	at := make([]float64, len(b)) // the left-hand sides at the action
	for k := range b {
		at[k] = product(m, k)
		for _, t := range p.Terms(k) {
			at[k] += t.Value(a, nil)
		}
	}
	if follow["holdings"] {
		// Most holdings are moved towards the action, so that terms become smaller.
		own := make([]float64, n)
		for k := range b {
			for _, t := range p.Terms(k) {
				if t.Holding {
					own[t.Entity] = t.From
				}
			}
		}
		for j, x := range own {
			lim.Holdings = append(lim.Holdings, a[j]+r.Float64()*(x-a[j]))
		}
		for k := range b {
			for _, t := range p.Terms(k) {
				at[k] += t.Value(a, lim.Holdings) - t.Value(a, nil)
			}
		}
	}
	if follow["b"] {
		for k, v := range b {
			lim.B = append(lim.B, near(at[k], v))
			if r.IntN(5) == 0 && p.Description().Points == nil && boundedWithout(p) {
				lim.B[k] = math.Inf(1)
			}
		}
	}
	if m, e, _ := p.Equalities(); follow["total"] {
		for k := range e {
			lim.F = append(lim.F, product(m, k))
		}
	}
	lower, upper := p.Bounds()
	for j, x := range a {
		if follow["lower"] {
			l := lower[j]
			if !open || !math.IsInf(l, 0) {
				l = near(x, l)
			}
			if signed(p, j) {
				l = max(l, 0)
			}
			lim.Lower = append(lim.Lower, l)
		}
		if follow["upper"] {
			u := near(x, upper[j])
			if r.IntN(4) == 0 && boundedWithout(p) {
				u = math.Inf(1)
			}
			lim.Upper = append(lim.Upper, u)
		}
	}
	return lim
}

// signed reports whether a row counts entity j by its sign, which is that of its lower bound here.
func signed(p *lp.Polytope, j int) bool {
	return slices.ContainsFunc(p.Description().Rows, func(r lp.Row) bool { return slices.Contains(r.Signed, j) })
}

// boundedWithout reports whether lower bounds and a budget bound all entities.
func boundedWithout(p *lp.Polytope) bool {
	lower, _ := p.Bounds()
	e, _, _ := p.Equalities()
	return len(e) == p.Dim() && !slices.ContainsFunc(lower, func(x float64) bool { return math.IsInf(x, 0) }) && !slices.Contains(e, 0)
}

// refuses checks that invalid inputs, such as NaN, have no answer.
func refuses(t *testing.T, m *model, in map[string]tensor, names []string) {
	t.Helper()
	for _, name := range names {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if name != "obs" && name != "total" && name != "holdings" && (bad > 0) == (name != "lower") {
				continue // no limit
			}
			changed := maps.Clone(in)
			x := tensor{in[name].dims, slices.Clone(in[name].data)}
			x.data[1%len(x.data)] = bad
			changed[name] = x
			out, err := m.run(changed)
			if err != nil {
				t.Fatal(err)
			}
			if r := out["residual"].data[1/x.dims[1]]; !math.IsInf(r, 1) {
				t.Errorf("%s of %g has an answer with a residual of %g", name, bad, r)
			}
		}
	}
}

// A check says what export will say: magnitudes of what has one sign are linear, and of many others each can double
// the pieces.
func TestObstacle(t *testing.T) {
	stocks := make([]string, 20)
	for i := range stocks {
		stocks[i] = fmt.Sprintf("S%d", i)
	}
	const groups = "entities: [a, b, c, d, e, f, g, h, i]\ngroups: {G: [b, c, d], H: [e, f], I: [g, h]}\nholdings: {a: 0.2, b: 0.1, c: 0.1, d: 0.1, e: 0.1, f: 0.1, g: 0.1, h: 0.1, i: 0.1}\nconstraints: [turnover(ALL) <= 0.2]\n"
	for text, want := range map[string]string{
		"entities: [%s]\nconstraints: [leverage(ALL) <= 1.5]":                                                    "",
		"entities: [a, b]\nbounds: {default: [-1, 1]}\nconstraints: [leverage(ALL) <= 1.5]":                      "",
		"entities: [a, b]\nholdings: {a: 1}\nconstraints: [turnover(ALL) <= 0.2]":                                "",
		"entities: [%s]\nbounds: {default: [-1, 1]}\nconstraints: [{name: gross, expr: leverage(ALL) <= 1.5}]":   "with the convex terms of gross (20 terms)",
		"entities: [%s]\nholdings: {S1: 1}\nconstraints: [S0 <= 0.3, {name: trade, expr: turnover(ALL) <= 0.2}]": "with the convex terms of trade (20 terms)",
		groups + "bounds: {default: [0, 0.3], G: [0, 0.45], H: [0, 0.4], I: [0, 0.4]}":                           "; without G >= 0, H >= 0, I >= 0, which limit nothing beside the bounds, it is possible",
		groups + "bounds: {default: [0, 0.3], G: [null, 0.45], H: [null, 0.4], I: [null, 0.4]}":                  "",
		"generate: {method: points, entities: 8, points: 60, seed: 1}\nfacet_effort: 1":                          "hull of points whose facets are too many",
	} {
		p, err := constraints.Parse("test", []byte(strings.Replace(text, "%s", strings.Join(stocks, ", "), 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := Obstacle(t.Context(), p); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Where no graph can compute the policy, export returns an error with the reason.
func TestRefusals(t *testing.T) {
	points := "generate: {method: points, entities: 4, points: 12, seed: 1}"
	for _, c := range []struct {
		text   string
		change func(*interval.Config)
		limits string
		want   string
	}{
		{points, nil, "b", "limits follow the state (b), and the closed form holds for the polytope's own limits alone"},
		{points, nil, "upper", "bounds follow the state, and the constraints are a hull of points"},
		{"entities: [a, b, c]\nconstraints: [a + b <= 0.9]", func(c *interval.Config) { c.Method = "lazy" }, "", "no closed form: lp.method of the run is lazy"},
		{"entities: [a, b, c, d]\nbounds: {default: [-0.5, 1]}\nconstraints: [{name: gross, expr: leverage(ALL) <= 1.5}]", func(c *interval.Config) { c.MaxPieces = 5 }, "",
			"no closed form with the convex terms of gross (4 terms), of which each can double the pieces: 8 facets, allowed are 5"},
		{"entities: [a, b, c]\nconstraints: [a + 2*b <= 0.9, a - b <= 0.4]", func(c *interval.Config) { c.MaxPieces = 1 }, "", "no closed form: lp: the closed form of the interval of a is beyond its budget"},
	} {
		p, err := constraints.Parse("test", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		lc := interval.DefaultConfig()
		if c.change != nil {
			c.change(&lc)
		}
		s, err := interval.New(p, lc)
		if err != nil {
			t.Fatal(err)
		}
		follow := map[string]bool{}
		if c.limits != "" {
			follow[c.limits] = true
		}
		if _, err := newForm(s, lc, follow, func(int) bool { return true }); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		s.Close()
	}
	e := newExample(t, "env.name=factor")
	if _, err := ONNX(e.dir, e.agent, e.cp, Options{}); err == nil || !strings.Contains(err.Error(), "the coefficients of the constraints follow the state") {
		t.Errorf("got %v", err)
	}
}
