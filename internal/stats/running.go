package stats

import "math"

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

// Of returns the moments of some numbers.
func Of(xs []float64) (m Running) {
	for _, x := range xs {
		m.Add(x)
	}
	return m
}

// Deviation returns the standard deviation of the numbers themselves, sqrt(M2 / N).
func (m *Running) Deviation() float64 { return math.Sqrt(m.M2 / m.N) }

// StdErr returns the standard error of the mean, sqrt(M2 / (N - 1) / N), NaN for one number.
func (m *Running) StdErr() float64 { return math.Sqrt(m.M2 / (m.N - 1) / m.N) }
