package basis

import "math"

// Program is what the programs share. Variables are numbered: the columns of A,
// then the slack of every row.
type Program struct {
	M, N int
	A    []float64 // M x N, row-major
	C    []float64 // N

	// Columns is A column by column, nil where it is not kept.
	Columns []float64

	// Equality says that the slack of a row is 0.
	Equality []bool // M

	// Size bounds the terms that make up the value of each variable: for a slack,
	// those of its row. Errors are measured by it.
	Size []float64 // N + M

	// Up are the upper bounds of the columns, and Tol the tolerances of all variables,
	// that hold where Query.Own says so.
	Up  []float64 // N
	Tol []float64 // N + M
}

// Query is one program of a family.
type Query struct {
	R  []float64 // M
	Up []float64 // N + M, +Inf where absent

	// Tol is the largest violation of the bounds of each variable, and of rows by
	// that of their slacks.
	Tol []float64 // N + M

	// Own says that the bounds of the columns and all tolerances are those of the
	// Program.
	Own bool

	// Growth is at least 1 and bounds how much larger than Size the terms of
	// this query are.
	Growth float64

	scratch []float64
}

// Slack is the part of the sizes that a search may violate bounds and rows by.
const Slack = 1e-14

// State says where a variable is.
type State byte

const (
	Lower State = iota
	Upper
	Basic
)

// unit bounds the relative error of an operation.
const unit = 0x1p-53

func abs(x float64) float64 { return math.Abs(x) }
