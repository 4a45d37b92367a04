package interval_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/uniform"
)

// stated is a way to describe a polytope.
type stated struct {
	lp.Description
	unit    float64 // of the amounts, against those of the plain description
	entity  []int   // entity j is entity[j] of the plain description
	exact   bool    // no number was rounded
	another bool    // other constraints for the same set
	shift   bool    // rows are in another order or number, which moves rounding
}

func plainly(d lp.Description) stated {
	s := stated{Description: d, unit: 1, exact: true}
	for j := range d.Entities {
		s.entity = append(s.entity, j)
	}
	return s
}

func mapped(x []float64, f func(v float64) float64) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = f(v)
	}
	return y
}

func power(x float64) bool { f, _ := math.Frexp(x); return f == 0.5 }

// inUnits multiplies amounts by unit, and rows by size and 1/size in turn.
func (s stated) inUnits(unit, size float64) stated {
	by := func(v float64) float64 { return v * unit }
	s.unit *= unit
	s.exact = s.exact && power(unit) && power(size)
	s.Total, s.Lower, s.Upper = s.Total*unit, mapped(s.Lower, by), mapped(s.Upper, by)
	s.Points, s.Rows = slices.Clone(s.Points), slices.Clone(s.Rows)
	for k, v := range s.Points {
		s.Points[k] = mapped(v, by)
	}
	for k := range s.Rows {
		r := &s.Rows[k]
		r.Coef = mapped(r.Coef, func(c float64) float64 { return c * size })
		r.Min, r.Max = r.Min*size*unit, r.Max*size*unit
		size = 1 / size
	}
	return s
}

// permuted puts entities and rows in another order.
func (s stated) permuted(r *rand.Rand) stated {
	order := r.Perm(len(s.Entities))
	to := func(x []float64) []float64 {
		if x == nil {
			return nil
		}
		y := make([]float64, len(x))
		for j, o := range order {
			y[j] = x[o]
		}
		return y
	}
	s.Lower, s.Upper = to(s.Lower), to(s.Upper)
	s.Points, s.Rows = slices.Clone(s.Points), slices.Clone(s.Rows)
	for k, v := range s.Points {
		s.Points[k] = to(v)
	}
	for k := range s.Rows {
		s.Rows[k].Coef = to(s.Rows[k].Coef)
	}
	names, entity := s.Entities, s.entity
	s.Entities, s.entity = nil, nil
	for _, o := range order {
		s.Entities, s.entity = append(s.Entities, names[o]), append(s.entity, entity[o])
	}
	r.Shuffle(len(s.Rows), func(i, j int) { s.Rows[i], s.Rows[j] = s.Rows[j], s.Rows[i] })
	s.shift = true
	return s
}

// repeated adds every row again, and the sums of pairs of rows, which hold already.
func (s stated) repeated() stated {
	rows := s.Rows
	s.Rows = slices.Clone(rows)
	for k, r := range rows {
		s.Rows = append(s.Rows, lp.Row{Name: r.Name + " again", Coef: r.Coef, Min: r.Min, Max: r.Max})
		sum := lp.Row{Name: r.Name + " and the next", Min: math.Inf(-1), Max: math.Inf(1)}
		next := rows[(k+1)%len(rows)]
		for j, c := range r.Coef {
			sum.Coef = append(sum.Coef, c+next.Coef[j])
		}
		sum.Min, sum.Max = r.Min+next.Min, r.Max+next.Max
		if sum.Min < sum.Max && !(math.IsInf(sum.Min, -1) && math.IsInf(sum.Max, 1)) {
			s.Rows = append(s.Rows, sum)
		}
	}
	s.another, s.shift = true, true
	return s
}

// inPairs states equalities as two inequalities.
func (s stated) inPairs() stated {
	rows := s.Rows
	s.Rows = nil
	if !math.IsNaN(s.Total) {
		rows = append([]lp.Row{{
			Name: "total", Coef: mapped(make([]float64, len(s.Entities)), func(float64) float64 { return 1 }), Min: s.Total, Max: s.Total,
		}}, rows...)
		s.Total = math.NaN()
	}
	for _, r := range rows {
		if r.Min != r.Max {
			s.Rows = append(s.Rows, r)
			continue
		}
		s.Rows = append(s.Rows,
			lp.Row{Name: r.Name + ", above", Coef: r.Coef, Min: math.Inf(-1), Max: r.Max},
			lp.Row{Name: r.Name + ", below", Coef: mapped(r.Coef, func(c float64) float64 { return -c }), Min: math.Inf(-1), Max: -r.Min})
	}
	s.another, s.shift = true, true
	return s
}

// plainPolytope is a description and what is known of it.
type plainPolytope struct {
	lp.Description

	// ill says that rounding of the data moves what is asked for by more than the
	// tolerance.
	ill bool
}

// plainPolytopes are the presets, descriptions that once were answered wrongly, and
// random ones.
func plainPolytopes(t *testing.T) []plainPolytope {
	free, none := math.Inf(1), math.NaN()
	ab := []string{"A", "B"}
	row := func(name string, low, high float64, coef ...float64) lp.Row {
		return lp.Row{Name: name, Coef: coef, Min: low, Max: high}
	}
	all := []plainPolytope{
		{lp.Description{Name: "near parallel", Entities: []string{"A", "B", "C"}, Total: 1000, Rows: []lp.Row{
			row("low", -238.638452, free, -0.55, -0.24, 0), row("high", -free, -238.6384516, -0.550000002, -0.2399999986, 0),
		}}, true},
		{Description: lp.Description{Name: "unbounded by rows", Entities: ab, Total: none, Rows: []lp.Row{
			row("a", -free, 2, 1e-10, 0), row("b", -free, 3, 1e-10, 1e-10),
		}}},
		{Description: lp.Description{Name: "excluded", Entities: []string{"A", "B", "C", "D", "E"}, Total: 1, Upper: []float64{0, free, free, free, free}}},
		{Description: lp.Description{Name: "small coefficients", Entities: []string{"A", "B", "C"}, Total: 1, Rows: []lp.Row{row("cap", -free, 2e-13, 1e-12, 0, 0)}}},
		{Description: lp.Description{Name: "far apart", Entities: ab, Total: none, Rows: []lp.Row{row("a", -free, 0, 1e-5, -1e5), row("b", -free, 2, 0, 1)}}},
		{Description: lp.Description{Name: "empty", Entities: ab, Total: 1, Rows: []lp.Row{row("a", 2, free, 0, 1), row("b", -free, 0, -0.0001, 1)}}},
		{Description: lp.Description{Name: "no coefficients", Entities: ab, Total: 1, Rows: []lp.Row{row("a", -free, -1, 0, 0)}}},
		{Description: lp.Description{Name: "unbounded", Entities: ab, Total: none, Rows: []lp.Row{row("a", -free, 1, 1, -1)}}},
		{lp.Description{Name: "thin hull", Entities: ab, Total: none, Points: [][]float64{{1, 0}, {0.14833684, 0.256316157}, {0.14833684, 0.256316159}}}, true},
		{Description: lp.Description{Name: "small total", Entities: []string{"A", "B", "C"}, Total: 1e-9, Upper: []float64{3e-10, 5e-10, free}}},
		{Description: lp.Description{Name: "equalities", Entities: []string{"A", "B", "C", "D"}, Total: 1, Rows: []lp.Row{
			row("e", 0.4, 0.4, 1, 2, 0, 0), row("r", 0.1, 0.7, 0, 1, 1, 0.5),
		}}},
	}
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, plainPolytope{Description: restated(p)})
	}
	for seed := range uint64(3) {
		p, err := constraints.GenerateRejection(5+int(seed), 4, seed)
		if err != nil {
			t.Fatal(err)
		}
		d := restated(p)
		d.Name = fmt.Sprintf("random %d", seed)
		if seed > 0 {
			lower, upper, err := lp.BoundingBox(p)
			if err != nil {
				t.Fatal(err)
			}
			d.Upper = nil
			for j, u := range upper {
				d.Upper = append(d.Upper, (u+lower[j])/2+0.1)
			}
			if seed == 2 { // a box cut by rows
				d.Total = none
			}
		}
		all = append(all, plainPolytope{Description: d})
	}
	return all
}

// restated describes a polytope whose only equality is its total.
func restated(p *lp.Polytope) lp.Description {
	_, f, _ := p.Equalities()
	d := lp.Description{Name: p.Name(), Entities: p.Entities(), Total: f[0]}
	if p.Points() != nil {
		d.Points = p.Points()
		return d
	}
	d.Lower, d.Upper = p.Bounds()
	a, b, names := p.Inequalities()
	for k, v := range b {
		d.Rows = append(d.Rows, lp.Row{Name: names[k], Coef: a[k*p.Dim() : (k+1)*p.Dim()], Min: math.Inf(-1), Max: v})
	}
	return d
}

// TestSameHoweverStated multiplies amounts and rows, orders entities and rows anew, adds
// rows that change nothing and states equalities as pairs: what is answered stays.
// Powers of two change no bit of it but the exponent.
func TestSameHoweverStated(t *testing.T) {
	long.Test(t)
	r := rand.New(rng.New(1, "metamorphic"))
	for _, d := range plainPolytopes(t) {
		plain := answersOf(t, plainly(d.Description))
		s := plainly(d.Description)
		ways := map[string]stated{"permuted": s.permuted(r)}
		if s.Points == nil { // which rows would take the place of
			ways["pairs"] = s.inPairs()
		}
		if len(s.Rows) > 0 {
			ways["repeated"] = s.repeated()
			ways["repeated, permuted, scaled"] = s.repeated().permuted(r).inUnits(0x1p20, 0x1p-20)
		}
		for _, by := range [][2]float64{
			{1e-12, 1e14}, {1e12, 1e-14}, {1e6, 1}, {0x1p-40, 0x1p46}, {0x1p36, 0x1p-46},
		} {
			ways[fmt.Sprintf("amounts by %g, rows by %g", by[0], by[1])] = s.inUnits(by[0], by[1])
		}
		for name, w := range ways {
			if d.ill && (!w.exact || w.shift) {
				continue
			}
			got := answersOf(t, w)
			if err := plain.same(got); err != nil {
				t.Errorf("%s, %s: %v", d.Name, name, err)
			}
		}
	}
}

// answers are what is said of a polytope.
type answers struct {
	stated
	verdict   string
	conflict  []string // sorted
	p         *lp.Polytope
	lo, hi    []float64 // ranges, in the order and unit of the plain description
	size      []float64
	redundant []string // sorted
	share     uniform.Share
}

func answersOf(t *testing.T, s stated) *answers {
	x := &answers{stated: s}
	p, err := lp.New(s.Description)
	if err != nil {
		var empty *lp.EmptyError
		var open *lp.UnboundedError
		switch {
		case errors.As(err, &empty):
			x.verdict = "empty"
			for _, name := range empty.Conflict {
				if strings.HasPrefix(name, "total = ") {
					name = "total"
				}
				x.conflict = append(x.conflict, name)
			}
			slices.Sort(x.conflict)
		case errors.As(err, &open):
			x.verdict = "unbounded"
		default:
			x.verdict = err.Error()
		}
		return x
	}
	x.p = p
	n := p.Dim()
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	x.lo, x.hi, x.size = make([]float64, n), make([]float64, n), make([]float64, n)
	for j, o := range s.entity {
		x.lo[o], x.hi[o], x.size[o] = lo[j]/s.unit, hi[j]/s.unit, p.Sizes()[j]/s.unit
	}
	if x.share, err = uniform.FeasibleShare(t.Context(), p, 10_000, rng.New(1, "share")); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	// Facets of hulls are many, and found such that none is redundant.
	if s.another || s.Points != nil {
		return x
	}
	rows, err := lp.RedundantRows(p)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	_, _, names := p.Inequalities()
	for _, k := range rows {
		x.redundant = append(x.redundant, names[k])
	}
	slices.Sort(x.redundant)
	return x
}

// same compares answers with those of a plain description.
func (x *answers) same(y *answers) error {
	if x.verdict != y.verdict {
		return fmt.Errorf("%q, not %q", y.verdict, x.verdict)
	}
	if !y.another && !y.shift && !slices.Equal(x.conflict, y.conflict) {
		return fmt.Errorf("conflict %q, not %q", y.conflict, x.conflict)
	}
	if x.verdict != "" {
		return nil
	}
	for j, s := range x.size {
		far := max(math.Abs(x.lo[j]-y.lo[j]), math.Abs(x.hi[j]-y.hi[j]), math.Abs(s-y.size[j])) / s
		if y.exact && !y.shift && far != 0 || !(far <= 1e-9) {
			return fmt.Errorf("%s in %v .. %v of size %v, not %v .. %v of %v", x.Entities[j], y.lo[j], y.hi[j], y.size[j], x.lo[j], x.hi[j], s)
		}
	}
	if !y.another {
		if !slices.Equal(x.redundant, y.redundant) {
			return fmt.Errorf("redundant rows %q, not %q", y.redundant, x.redundant)
		}
		a, b := x.share, y.share
		near := 5*math.Hypot(a.StdErr, b.StdErr) + 1e-3
		if !y.shift {
			near = 1e-3 // the points are the same, but for rounding
		}
		if a.Flat != b.Flat || math.Abs(a.Estimate-b.Estimate) > near || y.exact && !y.shift && a.Accepted != b.Accepted {
			return fmt.Errorf("share %v, not %v", b, a)
		}
	}
	for _, method := range []string{"explicit", "lazy", "clp"} {
		if err := x.sameChains(y, method); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
	}
	return x.sameSamples(y)
}

// toPlain returns an action in the order and unit of the plain description.
func (y *answers) toPlain(a []float64) []float64 {
	out := make([]float64, len(a))
	for j, o := range y.entity {
		out[o] = a[j] / y.unit
	}
	return out
}

// sameChains compares intervals where entities have the same order, and holds actions
// of y to the residuals of x.
func (x *answers) sameChains(y *answers, method string) error {
	cfg := interval.DefaultConfig()
	cfg.Method, cfg.Workers = method, 1
	var chains [2]lp.Chain
	for k, p := range []*lp.Polytope{x.p, y.p} {
		s, err := interval.New(p, cfg)
		if err != nil {
			return err
		}
		defer s.Close()
		chains[k] = s.Chain(1)
	}
	ordered := slices.IsSorted(y.entity)
	r := rand.New(rng.New(2, method))
	n := x.p.Dim()
	for range 3 {
		a, b := make([]float64, n), make([]float64, n)
		var lo, hi [2][1]float64
		for _, c := range chains {
			c.Begin(1, nil)
		}
		for i := range n {
			for k, c := range chains {
				if err := c.Next(lo[k][:], hi[k][:]); err != nil {
					return err
				}
			}
			u := r.Float64()
			a[i] = lo[0][0] + (hi[0][0]-lo[0][0])*u
			b[i] = lo[1][0] + (hi[1][0]-lo[1][0])*u
			if ordered {
				far := max(math.Abs(lo[0][0]-lo[1][0]/y.unit), math.Abs(hi[0][0]-hi[1][0]/y.unit)) / x.size[i]
				if y.exact && !y.shift && far != 0 || !(far <= 1e-9) {
					return fmt.Errorf("%s in [%v, %v], not [%v, %v]", x.Entities[i], lo[1][0]/y.unit, hi[1][0]/y.unit, lo[0][0], hi[0][0])
				}
				b[i] = min(max(a[i]*y.unit, lo[1][0]), hi[1][0])
			}
			chains[0].Fix(a[i : i+1])
			chains[1].Fix(b[i : i+1])
		}
		own, other := y.p.Residual(b, nil), x.p.Residual(y.toPlain(b), nil)
		if !(own <= 1e-9 && other <= 1e-9) {
			return fmt.Errorf("residual %g, as stated plainly %g", own, other)
		}
		b[0] += 2 * y.p.Sizes()[0]
		own, other = y.p.Residual(b, nil), x.p.Residual(y.toPlain(b), nil)
		// The facets of a hull hold on its affine hull alone, and have many forms off it.
		if !y.another && !(y.shift && y.Points != nil) && math.Abs(own-other) > 1e-9*other {
			return fmt.Errorf("outside: residual %v, not %v", own, other)
		}
	}
	return nil
}

// sameSamples holds uniform points of y to x. They are the same points where no number
// was rounded.
func (x *answers) sameSamples(y *answers) error {
	var points [2][]float64
	for k, p := range []*lp.Polytope{x.p, y.p} {
		s, err := uniform.New(p, uniform.DefaultConfig())
		if err != nil {
			return err
		}
		if points[k], _, err = s.Sample(20, rng.New(3, "points")); err != nil {
			return err
		}
	}
	n := x.p.Dim()
	for k := 0; k < len(points[1]); k += n {
		a := y.toPlain(points[1][k : k+n])
		if res := x.p.Residual(a, nil); !(res <= 1e-9) {
			return fmt.Errorf("a sample has residual %g", res)
		}
		if y.exact && !y.shift && !slices.Equal(a, points[0][k:k+n]) {
			return fmt.Errorf("sample %v, not %v", a, points[0][k:k+n])
		}
	}
	return nil
}
