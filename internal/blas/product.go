package blas

import "unsafe"

const badLength = "blas: bad length of a slice"

// Float is the type of elements.
type Float interface{ float32 | float64 }

// single reports whether T is float32.
func single[T Float]() bool {
	var zero T
	return unsafe.Sizeof(zero) == 4
}

// as32 is the slice itself where T is float32. An interface on the way would
// allocate.
func as32[T Float](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Strides places the elements of a matrix in a slice: element (r, c) of the
// i-th matrix of a batch is at i*Batch + r*Row + c*Col.
type Strides struct {
	Row, Col, Batch int
}

// Product describes a batch of products, for i = 0..Count-1
//
//	C_i = f(S_i + A_i B_i + 1 bias_i'),  A_i is M x K_i,  B_i is K_i x N_i,
//
// where K_i = K + i*KGrow and N_i = N + i*NGrow, S_i is what C_i held where
// Accumulate is set and 0 elsewhere, f is max(., 0) where ReLU is set, and the
// bias is added where one is given.
type Product struct {
	Count, M, N, K int
	KGrow, NGrow   int

	A    Strides
	B, C Strides // Col is taken as 1
	Bias int     // distance between the biases of consecutive products

	Accumulate, ReLU bool
}

// Mul computes the products. bias may be nil.
//
// Mul panics if a slice is too short.
func Mul[T Float](p *Product, a, b, bias, c []T) {
	if p.Count <= 0 || p.M <= 0 {
		return
	}
	k, n := p.K+(p.Count-1)*p.KGrow, p.N+(p.Count-1)*p.NGrow
	k, n = max(k, p.K), max(n, p.N)
	if n <= 0 {
		return
	}
	last := p.Count - 1
	if (p.M-1)*p.C.Row+last*p.C.Batch+n > len(c) ||
		k > 0 && (p.M-1)*p.A.Row+(k-1)*p.A.Col+last*p.A.Batch >= len(a) ||
		k > 0 && (k-1)*p.B.Row+last*p.B.Batch+n > len(b) ||
		bias != nil && last*p.Bias+n > len(bias) {
		panic(badLength)
	}
	if single[T]() {
		mul32(p, as32(a), as32(b), as32(bias), as32(c))
		return
	}
	mulPortable(p, a, b, bias, c)
}

// mulPortable is the definition of Mul.
func mulPortable[T Float](p *Product, a, b, bias, c []T) {
	for i := range p.Count {
		n, kn := p.N+i*p.NGrow, p.K+i*p.KGrow
		for r := range p.M {
			row := c[i*p.C.Batch+r*p.C.Row:][:n]
			if !p.Accumulate {
				clear(row)
			}
			for k := range kn {
				x := a[i*p.A.Batch+r*p.A.Row+k*p.A.Col]
				for j, y := range b[i*p.B.Batch+k*p.B.Row:][:n] {
					row[j] += x * y
				}
			}
			if bias != nil {
				for j, y := range bias[i*p.Bias:][:n] {
					row[j] += y
				}
			}
			if p.ReLU {
				for j, y := range row {
					// A NaN stays one.
					if y < 0 {
						row[j] = 0
					}
				}
			}
		}
	}
}
