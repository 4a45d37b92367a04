package walkforward

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"paspo/internal/run/report"
	"paspo/lp"
)

const (
	atLimit = 1e-3 // of the wealth: a policy that is closer is at the limit
	binding = 1e-5 // the same of an optimum, which is known better
	perUnit = 0.01 // what of a limit shadow prices are of

	// unexplained is the largest residual of shadow prices, in growth a year for a whole unit.
	unexplained = 1e-3
)

// Limit is what became of a limit: how close the trained policy came to it, and what it was
// worth to the best constant allocation in hindsight.
//
// ShadowPrice is the rate, in logarithmic growth a year and for 0.01 of the limit, that a
// looser one would have earned: the upper limit raised, the lower one lowered, an equality
// raised. Where more limits meet at the optimum than determine it, multipliers are not unique.
// The least of them is the rate of loosening that limit alone, and the largest, Tighter, what
// tightening it costs, +Inf where no allocation would satisfy the limits then. Both are NaN of limits that do not hold
// for that allocation, which count from what is held.
type Limit struct {
	Name        string        `json:"name"`
	Least       float64       `json:"least_distance"`
	Mean        float64       `json:"mean_distance"`
	At          int           `json:"periods_at"` // periods in which the distance was at most a thousandth of the wealth
	Distances   []float64     `json:"-"`          // in every period; none of equalities
	ShadowPrice report.Number `json:"shadow_price"`
	Tighter     report.Number `json:"shadow_price_tighter"`
}

// Exposure returns how close a track came to each limit, those that it was at most often
// first, and equalities but the budget last. Shadow prices are NaN.
func Exposure(p *lp.Polytope, t *Track) []Limit {
	var all []Limit
	nan := report.Number(math.NaN())
	for i, a := range t.Bought {
		for k, s := range Slacks(p, a, t.Held[i]) {
			if i == 0 {
				all = append(all, Limit{Name: s.Name, Least: math.Inf(1), ShadowPrice: nan, Tighter: nan})
			}
			l := &all[k]
			l.Distances = append(l.Distances, s.Slack)
			l.Least = min(l.Least, s.Slack)
			l.Mean += s.Slack / float64(len(t.Bought))
			if s.Slack <= atLimit {
				l.At++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Limit) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Least, b.Least)) })
	_, _, names := p.Equalities()
	budget, _ := p.Budget()
	for k, name := range names {
		if k == budget { // nobody has more wealth than all of it
			continue
		}
		all = append(all, Limit{Name: name, At: len(t.Bought), ShadowPrice: nan, Tighter: nan})
	}
	return all
}

// price is the range of the multiplier of a limit.
type price struct{ least, largest float64 }

// shadowPrices returns the multipliers of the limits of p, by name, at x, where a concave
// function with this gradient is largest over p: the y >= 0 and mu with
//
//	gradient = sum_k y_k A_k + sum_k mu_k E_k,   y_k (b_k - A_k x) = 0.
//
// The residual is the least 1-norm of the gradient less its sum over the limits that bind, plus
// the sum of their y_k (b_k - A_k x). Convex terms are those of the lifted
// polytope, whose rows keep their multipliers.
func shadowPrices(p *lp.Polytope, x, gradient []float64) (prices map[string]price, residual float64, err error) {
	if p.HullOnly() {
		return nil, 0, errors.New("a hull of points without facets has no rows that shadow prices could be of")
	}
	q := p
	if p.HasTerms() {
		q = p.Lifted()
	}
	n, d := p.Dim(), q.Dim()
	x = append(slices.Clone(x), make([]float64, d-n)...)
	gradient = append(slices.Clone(gradient), make([]float64, d-n)...)
	prices = map[string]price{}
	var m multipliers
	bind := func(name string, normal []float64, slack float64) {
		if name != "" {
			prices[name] = price{}
		}
		if slack <= binding {
			m.add(name, normal)
			m.slacks = append(m.slacks, max(0, slack))
		}
	}
	_, own, _ := p.Inequalities()
	a, b, _ := q.Inequalities() // those of p first
	for k := len(b) - 1; k >= 0; k-- {
		row, slack := a[k*d:(k+1)*d], b[k]
		for j, v := range row {
			slack -= v * x[j]
		}
		if k < len(own) {
			bind(rowName(p, k), row, slack)
			continue
		}
		if slack < 0 { // a part is what its entity is beyond where it counts from
			x[n+slices.Index(row[n:], -1)], slack = -slack, 0
		}
		bind("", row, slack)
	}
	lower, upper := q.Bounds()
	for j := range d {
		for _, side := range []struct {
			upper        bool
			bound, slack float64
		}{{false, -1, x[j] - lower[j]}, {true, 1, upper[j] - x[j]}} {
			if math.IsInf(side.slack, 1) {
				continue
			}
			name, normal := "", make([]float64, d)
			normal[j] = side.bound
			if j < n {
				name = p.BoundName(j, side.upper, lower, upper)
			}
			bind(name, normal, side.slack)
		}
	}
	e, _, names := q.Equalities()
	for k, name := range names {
		m.add(name, e[k*d:(k+1)*d])
	}
	residual, err = m.fit(gradient)
	rows := map[string][]int{} // a constraint may have several
	for k, name := range m.names {
		rows[name] = append(rows[name], k)
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if name == "" || err != nil {
			continue
		}
		if prices[name], err = m.of(rows[name]); err != nil {
			err = fmt.Errorf("the multiplier of %s: %w", name, err)
		}
	}
	return prices, residual, err
}

// multipliers are those of limits that bind, those of equalities last and of either sign.
type multipliers struct {
	names   []string
	normals [][]float64
	slacks  []float64 // of inequalities

	explained []float64 // of the gradient, by some that explain most
}

func (m *multipliers) add(name string, normal []float64) {
	m.names, m.normals = append(m.names, name), append(m.normals, normal)
}

// solve minimises slope times the sum of some multipliers plus weight times the 1-norm of the target less the
// sum of normals times multipliers, which is left. ok is false where nothing bounds it. It is the simplex method on a
// tableau, from no multipliers on: it takes the steepest column and, after a while, as long as
// it may cycle, the first (Bland, Mathematics of Operations Research 2, 1977).
func (m *multipliers) solve(target []float64, of []int, slope, weight float64) (y []float64, left float64, ok bool, err error) {
	const rounding = 1e-10
	d, count, inequalities := len(target), len(m.names), len(m.slacks)
	// Columns: multipliers, those of equalities negated, what is left with either sign, the target.
	rest := 2*count - inequalities
	width := rest + 2*d + 1
	cost := make([]float64, width) // reduced
	for _, k := range of {
		cost[k] = slope
		if k >= inequalities {
			cost[count+k-inequalities] = -slope
		}
	}
	for i := rest; i < rest+2*d; i++ {
		cost[i] = weight
	}
	rows, basis := make([][]float64, d), make([]int, d)
	for j, v := range target {
		row, sign := make([]float64, width), 1.
		if basis[j] = rest + j; v < 0 {
			basis[j], sign = rest+d+j, -1
		}
		for i, normal := range m.normals {
			row[i] = sign * normal[j]
			if i >= inequalities {
				row[count+i-inequalities] = -row[i]
			}
		}
		row[rest+j], row[rest+d+j], row[width-1] = sign, -sign, sign*v
		for i, x := range row {
			cost[i] -= weight * x
		}
		rows[j] = row
	}
	for step := 0; ; step++ {
		if step > 100*width {
			return nil, 0, false, errors.New("the simplex method does not end")
		}
		enter := -1
		for i, c := range cost[:width-1] {
			if c < -rounding && (enter < 0 || step < 10*width && c < cost[enter]) {
				enter = i
			}
		}
		if enter < 0 {
			break
		}
		leave, least := -1, math.Inf(1)
		for j, row := range rows {
			if row[enter] > rounding {
				if r := row[width-1] / row[enter]; r < least || r == least && basis[j] < basis[leave] {
					leave, least = j, r
				}
			}
		}
		if leave < 0 {
			return nil, 0, false, nil
		}
		pivot := rows[leave]
		for i, by := 0, pivot[enter]; i < width; i++ {
			pivot[i] /= by
		}
		for _, row := range append(rows[:d:d], cost) {
			if by := row[enter]; &row[0] != &pivot[0] && by != 0 {
				for i, v := range pivot {
					row[i] -= by * v
				}
			}
		}
		basis[leave] = enter
	}
	y = make([]float64, count)
	for j, i := range basis {
		switch v := rows[j][width-1]; {
		case i < count:
			y[i] += v
		case i < rest:
			y[i-count+inequalities] -= v
		default:
			left += v
		}
	}
	return y, left, true, nil
}

// fit finds what some multipliers explain of a gradient, and returns the residual.
func (m *multipliers) fit(gradient []float64) (residual float64, err error) {
	y, _, _, err := m.solve(gradient, nil, 0, 1)
	if err != nil {
		return 0, err
	}
	m.explained = make([]float64, len(gradient))
	for k, normal := range m.normals {
		for j, v := range normal {
			m.explained[j] += y[k] * v
		}
		if k < len(m.slacks) {
			residual += y[k] * m.slacks[k]
		}
	}
	for j, v := range gradient {
		residual += math.Abs(v - m.explained[j])
	}
	return residual, nil
}

// of returns the range of the sum of some multipliers among all that explain as much.
func (m *multipliers) of(rows []int) (price, error) {
	const weight = 1e4 // far above what a unit of the gradient does to a multiplier
	var ends [2]float64
	for i, slope := range []float64{1, -1} {
		y, left, bounded, err := m.solve(m.explained, rows, slope, weight)
		if err == nil && left > 1e-6 {
			err = fmt.Errorf("it leaves %g of what others explain", left)
		}
		if err != nil {
			return price{}, err
		}
		if ends[i] = -slope * math.Inf(1); bounded {
			ends[i] = 0
			for _, k := range rows {
				ends[i] += y[k]
			}
		}
	}
	return price{ends[0], ends[1]}, nil
}

// limits returns what became of the limits over periods from..to-1, with shadow prices at the
// allocation that grows most under those that do not count from what is held, or why there are
// none. perYear is the number of periods of a year.
func (p *Player) limits(trained *Track, best []float64, from, to int, perYear float64) (all []Limit, missing string, err error) {
	all = Exposure(p.problem.Spec().Polytope, trained)
	problem, err := p.problem.Free()
	if err != nil {
		return nil, "", err
	}
	standing := problem.Spec().Polytope
	of, err := newBorrowed(standing, standing, problem.Borrowing)
	if err != nil {
		return nil, "", err
	}
	x := of.with(best)
	prices, residual, err := shadowPrices(of.Polytope, x, slope(x, of.growth(p.growth(p.returns[from:to])), perYear))
	if err == nil && !(residual <= unexplained) {
		err = fmt.Errorf("the multipliers of the limits that bind leave %.2g of the gradient", residual)
	}
	if err != nil {
		return all, err.Error(), nil
	}
	for k := range all {
		if of, ok := prices[all[k].Name]; ok {
			all[k].ShadowPrice, all[k].Tighter = report.Number(perUnit*of.least), report.Number(perUnit*of.largest)
		}
	}
	return all, "", nil
}

// slope returns the gradient of the logarithmic growth a year of a constant allocation. growth
// is periods x entities.
func slope(a []float64, growth [][]float64, perYear float64) []float64 {
	g := make([]float64, len(a))
	for _, row := range growth {
		s := 0.
		for i, v := range row {
			s += v * a[i]
		}
		for i, v := range row {
			g[i] += perYear * v / s / float64(len(growth))
		}
	}
	return g
}
