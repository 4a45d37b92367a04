package relax

// Margin is added to the least relaxation.
const Margin = relaxMargin

// Excess is the largest amount by which a is outside of lo..hi.
func Excess(a, lo, hi []float64) float64 { return excess(a, lo, hi) }

// Known returns a point of the polytope.
func (b *Bounds) Known() []float64 { return b.w.known }

// Fallbacks returns how many solutions the tableau left to lp.
func (b *Bounds) Fallbacks() int { return b.w.fallbacks }

// Stated returns the bounds before they are relaxed.
func (b *Bounds) Stated() (lo, hi []float64) { return b.lo, b.hi }

// Witness returns a point that the limits of the state leave.
func (b *Bounds) Witness() []float64 {
	b.update()
	for _, a := range [][]float64{b.last, b.w.known} {
		if a != nil && b.w.leaves(a, b.lo, b.hi) {
			return a
		}
	}
	return b.w.a
}

// Towards returns the point of the limits that is farthest on the way from the
// witness to target, which is in the polytope.
func (b *Bounds) Towards(dst, target []float64) {
	from := b.Witness()
	way := 1.
	for j, x := range from {
		switch d := target[j] - x; {
		case d > 0:
			way = min(way, max(0, (b.u[j]-x)/d))
		case d < 0:
			way = min(way, max(0, (b.l[j]-x)/d))
		}
	}
	for j, x := range from {
		dst[j] = x + way*(target[j]-x)
	}
}
