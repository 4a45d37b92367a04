package pieces

import "math"

// lanes is what the rows of a batch and the affine pieces of a block are padded to.
const lanes = 8

// Pieces are the affine pieces of one interval.
type Pieces struct {
	stride       int
	floor        bool
	lower, upper []float64 // a piece after another

	// The same in blocks of 8 pieces: the first weight of each, then the second.
	// The last piece is repeated to fill its block.
	lowerBlocks, upperBlocks []float64
	lowers, uppers           int
}

// New returns affine pieces of stride weights each. floor says that 0 is one of the
// lower ones.
func New(stride int, floor bool, lower, upper []float64) *Pieces {
	return &Pieces{
		stride: stride, floor: floor, lower: lower, upper: upper,
		lowerBlocks: blocks(lower, stride), upperBlocks: blocks(upper, stride),
		lowers: len(lower) / stride, uppers: len(upper) / stride,
	}
}

func blocks(w []float64, stride int) []float64 {
	count := len(w) / stride
	out := make([]float64, (count+lanes-1)/lanes*lanes*stride)
	for p := range len(out) / stride {
		from := min(p, count-1) * stride
		for k := range stride {
			out[(p/lanes*stride+k)*lanes+p%lanes] = w[from+k]
		}
	}
	return out
}

// Batch is what affine pieces are evaluated on. Element k of rho of row r is at
// k*Ld + r. Rows from Rows to Ld are padding, which is computed on as well and
// whose numbers nobody reads.
type Batch struct {
	Rows, Ld int
	Rho      []float64 // size x Ld
	Z        []float64 // Ld, the last entity that was fixed, counted from its base
	Base     []float64 // Ld, never -0
	Lo, Hi   []float64 // Ld

	row []float64 // rho of one row
}

// NewBatch returns a batch of up to rows rows.
func NewBatch(rows, size int) *Batch {
	ld := rows
	if rows >= wide {
		ld = (rows + lanes - 1) / lanes * lanes
	}
	v := make([]float64, (size+4)*ld)
	b := &Batch{Ld: ld, Rho: v[:size*ld], row: make([]float64, size)}
	v = v[size*ld:]
	b.Z, b.Base, b.Lo, b.Hi = v[:ld], v[ld:2*ld], v[2*ld:3*ld], v[3*ld:]
	return b
}

// Row copies rho of a row.
func (b *Batch) Row(dst []float64, r int) {
	if b.Ld == 1 {
		copy(dst, b.Rho)
		return
	}
	for k := range dst {
		dst[k] = b.Rho[k*b.Ld+r]
	}
}

// SetRow writes rho of a row.
func (b *Batch) SetRow(r int, rho []float64) {
	for k, v := range rho {
		b.Rho[k*b.Ld+r] = v
	}
}

// Fill writes rho of all rows.
func (b *Batch) Fill(rho []float64) {
	for k, v := range rho {
		row := b.Rho[k*b.Ld : (k+1)*b.Ld]
		for r := range row {
			row[r] = v
		}
	}
}

const (
	// wide is the number of rows from which a vector holds rows, not pieces.
	wide = 4

	// The work, in multiplications, below which Go is faster than calling C.
	leastWide   = 64
	leastNarrow = 128
)

// Eval moves rho by -col Z where col is not nil, and evaluates all rows. It
// reports whether the endpoints of some row, counted from the base, may cross.
func (p *Pieces) Eval(b *Batch, col []float64) (crossed bool) {
	work := b.Rows * (len(p.lower) + len(p.upper))
	switch {
	case compiled && b.Rows >= wide && work >= leastWide:
		return p.wideC(b, col)
	case compiled && work >= leastNarrow:
		return p.narrowC(b, col)
	}
	return p.rows(b, col)
}

// rows is the definition of Eval.
func (p *Pieces) rows(b *Batch, col []float64) (crossed bool) {
	for r := range b.Rows {
		z := b.Z[r]
		for k, c := range col {
			b.Rho[k*b.Ld+r] -= float64(c * z)
		}
		rho := b.Rho[:p.stride]
		if b.Ld > 1 {
			rho = b.row[:p.stride]
			b.Row(rho, r)
		}
		lo, hi := math.Inf(-1), math.Inf(1)
		if p.floor {
			lo = 0
		}
		w := p.lower
		for ; len(w) >= 4*len(rho); w = w[4*len(rho):] {
			s0, s1, s2, s3 := weigh4(w, rho)
			lo = greater(greater(greater(greater(lo, s0), s1), s2), s3)
		}
		for ; len(w) >= len(rho); w = w[len(rho):] {
			lo = greater(lo, Weigh(w, rho))
		}
		w = p.upper
		for ; len(w) >= 4*len(rho); w = w[4*len(rho):] {
			s0, s1, s2, s3 := weigh4(w, rho)
			hi = less(less(less(less(hi, s0), s1), s2), s3)
		}
		for ; len(w) >= len(rho); w = w[len(rho):] {
			hi = less(hi, Weigh(w, rho))
		}
		if lo > hi {
			crossed = true
		}
		// An endpoint of -0 becomes 0.
		b.Lo[r], b.Hi[r] = lo+b.Base[r], hi+b.Base[r]
	}
	return crossed
}

func greater(m, v float64) float64 {
	if v > m {
		return v
	}
	return m
}

func less(m, v float64) float64 {
	if v < m {
		return v
	}
	return m
}

// Weigh returns w . rho as Eval sums it.
func Weigh(w, rho []float64) float64 {
	w = w[:len(rho)]
	s := w[0] * rho[0]
	for k := 1; k < len(rho); k++ {
		s += float64(w[k] * rho[k])
	}
	return s
}

// weigh4 weighs 4 affine pieces. Their sums do not wait for one another.
func weigh4(w, rho []float64) (s0, s1, s2, s3 float64) {
	n := len(rho)
	w0, w1, w2, w3 := w[:n], w[n:2*n], w[2*n:3*n], w[3*n:4*n]
	s0, s1, s2, s3 = w0[0]*rho[0], w1[0]*rho[0], w2[0]*rho[0], w3[0]*rho[0]
	for k := 1; k < n; k++ {
		x := rho[k]
		s0 += float64(w0[k] * x)
		s1 += float64(w1[k] * x)
		s2 += float64(w2[k] * x)
		s3 += float64(w3[k] * x)
	}
	return s0, s1, s2, s3
}
