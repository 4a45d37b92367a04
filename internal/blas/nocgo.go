//go:build !cgo

package blas

import "math"

func mul32(p *Product, a, b, bias, c []float32) { mulPortable(p, a, b, bias, c) }

func transpose32(count, rows, cols int, src []float32, srcRow, srcBatch int, dst []float32, dstRow, dstBatch int) {
	transposePortable(count, rows, cols, src, srcRow, srcBatch, dst, dstRow, dstBatch)
}

func reluGrad32(dst, y, gy []float32) { reluGradPortable(dst, y, gy) }
func columnSums32(dst, x []float32)   { columnSumsPortable(dst, x) }
func limitISA(int) int                { return 0 }

func sumSquares32(x []float32) float64 {
	s := 0.
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

func adam32(s *AdamStep, w, g, m, v []float32) bool {
	// x * 0 is 0 for finite numbers and NaN for all others.
	bad := float32(0)
	for i, x := range w {
		d := s.Scale*g[i] + s.Decay*x
		mi := s.Beta1*m[i] + s.Gain1*d
		vi := s.Beta2*v[i] + s.Gain2*d*d
		m[i], v[i] = mi, vi
		x -= s.Rate * mi / (float32(math.Sqrt(float64(vi)))*s.RootScale + s.Epsilon)
		w[i] = x
		bad += x * 0
	}
	return bad == 0
}

func betaTerms32(low, high float64, rows, heads int, logits, logX, log1mX, logWidth, mask, terms []float32, slopes []float64) bool {
	return false
}

// Go has no kernels to choose from, and other bits than those in C.
const plainLevel = "go"
