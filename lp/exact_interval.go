package lp

// ExactInterval returns the interval of the entity after prefix from linear
// programs in rational arithmetic, rounded once. It is what solvers are judged
// by, and slow. A nil lim means the polytope's own limits.
//
// All limits are relaxed by relax times the scales of their residuals, or tightened where
// it is negative. Equalities are never tightened. ok is false where nothing has this
// prefix, or nothing bounds the entity.
func ExactInterval(p *Polytope, prefix []float64, lim *Limits, relax float64) (lo, hi float64, ok bool) {
	i := len(prefix)
	if i >= p.Dim() {
		panic(badLength)
	}
	if p.terms != nil {
		return ExactInterval(p.terms.lifted, prefix, p.liftOnce(lim), relax)
	}
	if p.HullOnly() {
		if q := p.Canonical(); q != p {
			d, _, _ := q.Units()
			canonical := make([]float64, i)
			for j, a := range prefix {
				canonical[j] = a / d[j]
			}
			lo, hi, ok = ExactInterval(q, canonical, p.canonicalLimits(lim), relax)
			return lo * d[i], hi * d[i], ok
		}
		return ExactInterval(p.lift(), prefix, p.liftLimits(lim), relax)
	}
	form := p.formIn(lim)
	return form.ExactInterval(prefix, relax)
}
