package envs

// Force makes a vector use several goroutines however cheap its steps are.
func Force(v *Vector, workers int) { force(v, workers) }

// Row returns the observation of environment i.
func (v *Vector) Row(i int) []float64 { return v.row(i) }
