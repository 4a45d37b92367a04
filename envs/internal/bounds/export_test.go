package bounds

// Known returns a point of the polytope.
func (b *Bounds) Known() []float64 { return b.t.known }

// Fallbacks returns how many solutions the dictionary left to CLP.
func (b *Bounds) Fallbacks() int { return b.w.Fallbacks() }

// Stated returns the bounds before they are relaxed.
func (b *Bounds) Stated() (lo, hi []float64) { return b.lo, b.hi }

// Witness returns an allocation within the relaxed limits of the state.
func (b *Bounds) Witness() []float64 {
	if b.update(); b.at == nil {
		_, b.at = b.w.Least(b.lo, b.hi, b.last)
	}
	return b.at
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
