package interval

import (
	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/lp/interval/relay"
	"paspo/lp/interval/warm"
)

// Describe says how s computes intervals. Where limits follow the state, lim are those of
// one, some of which the closed form may hand over; else nil.
func Describe(s lp.Solver, lim *lp.Limits) string {
	p := s.Polytope()
	const programs = "linear programs"
	x, explicit := find[*closedform.Solver](s)
	bases, lazy := find[*warm.Solver](s)
	switch {
	case lim == nil:
		return s.Method()
	case lim.A != nil && !p.HullOnly() && s.Method() != "clp" && !warm.TooManyRows(p):
		return "dual simplex, since the matrix follows the state"
	case !explicit && lazy && relay.OverPoints(bases.Polytope()):
		return programs // bases over the points of a hull know its own limits alone
	case !explicit:
		return s.Method()
	}
	others := "lazy"
	if warm.TooManyRows(x.Polytope()) || relay.OverPoints(x.Polytope()) {
		others = programs
	}
	switch limits, caps := x.Covers(); {
	case !limits:
		return "explicit, " + others + " where limits follow the state"
	case !caps:
		return "explicit, " + others + " where caps follow the state"
	}
	return "explicit"
}

// WarmStarts returns how the bases behind s served, where it has any: those of method
// lazy, and those that answer what the closed form hands over. It may be called at any
// time.
func WarmStarts(s lp.Solver) (stats warm.Stats, ok bool) {
	bases, ok := find[*warm.Solver](s)
	if ok {
		stats = bases.Stats()
	}
	return stats, ok
}
