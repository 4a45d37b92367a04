//go:build cgo

package blas

/*
#cgo CFLAGS: -O3 -g0 -std=gnu11 -Wno-psabi
#cgo LDFLAGS: -lm -lpthread
#cgo noescape paspo_mul
#cgo nocallback paspo_mul
#cgo noescape paspo_transpose
#cgo nocallback paspo_transpose
#cgo noescape paspo_relu_grad
#cgo nocallback paspo_relu_grad
#cgo noescape paspo_column_sums
#cgo nocallback paspo_column_sums
#cgo noescape paspo_sum_squares
#cgo nocallback paspo_sum_squares
#cgo noescape paspo_adam
#cgo nocallback paspo_adam
#cgo noescape paspo_beta_terms
#cgo nocallback paspo_beta_terms
#include "kernels.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

func ptr(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func mul32(p *Product, a, b, bias, c []float32) {
	q := C.product{
		count: C.ptrdiff_t(p.Count), m: C.ptrdiff_t(p.M), n: C.ptrdiff_t(p.N), k: C.ptrdiff_t(p.K),
		kgrow: C.ptrdiff_t(p.KGrow), ngrow: C.ptrdiff_t(p.NGrow),
		arow: C.ptrdiff_t(p.A.Row), acol: C.ptrdiff_t(p.A.Col), abatch: C.ptrdiff_t(p.A.Batch),
		brow: C.ptrdiff_t(p.B.Row), bbatch: C.ptrdiff_t(p.B.Batch),
		crow: C.ptrdiff_t(p.C.Row), cbatch: C.ptrdiff_t(p.C.Batch), biasbatch: C.ptrdiff_t(p.Bias),
		accumulate: flag(p.Accumulate), relu: flag(p.ReLU),
	}
	C.paspo_mul(&q, ptr(a), ptr(b), ptr(bias), ptr(c))
}

func transpose32(count, rows, cols int, src []float32, srcRow, srcBatch int, dst []float32, dstRow, dstBatch int) {
	C.paspo_transpose(C.ptrdiff_t(count), C.ptrdiff_t(rows), C.ptrdiff_t(cols), ptr(src), C.ptrdiff_t(srcRow),
		C.ptrdiff_t(srcBatch), ptr(dst), C.ptrdiff_t(dstRow), C.ptrdiff_t(dstBatch))
}

func reluGrad32(dst, y, gy []float32) {
	C.paspo_relu_grad(C.ptrdiff_t(len(dst)), ptr(dst), ptr(y), ptr(gy))
}

func columnSums32(dst, x []float32) {
	C.paspo_column_sums(C.ptrdiff_t(len(x)/len(dst)), C.ptrdiff_t(len(dst)), ptr(dst), ptr(x))
}

func sumSquares32(x []float32) float64 {
	return float64(C.paspo_sum_squares(C.ptrdiff_t(len(x)), ptr(x)))
}

func (s *AdamStep) c() C.adamstep {
	return C.adamstep{
		scale: C.float(s.Scale), decay: C.float(s.Decay), beta1: C.float(s.Beta1), beta2: C.float(s.Beta2),
		gain1: C.float(s.Gain1), gain2: C.float(s.Gain2),
		rate: C.float(s.Rate), rootscale: C.float(s.RootScale), epsilon: C.float(s.Epsilon),
	}
}

func adam32(s *AdamStep, w, g, m, v []float32) bool {
	q := s.c()
	return C.paspo_adam(&q, C.ptrdiff_t(len(w)), ptr(w), ptr(g), ptr(m), ptr(v)) != 0
}

func betaTerms32(low, high float64, rows, heads int, logits, logX, log1mX, logWidth, mask, terms []float32, slopes []float64) bool {
	q := C.betashape{min: C.double(low), max: C.double(high)}
	C.paspo_beta_terms(&q, C.ptrdiff_t(rows), C.ptrdiff_t(heads), ptr(logits), ptr(logX), ptr(log1mX), ptr(logWidth),
		ptr(mask), ptr(terms), (*C.double)(unsafe.SliceData(slopes)))
	return true
}

func limitISA(level int) int { return int(C.paspo_limit_isa(C.int(level))) }

var plainLevel = levelNames[0]

func init() {
	if runtime.GOARCH == "arm64" {
		plainLevel = levelNames[len(levelNames)-1]
	}
}
