//go:build cgo

package pieces

/*
#cgo CFLAGS: -O3 -g0 -std=c11 -Wno-psabi
#cgo noescape paspo_pieces_wide
#cgo nocallback paspo_pieces_wide
#cgo noescape paspo_pieces_narrow
#cgo nocallback paspo_pieces_narrow
#include "kernels.h"
*/
import "C"

import "unsafe"

const compiled = true

func ptr(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }

func (p *Pieces) shape(b *Batch, col []float64) C.piecesshape {
	s := C.piecesshape{
		rows: C.ptrdiff_t(b.Rows), ld: C.ptrdiff_t(b.Ld), size: C.ptrdiff_t(len(col)), stride: C.ptrdiff_t(p.stride),
		lowers: C.ptrdiff_t(p.lowers), uppers: C.ptrdiff_t(p.uppers),
	}
	if p.floor {
		s.floor = 1
	}
	return s
}

// wideC puts rows into a vector, and needs Ld to be a multiple of lanes.
func (p *Pieces) wideC(b *Batch, col []float64) bool {
	s := p.shape(b, col)
	return C.paspo_pieces_wide(&s, ptr(p.lowerBlocks), ptr(p.upperBlocks), ptr(col), ptr(b.Rho), ptr(b.Z), ptr(b.Base), ptr(b.Lo), ptr(b.Hi)) != 0
}

// narrowC puts affine pieces into a vector, a row after another.
func (p *Pieces) narrowC(b *Batch, col []float64) bool {
	s := p.shape(b, col)
	return C.paspo_pieces_narrow(&s, ptr(p.lowerBlocks), ptr(p.upperBlocks), ptr(col), ptr(b.Rho), ptr(b.Z), ptr(b.Base), ptr(b.Lo), ptr(b.Hi)) != 0
}

// limitISA makes the kernels use at most the given level of instructions (0
// any, 1 AVX2, 2 AVX-512) and returns the level in use. Tests compare them.
func limitISA(level int) int { return int(C.paspo_pieces_limit_isa(C.int(level))) }
