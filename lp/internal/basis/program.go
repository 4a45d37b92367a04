package basis

import "math"

// Program is what all linear programs of a family share. The variables are the columns of
// A, numbered from 0, and then the slacks of the rows, numbered from N.
type Program struct {
	M, N int
	A    []float64 // M x N, row-major
	C    []float64 // N

	// Columns is A stored by columns, which makes single columns faster to read. It may be nil.
	Columns []float64

	// Equality says which rows are equalities: their slack is fixed at 0.
	Equality []bool // M

	// Size bounds the terms that the value of each variable is computed from, which for a
	// slack are the terms of its row. Errors are measured relative to it.
	Size []float64 // N + M

	// Up has the program's own upper bounds of the columns, and Tol its own tolerances of
	// all variables. A query with Own has the same.
	Up  []float64 // N
	Tol []float64 // N + M
}

// Query is one program of a family.
type Query struct {
	R  []float64 // M
	Up []float64 // N + M, +Inf where absent

	// Tol is by how much each variable may violate its bounds. The entry of a slack is also
	// by how much its row may miss R.
	Tol []float64 // N + M

	// Own says that the upper bounds of the columns and all tolerances equal the Program's
	// own, for which Duals have some sums ready.
	Own bool

	// Growth is at least 1. The terms of this query are at most Growth times Size.
	Growth float64

	scratch []float64
}

// Slack is by how much a search may violate bounds and rows, relative to Size.
const Slack = 1e-14

// State says whether a variable is basic, or else at which of its bounds it is.
type State byte

const (
	Lower State = iota
	Upper
	Basic
)

// unit bounds the relative rounding error of one operation in float64.
const unit = 0x1p-53

func abs(x float64) float64 { return math.Abs(x) }
