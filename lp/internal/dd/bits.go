package dd

import mathbits "math/bits"

// bits is a set of small numbers. Its zero value is empty.
type bits struct{ w []uint64 }

func (b *bits) set(k int) {
	i := k >> 6
	if i >= len(b.w) {
		b.w = append(b.w, make([]uint64, i+1-len(b.w))...)
	}
	b.w[i] |= 1 << (k & 63)
}

func (b bits) has(k int) bool {
	return k>>6 < len(b.w) && b.w[k>>6]&(1<<(k&63)) != 0
}

func (b bits) and(o bits) bits {
	w := make([]uint64, min(len(b.w), len(o.w)))
	for i := range w {
		w[i] = b.w[i] & o.w[i]
	}
	return bits{w}
}

// countAnd returns the size of the intersection.
func (b bits) countAnd(o bits) int {
	n := 0
	w := o.w
	for i, x := range b.w[:min(len(b.w), len(w))] {
		n += mathbits.OnesCount64(x & w[i])
	}
	return n
}

// in reports whether b is a subset of o.
func (b bits) in(o bits) bool {
	for i, x := range b.w {
		if i >= len(o.w) {
			if x != 0 {
				return false
			}
		} else if x&^o.w[i] != 0 {
			return false
		}
	}
	return true
}

func (b bits) count() int {
	n := 0
	for _, x := range b.w {
		n += mathbits.OnesCount64(x)
	}
	return n
}

func (b bits) each(f func(k int)) {
	for i, x := range b.w {
		for ; x != 0; x &= x - 1 {
			f(i<<6 + mathbits.TrailingZeros64(x))
		}
	}
}
