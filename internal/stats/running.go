package stats

// Running is the count, mean and sum of squared deviations of numbers, by Welford's
// recurrence. Its zero value has seen none.
type Running struct{ N, Mean, M2 float64 }

// Add takes one more number.
func (m *Running) Add(x float64) {
	m.N++
	d := x - m.Mean
	m.Mean += d / m.N
	m.M2 += d * (x - m.Mean)
}
