package lptest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/vec"
)

// RandomPolytope draws polytopes of all kinds: with and without budget, further
// equalities, lower and upper bounds, degenerate, duplicate and redundant rows,
// coefficients over several orders. Every one holds a point that is drawn first.
func RandomPolytope(r *rand.Rand) (lp.Description, string) {
	n := 1 + r.IntN(6)
	d := lp.Description{Total: math.NaN(), Lower: make([]float64, n), Upper: make([]float64, n)}
	x := make([]float64, n)
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
		x[j] = r.Float64()
		if r.IntN(4) == 0 {
			x[j] = 0
		}
	}
	kind := ""
	budget := r.IntN(4) > 0
	capped := !budget || r.IntN(2) == 0
	for j := range n {
		d.Upper[j] = math.Inf(1)
		if capped && (!budget || r.IntN(3) > 0) {
			d.Upper[j] = x[j] + []float64{0, 0.1, 1, 5}[r.IntN(4)]
		}
		if r.IntN(5) == 0 {
			d.Lower[j] = x[j] - r.Float64()
		}
		if r.IntN(12) == 0 {
			d.Lower[j], d.Upper[j] = x[j], x[j]
		}
	}
	if budget {
		d.Total = 0
		for _, v := range x {
			d.Total += v
		}
		kind += "budget "
	}
	coefs := r.IntN(4)
	row := func() []float64 {
		c := make([]float64, n)
		for j := range c {
			if r.IntN(3) == 0 {
				continue
			}
			switch coefs {
			case 0:
				c[j] = math.Round(100*r.Float64()) / 100
			case 1:
				c[j] = float64(r.IntN(5) - 2)
			case 2:
				c[j] = r.NormFloat64()
			case 3:
				c[j] = r.NormFloat64() * math.Pow(10, 6*r.Float64()-3)
			}
		}
		return c
	}
	for k := range r.IntN(7) {
		c := row()
		slack := []float64{0, 1e-9, 0.01, 0.1, 1}[r.IntN(5)]
		name := fmt.Sprintf("r%d", k)
		if len(d.Rows) > 0 && r.IntN(5) == 0 {
			last := d.Rows[r.IntN(len(d.Rows))]
			s := []float64{1, 2, 3, 0.1}[r.IntN(4)]
			c = make([]float64, n)
			for j := range c {
				c[j] = s * last.Coef[j]
			}
			kind += "multiple "
		}
		if vec.MaxAbs(c) == 0 {
			continue
		}
		v := vec.Dot(c, x)
		t := lp.Row{Name: name, Coef: c, Min: math.Inf(-1), Max: v + slack}
		switch r.IntN(8) {
		case 0:
			t.Min = v - slack
		case 1:
			t.Min = t.Max
			if slack > 0 {
				t.Min, t.Max = v, v
			}
			kind += "equality "
		}
		d.Rows = append(d.Rows, t)
	}
	return d, kind
}

// CheckInterval holds [lo, hi] between the exact intervals on limits tightened and
// relaxed by 2e-11, the first up to as much as relaxing equalities by that moves an endpoint.
// On polytopes without acute angles the two agree.
func CheckInterval(p *lp.Polytope, prefix []float64, lim *lp.Limits, lo, hi float64) error {
	const eps = 2e-11
	if !(lo <= hi) {
		return fmt.Errorf("[%v, %v]", lo, hi)
	}
	size := max(p.Sizes()[len(prefix)], math.Abs(lo), math.Abs(hi))
	slop := 1e-12 * size
	l, h, ok := lp.ExactInterval(p, prefix, lim, eps)
	if !ok {
		return fmt.Errorf("[%v, %v] of an infeasible prefix", lo, hi)
	}
	if lo < l-slop || hi > h+slop {
		return fmt.Errorf("[%v, %v] leaves [%v, %v], the interval on relaxed limits", lo, hi, l, h)
	}
	slop = 1e-9 * size
	tightL, tightH, ok := lp.ExactInterval(p, prefix, lim, -eps)
	if !ok || lo <= tightL+slop && hi >= tightH-slop {
		return nil
	}
	// Equalities are never tightened. What they do to endpoints shows in how far these move when
	// they are relaxed.
	exactL, exactH, _ := lp.ExactInterval(p, prefix, lim, 0)
	if lo > tightL+slop+exactL-l || hi < tightH-slop-(h-exactH) {
		return fmt.Errorf("[%v, %v] lacks of [%v, %v], the interval on tightened limits", lo, hi, tightL, tightH)
	}
	return nil
}

// WalkChecked completes actions and checks every interval exactly.
func WalkChecked(s lp.Solver, r *rand.Rand, limits []lp.Limits, rows int) error {
	p := s.Polytope()
	n := p.Dim()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	actions := make([][]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	at := func(row int) *lp.Limits {
		if limits == nil {
			return nil
		}
		return &limits[row]
	}
	for i := range n {
		if err := c.Next(lo, hi); err != nil {
			return fmt.Errorf("entity %d: %w", i, err)
		}
		for row := range rows {
			if err := CheckInterval(p, actions[row], at(row), lo[row], hi[row]); err != nil {
				return fmt.Errorf("entity %d after %v: %w", i, actions[row], err)
			}
			a[row] = Choose(r, lo[row], hi[row])
			actions[row] = append(actions[row], a[row])
		}
		c.Fix(a)
	}
	for row, x := range actions {
		if res := p.Residual(x, at(row)); !(res <= 1e-9) {
			return fmt.Errorf("residual %g of %v", res, x)
		}
	}
	return nil
}

// Choose picks an action of [lo, hi]: often an endpoint, or close to one.
func Choose(r *rand.Rand, lo, hi float64) float64 {
	a := lo + (hi-lo)*r.Float64()
	switch r.IntN(10) {
	case 0, 1:
		a = lo
	case 2, 3:
		a = hi
	case 4:
		a = lo + (hi-lo)*math.Exp(-40*r.Float64())
	case 5:
		a = hi - (hi-lo)*math.Exp(-40*r.Float64())
	case 6:
		a = math.Nextafter(lo, hi)
	case 7:
		a = math.Nextafter(hi, lo)
	}
	return min(max(a, lo), hi)
}

// Walk completes rows random actions and returns them with their largest
// residual. limits may be nil.
func Walk(t testing.TB, s lp.Solver, r *rand.Rand, rows int, limits []lp.Limits) (actions [][]float64, residual float64) {
	t.Helper()
	p := s.Polytope()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	actions = make([][]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	for i := range p.Dim() {
		if err := c.Next(lo, hi); err != nil {
			t.Fatalf("entity %d: %v", i, err)
		}
		for row := range rows {
			if !(lo[row] <= hi[row]) {
				t.Fatalf("entity %d: lo %v, hi %v", i, lo[row], hi[row])
			}
			a[row] = Choose(r, lo[row], hi[row])
			actions[row] = append(actions[row], a[row])
		}
		c.Fix(a)
	}
	residual = math.Inf(-1)
	for row, x := range actions {
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[row]
		}
		residual = max(residual, p.Residual(x, lim))
	}
	return actions, residual
}

// Presets returns the polytopes of the paper.
func Presets(t testing.TB) []*lp.Polytope {
	t.Helper()
	var all []*lp.Polytope
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// RandomLimits draws limits that hold a point of their own; every field is nil
// now and then.
func RandomLimits(p *lp.Polytope, r *rand.Rand) lp.Limits {
	lim, _ := RandomState(p, r)
	return lim
}

// RandomState draws limits and the point that they hold.
func RandomState(p *lp.Polytope, r *rand.Rand) (lim lp.Limits, x []float64) {
	n := p.Dim()
	x = make([]float64, n)
	lower, upper := append([]float64(nil), p.Form().L...), append([]float64(nil), p.Form().U...)
	move := r.IntN(2) == 0
	for j := range x {
		lo := lower[j]
		if math.IsInf(lo, -1) {
			lo = -1
		}
		if move && lower[j] != upper[j] {
			lo += r.NormFloat64()
			if !math.IsInf(lower[j], -1) {
				lower[j] = lo
			}
			if !math.IsInf(upper[j], 1) {
				upper[j] = lo + r.Float64()
			}
		}
		hi := min(upper[j], lo+1)
		x[j] = lo + (hi-lo)*r.Float64()
	}
	if move {
		lim.Lower, lim.Upper = lower, upper
	}
	for k := range p.Form().B {
		lim.B = append(lim.B, vec.Dot(p.Form().A[k*n:(k+1)*n], x)+[]float64{0, 0.01, 1}[r.IntN(3)])
	}
	for k := range p.Form().F {
		lim.E = append(lim.E, vec.Dot(p.Form().E[k*n:(k+1)*n], x))
	}
	return lim, x
}

// RandomSimplex returns a simplex cut by m rows, with caps on all entities where
// limit > 0.
func RandomSimplex(t testing.TB, r *rand.Rand, n, m int, limit float64) *lp.Polytope {
	t.Helper()
	d := lp.Description{Total: 1}
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
	}
	if limit > 0 {
		d.Lower, d.Upper = make([]float64, n), make([]float64, n)
		for j := range n {
			d.Upper[j] = limit * (0.8 + 0.4*r.Float64())
		}
	}
	x := make([]float64, n)
	for j := range x {
		x[j] = 1 / float64(n)
	}
	for k := range m {
		c := make([]float64, n)
		for j := range c {
			c[j] = math.Round(100*r.Float64()) / 100
		}
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprintf("r%d", k), Coef: c, Min: math.Inf(-1), Max: vec.Dot(c, x) + 0.02})
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// RowsOnly describes the set of p by rows alone.
func RowsOnly(t testing.TB, p *lp.Polytope) *lp.Polytope {
	t.Helper()
	n := p.Dim()
	d := lp.Description{Entities: p.Entities(), Total: math.NaN()}
	d.Lower, d.Upper = p.Bounds()
	a, b, _ := p.Inequalities()
	for k, v := range b {
		d.Rows = append(d.Rows, lp.Row{Coef: a[k*n : (k+1)*n], Min: math.Inf(-1), Max: v})
	}
	e, f, _ := p.Equalities()
	for k, v := range f {
		d.Rows = append(d.Rows, lp.Row{Coef: e[k*n : (k+1)*n], Min: v, Max: v})
	}
	q, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// CappedPortfolio is the portfolio of the presets with no more than limit in any
// asset.
func CappedPortfolio(t testing.TB, limit float64) *lp.Polytope {
	t.Helper()
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Description()
	d.Upper = make([]float64, p.Dim())
	for j := range d.Upper {
		d.Upper[j] = limit
	}
	capped, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return capped
}

// CappedSimplex is a simplex cut by m rows with a cap of about 4/n on every entity.
func CappedSimplex(t testing.TB, n, m int) *lp.Polytope {
	return RandomSimplex(t, rand.New(rng.New(uint64(n*100+m), "capped")), n, m, 4/float64(n))
}

// CPUSeconds returns what the process has used, which tells more than the time
// where the machine has other work.
func CPUSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// Intervals completes rows actions and returns all intervals, NaN where there is none.
// Actions are a function of the seed and the intervals before them.
func Intervals(s lp.Solver, seed uint64, rows int, limits []lp.Limits) []float64 {
	r := rand.New(rng.New(seed, "intervals"))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	var all []float64
	for range s.Polytope().Dim() {
		// Errors show as NaN.
		_ = c.Next(lo, hi)
		for x := range a {
			all = append(all, lo[x], hi[x])
			a[x] = Choose(r, lo[x], hi[x])
		}
		c.Fix(a)
	}
	return all
}

// SameBits returns an error that names the first numbers that differ.
func SameBits(a, b []float64) error {
	for x := range a {
		if math.Float64bits(a[x]) != math.Float64bits(b[x]) && !(math.IsNaN(a[x]) && math.IsNaN(b[x])) {
			return fmt.Errorf("number %d is %v, then %v: %g apart", x, a[x], b[x], b[x]-a[x])
		}
	}
	return nil
}

// MixedLimits are those of a batch whose rows are under the polytope's own limits,
// under others that the closed form covers, and under caps that it does not.
func MixedLimits(p *lp.Polytope, rows int, r *rand.Rand) []lp.Limits {
	n := p.Dim()
	limits := make([]lp.Limits, rows)
	for x := range limits {
		switch r.IntN(3) {
		case 0:
			b := slices.Clone(p.Form().B)
			for k := range b {
				b[k] += 0.2 * r.Float64()
			}
			limits[x].B = b
		case 1:
			u := make([]float64, n)
			for j := range u {
				u[j] = (2 + 2*r.Float64()) / float64(n)
			}
			limits[x].Upper = u
		}
	}
	return limits
}

// WalkPlaces completes actions at given places of their intervals, batch rows at a
// time, and returns all endpoints, one row after another.
func WalkPlaces(t testing.TB, s lp.Solver, batch int, limits []lp.Limits, place []float64) []float64 {
	t.Helper()
	n := s.Polytope().Dim()
	endpoints := make([]float64, 2*n*len(limits))
	lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
	c := s.Chain(batch)
	for from := 0; from < len(limits); from += batch {
		rows := min(batch, len(limits)-from)
		c.Begin(rows, limits[from:])
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				t.Errorf("entity %d: %v", i, err)
				return endpoints
			}
			for x := range rows {
				at := (from+x)*n + i
				endpoints[2*at], endpoints[2*at+1] = lo[x], hi[x]
				a[x] = min(lo[x]+(hi[x]-lo[x])*place[at], hi[x])
			}
			c.Fix(a)
		}
	}
	return endpoints
}

// StateLimits draws matrices about that of p, with right-hand sides that leave a point
// of it inside.
func StateLimits(p *lp.Polytope, states int, r *rand.Rand) []lp.Limits {
	n := p.Dim()
	inside := make([]float64, n)
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		panic(err)
	}
	c := make([]float64, n)
	const corners = 16
	for range corners { // a mean of vertices
		for j := range c {
			c[j] = r.NormFloat64() / (hi[j] - lo[j] + 1e-3)
		}
		x, _, err := p.Minimize(c, nil)
		if err != nil {
			panic(err)
		}
		for j, v := range x {
			inside[j] += v / corners
		}
	}
	limits := make([]lp.Limits, states)
	for s := range limits {
		a, b := make([]float64, len(p.Form().A)), make([]float64, len(p.Form().B))
		for k := range b {
			for j := range n {
				if v := p.Form().A[k*n+j]; v != 0 {
					a[k*n+j] = v * (0.5 + r.Float64())
				}
			}
			v := vec.Dot(a[k*n:(k+1)*n], inside)
			b[k] = v + max(0, p.Form().B[k]-vec.Dot(p.Form().A[k*n:(k+1)*n], inside))*(0.2+r.Float64())
		}
		limits[s] = lp.Limits{A: a, B: b}
	}
	return limits
}

// RandomMatrix draws a matrix beside limits that hold a point of their own: rows that
// are those of the polytope, new, 0, the row before or a multiple of it, with
// coefficients over several orders.
func RandomMatrix(p *lp.Polytope, r *rand.Rand) lp.Limits {
	lim, x := RandomState(p, r)
	n := p.Dim()
	lim.A, lim.B = slices.Clone(p.Form().A), slices.Clone(p.Form().B)
	spread := []float64{0, 0, 3}[r.IntN(3)]
	for k := range p.Form().B {
		row := lim.A[k*n : (k+1)*n]
		slack := []float64{0, 1e-9, 0.01, 0.3}[r.IntN(4)]
		switch r.IntN(8) {
		case 0:
		case 1:
			clear(row)
		case 2, 3:
			if k > 0 {
				f := []float64{1, -1, 0.3}[r.IntN(3)]
				for j := range row {
					row[j] = f * lim.A[(k-1)*n+j]
				}
			}
		default:
			for j := range row {
				row[j] = 0
				if r.IntN(4) > 0 {
					row[j] = (r.Float64() - 0.3) * math.Pow(10, spread*(r.Float64()-0.5))
				}
				if k%2 == 0 {
					row[j] = math.Round(100*row[j]) / 100
				}
			}
		}
		lim.B[k] = vec.Dot(row, x) + slack
		if r.IntN(16) == 0 {
			lim.B[k] = math.Inf(1)
		}
	}
	return lim
}

// SameIntervals compares chains of two solvers that differ by 1e-9 at most, scaled.
// Entities are taken well inside their intervals: close to the boundary of a hull,
// rounding of one form is a move along the boundary to the other.
func SameIntervals(s, other lp.Solver, r *rand.Rand, limits, otherLimits []lp.Limits, rows int) error {
	n := s.Polytope().Dim()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	lo2, hi2 := make([]float64, rows), make([]float64, rows)
	c, c2 := s.Chain(rows), other.Chain(rows)
	c.Begin(rows, limits)
	c2.Begin(rows, otherLimits)
	for i := range n {
		if err := errors.Join(c.Next(lo, hi), c2.Next(lo2, hi2)); err != nil {
			return err
		}
		for x := range rows {
			tol := 1e-9 * max(1, math.Abs(lo[x]), math.Abs(hi[x]))
			if math.Abs(lo[x]-lo2[x]) > tol || math.Abs(hi[x]-hi2[x]) > tol {
				return fmt.Errorf("entity %d: [%v, %v], by %s [%v, %v]", i, lo[x], hi[x], other.Method(), lo2[x], hi2[x])
			}
			a[x] = lo[x] + (hi[x]-lo[x])*(0.1+0.8*r.Float64())
		}
		c.Fix(a)
		c2.Fix(a)
	}
	return nil
}

// BothForms returns the hull of points without facets and with them.
func BothForms(t testing.TB, points [][]float64, total float64) (bare, rows *lp.Polytope) {
	t.Helper()
	d := lp.Description{Name: "hull", Entities: Names(len(points[0])), Total: total, Points: points}
	var err error
	if rows, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	d.FacetEffort = lp.NoFacets
	if bare, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	if rows.HullOnly() {
		t.Fatal("the facets were not found")
	}
	return bare, rows
}

// BareHull is a hull of 60 points in 10 dimensions, which has more facets than
// hull.Effort finds.
func BareHull(t testing.TB) *lp.Polytope {
	t.Helper()
	d := DrawnPoints(10, 60)
	d.FacetEffort = lp.NoFacets
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("not a hull without facets")
	}
	return p
}

// DrawnPoints describes the hull of points that are drawn from the simplex.
func DrawnPoints(entities, points int) lp.Description {
	r := rand.New(rng.New(1, "lp", "points"))
	d := lp.Description{Name: "points", Entities: Names(entities), Total: 1}
	for range points {
		d.Points = append(d.Points, rng.Simplex(r, entities))
	}
	return d
}

// Names returns E1 .. En.
func Names(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	return names
}

// CappedAtRandom draws a simplex with a cap on every entity, cut by degenerate,
// duplicate and redundant rows with coefficients over several orders.
func CappedAtRandom(r *rand.Rand) lp.Description {
	n := 2 + r.IntN(7)
	d := lp.Description{Total: 0, Lower: make([]float64, n), Upper: make([]float64, n)}
	x := make([]float64, n)
	for j := range n {
		d.Entities = append(d.Entities, string(rune('a'+j)))
		x[j] = r.ExpFloat64()
		d.Total += x[j]
	}
	if r.IntN(2) == 0 {
		for j := range x {
			x[j] /= d.Total
		}
		d.Total = 1
	}
	equal := 1.5 * d.Total / float64(n)
	for j := range n {
		d.Upper[j] = x[j] * []float64{1, 1 + 1e-9, 1.1, 2}[r.IntN(4)]
		if r.IntN(3) == 0 {
			d.Upper[j] = max(x[j], equal)
		}
		if r.IntN(4) == 0 {
			d.Lower[j] = x[j] * r.Float64()
		}
	}
	spread := []float64{0, 0, 3, 8}[r.IntN(4)]
	for k := range r.IntN(8) {
		c := make([]float64, n)
		for j := range c {
			if r.IntN(3) > 0 {
				c[j] = (r.Float64() - 0.2) * math.Pow(10, spread*(r.Float64()-0.5))
				if spread == 0 && k%2 == 0 {
					c[j] = math.Round(c[j])
				}
			}
		}
		if len(d.Rows) > 0 && r.IntN(4) == 0 {
			other, f := d.Rows[r.IntN(len(d.Rows))], []float64{1, -1, 0.3}[r.IntN(3)]
			for j := range c {
				c[j] = f*other.Coef[j] + float64(r.IntN(2)) // the budget changes nothing
			}
		}
		if vec.MaxAbs(c) == 0 {
			continue
		}
		slack := []float64{0, 1e-12, 1e-6, 0.05, 1}[r.IntN(5)]
		row := lp.Row{Name: string(rune('A' + k)), Coef: c, Min: math.Inf(-1), Max: vec.Dot(c, x) + slack}
		if r.IntN(4) == 0 {
			row.Min = vec.Dot(c, x) - slack // a pair that is like an equality
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}
