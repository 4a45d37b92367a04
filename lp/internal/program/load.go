package program

import (
	"fmt"
	"math"

	"github.com/lanl/clp"
)

// clpMost bounds the size of the numbers that CLP is given. Some orders of magnitude
// above, assertions of CLP fail, which end the process.
const clpMost = 1e15

// notLoaded is the status of a program that CLP was not given.
const notLoaded clp.SimplexStatus = -100

// ErrTooLarge says that a program has numbers that CLP cannot be given.
var ErrTooLarge = fmt.Errorf("lp: a linear program takes numbers of up to %g alone, once they are scaled: choose other units", clpMost)

// Matrix is a matrix for CLP that knows whether CLP can be given it.
type Matrix struct {
	*clp.PackedMatrix
	bad bool
}

// NewMatrix returns a matrix without columns.
func NewMatrix() *Matrix { return &Matrix{PackedMatrix: clp.NewPackedMatrix()} }

// AppendColumn appends the column, of zeros where CLP cannot be given it.
func (m *Matrix) AppendColumn(col []clp.Nonzero) {
	for _, v := range col {
		if !(math.Abs(v.Value) <= clpMost) {
			m.bad = true
			col = nil
			break
		}
	}
	m.PackedMatrix.AppendColumn(col)
}

// Loadable reports whether CLP can be given a program. What it cannot be given is
// not solved: callers turn to rational arithmetic or return an error. A limit that is
// too large is none from its own side: what is found without it is checked against it.
func Loadable(m *Matrix, cols, rows []clp.Bounds, costs []float64) bool {
	for _, bounds := range [...][]clp.Bounds{cols, rows} {
		for k := range bounds {
			b := &bounds[k]
			if !(b.Lower <= clpMost && b.Upper >= -clpMost) {
				return false
			}
			if b.Lower < -clpMost {
				b.Lower = math.Inf(-1)
			}
			if b.Upper > clpMost {
				b.Upper = math.Inf(1)
			}
		}
	}
	for _, v := range costs {
		if !(math.Abs(v) <= clpMost) {
			return false
		}
	}
	return !m.bad
}
