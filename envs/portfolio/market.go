package portfolio

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/internal/finite"
)

// market is a hidden Markov model of the returns of m assets: a state s
// follows a Markov chain, and each month's returns are N(mean_s, cov_s) with a
// full covariance (Rabiner, A Tutorial on Hidden Markov
// Models, 1989). It is immutable and safe for concurrent use.
type market struct {
	assets     []string
	start      []float64   // k
	transition [][]float64 // k x k
	means      [][]float64 // k x m
	chol       [][]float64 // k lower factors, m x m row-major
	logDet     []float64   // k: sum of ln L_ii
}

// marketNames are the names that errors give to the parameters of a model.
type marketNames struct{ start, transition, means, covariances string }

// plainNames are those of the built-in model.
var plainNames = marketNames{"start", "transition", "means", "covariances"}

// newMarket returns the model of the named assets with k states: start (k) and
// transition (k x k) are probabilities, means is k x m and covariances k x m x m.
// An error names what is wrong; a covariance has to be symmetric and positive
// definite.
func newMarket(name marketNames, assets []string, start []float64, transition, means [][]float64, covariances [][][]float64) (*market, error) {
	k, m := len(start), len(assets)
	if k == 0 || m == 0 {
		return nil, fmt.Errorf("%d hidden states and %d assets: at least one of each is needed", k, m)
	}
	if err := probabilities(name.start, start); err != nil {
		return nil, err
	}
	if len(transition) != k || len(means) != k || len(covariances) != k {
		return nil, fmt.Errorf("%s has %d states, but %s has %d, %s %d and %s %d", name.start, k,
			name.transition, len(transition), name.means, len(means), name.covariances, len(covariances))
	}
	mk := &market{assets: assets, start: start, transition: transition, means: means}
	for s := range k {
		row := fmt.Sprintf("%s[%d]", name.transition, s)
		if len(transition[s]) != k {
			return nil, fmt.Errorf("%s has %d entries, not %d", row, len(transition[s]), k)
		}
		if err := probabilities(row, transition[s]); err != nil {
			return nil, err
		}
		if len(means[s]) != m {
			return nil, fmt.Errorf("%s[%d] has %d entries, not one for each of %d assets", name.means, s, len(means[s]), m)
		}
		for i, x := range means[s] {
			if !finite.Is(x) {
				return nil, fmt.Errorf("%s[%d][%d] is %g: it has to be finite", name.means, s, i, x)
			}
		}
		l, err := cholesky(fmt.Sprintf("%s[%d]", name.covariances, s), covariances[s], m)
		if err != nil {
			return nil, err
		}
		logDet := 0.0
		for i := range m {
			logDet += math.Log(l[i*m+i])
		}
		mk.chol = append(mk.chol, l)
		mk.logDet = append(mk.logDet, logDet)
	}
	return mk, nil
}

// states returns the number of hidden states.
func (m *market) states() int { return len(m.start) }

// expected returns the expected returns of the month t months after the one an
// episode starts with: the mean under start' transition^t.
func (m *market) expected(t int) []float64 {
	p, next := append([]float64(nil), m.start...), make([]float64, m.states())
	for range t {
		m.propagate(next, p)
		p, next = next, p
	}
	dst := make([]float64, len(m.assets))
	m.mix(dst, p)
	return dst
}

// propagate sets dst' = p' transition.
func (m *market) propagate(dst, p []float64) {
	clear(dst)
	for s, ps := range p {
		for t, q := range m.transition[s] {
			dst[t] += ps * q
		}
	}
}

// mix sets dst to the mean of the returns under the state probabilities p.
func (m *market) mix(dst, p []float64) {
	clear(dst)
	for s, ps := range p {
		for i, mu := range m.means[s] {
			dst[i] += ps * mu
		}
	}
}

// sample draws the returns of a month in state s. scratch has one element an
// asset.
func (m *market) sample(rng *rand.Rand, s int, dst, scratch []float64) {
	n := len(m.assets)
	for i := range scratch {
		scratch[i] = rng.NormFloat64()
	}
	l := m.chol[s]
	for i := range dst {
		x := m.means[s][i]
		for j := range i + 1 {
			x += l[i*n+j] * scratch[j]
		}
		dst[i] = x
	}
}

// logDensity returns ln N(r; mean_s, cov_s) up to a constant that is the same
// for every state. scratch has one element an asset.
func (m *market) logDensity(s int, r, scratch []float64) float64 {
	n := len(m.assets)
	l, mu := m.chol[s], m.means[s]
	var q float64
	for i := range n {
		x := r[i] - mu[i]
		for j := range i {
			x -= l[i*n+j] * scratch[j]
		}
		x /= l[i*n+i]
		scratch[i] = x
		q += x * x
	}
	return -q/2 - m.logDet[s]
}

// draw returns an index with the given probabilities.
func draw(rng *rand.Rand, p []float64) int {
	u := rng.Float64()
	for i, pi := range p {
		if u < pi {
			return i
		}
		u -= pi
	}
	// The probabilities sum to a little less than 1.
	for i := len(p) - 1; i > 0; i-- {
		if p[i] > 0 {
			return i
		}
	}
	return 0
}

// cholesky returns the lower factor L of c = L L', row-major (Golub and Van
// Loan, Matrix Computations, 4th edition, section 4.2).
func cholesky(name string, c [][]float64, m int) ([]float64, error) {
	if len(c) != m {
		return nil, fmt.Errorf("%s has %d rows, not one for each of %d assets", name, len(c), m)
	}
	for i, row := range c {
		if len(row) != m {
			return nil, fmt.Errorf("%s[%d] has %d entries, not %d", name, i, len(row), m)
		}
		for j, x := range row {
			if !finite.Is(x) {
				return nil, fmt.Errorf("%s[%d][%d] is %g: it has to be finite", name, i, j, x)
			}
		}
	}
	l := make([]float64, m*m)
	for i := range m {
		for j := range i + 1 {
			if d := math.Abs(c[i][j] - c[j][i]); d > 1e-9*math.Sqrt(math.Abs(c[i][i]*c[j][j])) {
				return nil, fmt.Errorf("%s is not symmetric: [%d][%d] is %g and [%d][%d] is %g", name, i, j, c[i][j], j, i, c[j][i])
			}
			x := c[i][j]
			for k := range j {
				x -= l[i*m+k] * l[j*m+k]
			}
			if i != j {
				l[i*m+j] = x / l[j*m+j]
				continue
			}
			if !(x > 1e-12*c[i][i]) {
				return nil, fmt.Errorf("%s is not positive definite (leading minor %d)", name, i+1)
			}
			l[i*m+i] = math.Sqrt(x)
		}
	}
	return l, nil
}

func probabilities(name string, p []float64) error {
	var sum float64
	for i, x := range p {
		if !(x >= 0 && x <= 1+1e-9) {
			return fmt.Errorf("%s[%d] is %g: a probability is in 0..1", name, i, x)
		}
		sum += x
	}
	if math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("%s sums to %g, not 1", name, sum)
	}
	return nil
}
