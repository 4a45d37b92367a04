//go:build !cgo

package blas

func mul32(p *Product, a, b, bias, c []float32) { mulPortable(p, a, b, bias, c) }

func transpose32(count, rows, cols int, src []float32, srcRow, srcBatch int, dst []float32, dstRow, dstBatch int) {
	transposePortable(count, rows, cols, src, srcRow, srcBatch, dst, dstRow, dstBatch)
}

func reluGrad32(dst, y, gy []float32)  { reluGradPortable(dst, y, gy) }
func columnSums32(dst, x []float32)    { columnSumsPortable(dst, x) }
func sumSquares32(x []float32) float64 { return sumSquaresPortable(x) }
func limitISA(int) int                 { return 0 }

func adam32(s *AdamStep, w, g, m, v []float32) bool { return adamPortable(s, w, g, m, v) }

func betaTerms32(low, high float64, rows, heads int, logits, logX, log1mX, logWidth, mask, terms []float32, slopes []float64) bool {
	return false
}

// Go has no kernels to choose from, and other bits than those in C.
const plainLevel = "go"
