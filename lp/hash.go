package lp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// Hash returns the SHA-256, in hexadecimal, of what defines the set: the
// entities with their names and order and, where the polytope has points, the
// points, else bounds, equalities and inequalities in their order, with
// the terms of these. Names of the
// polytope and of rows do not count, nor do the rows beside points: they follow
// from the points.
func (p *Polytope) Hash() string {
	h := sha256.New()
	var buf []byte
	flush := func() { h.Write(buf); buf = buf[:0] }
	length := func(n int) { buf = binary.LittleEndian.AppendUint64(buf, uint64(n)) }
	numbers := func(v []float64) {
		length(len(v))
		for _, x := range v {
			if x == 0 {
				x = 0 // -0 is the same number
			}
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(x))
		}
		flush()
	}
	buf = append(buf, "paspo polytope 1\n"...)
	length(len(p.entities))
	for _, e := range p.entities {
		length(len(e))
		buf = append(buf, e...)
	}
	length(len(p.points))
	for _, v := range p.points {
		numbers(v)
	}
	if p.points == nil {
		for _, v := range [...][]float64{p.form.L, p.form.U, p.form.A, p.form.B, p.form.E, p.form.F} {
			numbers(v)
		}
	}
	if p.terms != nil {
		buf = append(buf, "terms\n"...)
		for _, r := range p.terms.Rows {
			length(r.Index)
			length(len(p.Terms(r.Index)))
			for _, t := range p.Terms(r.Index) {
				length(t.Entity)
				if t.Holding {
					length(1)
				} else {
					length(0)
				}
				numbers([]float64{t.Above, t.Below, t.From})
				if t.Sum != nil {
					buf = append(buf, "sum\n"...)
					numbers(t.Sum)
				}
			}
		}
	}
	flush()
	return hex.EncodeToString(h.Sum(nil))
}
