package blas

// Transpose writes the transposes of count matrices of rows x cols: element
// (r, c) of src goes to (c, r) of dst. The columns of both are contiguous.
func Transpose[T Float](count, rows, cols int, src []T, srcRow, srcBatch int, dst []T, dstRow, dstBatch int) {
	if count <= 0 || rows <= 0 || cols <= 0 {
		return
	}
	if (count-1)*srcBatch+(rows-1)*srcRow+cols > len(src) || (count-1)*dstBatch+(cols-1)*dstRow+rows > len(dst) {
		panic(badLength)
	}
	if single[T]() {
		transpose32(count, rows, cols, as32(src), srcRow, srcBatch, as32(dst), dstRow, dstBatch)
		return
	}
	transposePortable(count, rows, cols, src, srcRow, srcBatch, dst, dstRow, dstBatch)
}

func transposePortable[T Float](count, rows, cols int, src []T, srcRow, srcBatch int, dst []T, dstRow, dstBatch int) {
	for i := range count {
		s, d := src[i*srcBatch:], dst[i*dstBatch:]
		for r := range rows {
			for c := range cols {
				d[c*dstRow+r] = s[r*srcRow+c]
			}
		}
	}
}

// ReLUGrad writes gy where y > 0 and 0 elsewhere.
func ReLUGrad[T Float](dst, y, gy []T) {
	if len(dst) != len(y) || len(dst) != len(gy) {
		panic(badLength)
	}
	if single[T]() {
		reluGrad32(as32(dst), as32(y), as32(gy))
		return
	}
	reluGradPortable(dst, y, gy)
}

func reluGradPortable[T Float](dst, y, gy []T) {
	for i, v := range y {
		if v > 0 {
			dst[i] = gy[i]
		} else {
			dst[i] = 0
		}
	}
}

// ColumnSums writes the sums of the columns of the rows x len(dst) matrix x.
func ColumnSums[T Float](dst, x []T) {
	if len(dst) == 0 || len(x)%len(dst) != 0 {
		panic(badLength)
	}
	if single[T]() {
		columnSums32(as32(dst), as32(x))
		return
	}
	columnSumsPortable(dst, x)
}

func columnSumsPortable[T Float](dst, x []T) {
	n := len(dst)
	clear(dst)
	for ; len(x) > 0; x = x[n:] {
		for j, v := range x[:n] {
			dst[j] += v
		}
	}
}

// SumSquares returns the sum of squares, in float64.
func SumSquares(x []float32) float64 { return sumSquares32(x) }

// AdamStep holds the numbers of one step of Adam with the decay of weights in
// the gradient,
//
//	g <- Scale g + Decay w,
//	m <- Beta1 m + Gain1 g,
//	v <- Beta2 v + Gain2 g^2,
//	w <- w - Rate m / (sqrt(v) RootScale + Epsilon),
//
// where the gains are 1 - Beta, which float32 would lose digits of, Rate is the
// learning rate over 1 - Beta1^t and RootScale is 1/sqrt(1 - Beta2^t). Epsilon
// is positive.
type AdamStep struct {
	Scale, Decay, Beta1, Beta2, Gain1, Gain2, Rate, RootScale, Epsilon float32
}

// Adam applies the step to the parameters w with gradients g and moments m and
// v. It reports whether all parameters are finite afterwards.
func Adam(s *AdamStep, w, g, m, v []float32) (finite bool) {
	if len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(badLength)
	}
	return adam32(s, w, g, m, v)
}

// BetaTerms computes what package ops calls the terms of Beta distributions in
// float64, eight at a time, and where slopes is not nil their derivatives: see
// there. It returns false, and does nothing, where T is float64 and where there
// is no cgo.
//
// Low and high are the floor and the ceiling of the parameters. The parameters
// may be anything from 1e-30 to 1e30; others give NaN.
func BetaTerms[T Float](low, high float64, rows, heads int, logits, logX, log1mX, logWidth, mask, terms []T, slopes []float64) bool {
	n := rows * heads
	if len(logits) < 2*n || len(logX) < n || len(log1mX) < n || len(logWidth) < n || len(mask) < n || len(terms) < 2*rows ||
		slopes != nil && len(slopes) < 4*n {
		panic(badLength)
	}
	return single[T]() && betaTerms32(low, high, rows, heads,
		as32(logits), as32(logX), as32(log1mX), as32(logWidth), as32(mask), as32(terms), slopes)
}
