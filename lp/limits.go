package lp

import (
	"fmt"
	"math"
)

// CheckLimits returns an error that names the slice of lim, and the entity or row,
// that cannot be a limit of p: where a slice has another length than the
// polytope's own, or holds a NaN, an infinity that nothing satisfies, or a number beyond
// what descriptions may hold: MaxMagnitude of amounts, MaxRow of rows. Limits that
// contradict one another pass, see FindConflict. A nil lim is fine.
func (p *Polytope) CheckLimits(lim *Limits) error {
	if lim == nil {
		return nil
	}
	amounts, rows := float64(MaxMagnitude), float64(MaxRow)
	if p.units != nil {
		amounts, rows = MaxAmount, MaxAmount // in units of a small size, limits of a state may be large
	}
	n := p.Dim()
	for _, s := range [...]struct {
		name      string
		v         []float64
		want      int
		of        string
		most      float64
		low, high bool // -Inf, +Inf are allowed
	}{
		{"B", lim.B, len(p.form.B), "inequalities", rows, false, true},
		{"F", lim.F, len(p.form.F), "equalities", rows, false, false},
		{"Lower", lim.Lower, n, "entities", amounts, true, false},
		{"Upper", lim.Upper, n, "entities", amounts, false, true},
		{"A", lim.A, len(p.form.A), "coefficients of inequalities", rows, false, false},
		{"Holdings", lim.Holdings, n, "entities", amounts, false, false},
	} {
		if s.v == nil {
			continue
		}
		if len(s.v) != s.want {
			return &LimitsError{s.name, fmt.Sprintf("has length %d, the polytope has %d %s", len(s.v), s.want, s.of)}
		}
		for i, x := range s.v {
			most := s.most
			if s.name == "F" && i == 0 && p.budget {
				most = amounts
			}
			if math.Abs(x) <= most || s.low && math.IsInf(x, -1) || s.high && math.IsInf(x, 1) {
				continue
			}
			also := ""
			if s.low {
				also = ", or -Inf,"
			} else if s.high {
				also = ", or +Inf,"
			}
			return &LimitsError{s.name, fmt.Sprintf("is %g for %s: a number of at most %g%s is allowed", x, p.limitOf(s.name, i), most, also)}
		}
	}
	return p.checkSigns(lim)
}

// checkSigns refuses limits that let an entity of Row.Signed cross 0.
func (p *Polytope) checkSigns(lim *Limits) error {
	if !p.signed {
		return nil
	}
	for _, r := range p.rows {
		for _, j := range r.Signed {
			v, slice, low := lim.Lower, "Lower", p.form.L[j] >= 0
			if !low {
				v, slice = lim.Upper, "Upper"
			}
			if v != nil && v[j] != 0 && v[j] < 0 == low {
				return &LimitsError{slice, fmt.Sprintf("is %g for %s, which row %q counts by the sign that its own bounds [%g, %g] give it: widen these where a state may go across 0",
					v[j], p.limitOf(slice, j), r.Name, p.form.L[j], p.form.U[j])}
			}
		}
	}
	return nil
}

// LimitsError says what is wrong with a field of Limits.
type LimitsError struct {
	Field  string // B, F, Lower, Upper, A or Holdings
	Reason string // which goes on behind the field's name
}

func (e *LimitsError) Error() string { return e.Field + " of the limits " + e.Reason }

// limitOf names what element i of a slice of limits belongs to.
func (p *Polytope) limitOf(slice string, i int) string {
	switch slice {
	case "B":
		return fmt.Sprintf("row %q", p.rowNames[i])
	case "F":
		if p.budget && i == 0 {
			return "the total"
		}
		return fmt.Sprintf("row %q", p.eqNames[i])
	case "A":
		n := p.Dim()
		return fmt.Sprintf("entity %q in row %q", p.entities[i%n], p.rowNames[i/n])
	}
	return fmt.Sprintf("entity %q", p.entities[i])
}
