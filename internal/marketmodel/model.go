package marketmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"paspo/internal/finite"
)

// Kinds of models.
const (
	// Bootstrap draws blocks of periods of geometric lengths, the stationary bootstrap of
	// Politis and Romano (J. Amer. Statist. Assoc. 89, 1994).
	Bootstrap = "bootstrap"

	// Replay plays the periods that there were in their order, from a random one on.
	Replay = "replay"

	// Gaussian draws independent logarithmic returns with the mean and the covariance of
	// those that there were.
	Gaussian = "gaussian"

	// HiddenMarkov draws logarithmic returns that are Gaussian in each of a few hidden states
	// of a Markov chain.
	HiddenMarkov = "hidden-markov"
)

// Kinds returns the kinds of models.
func Kinds() []string { return []string{Bootstrap, Replay, Gaussian, HiddenMarkov} }

// Model draws returns. It is immutable and safe for concurrent use.
type Model struct {
	kind    string
	every   string
	block   float64
	assets  []string
	dates   []string
	returns [][]float64 // periods x assets

	// Of the Gaussian, of logarithmic returns.
	mean []float64
	chol [][]float64 // lower

	// Of the hidden Markov model.
	hidden *Hidden
	chain  *chain
	shares []float64 // of the periods that are in each state
}

// Description is what a model is made of, and what a file holds.
type Description struct {
	Kind    string      // one of Kinds
	Every   string      // what a period is, in a word, as month
	Block   float64     // mean length of the blocks of the bootstrap, in periods; 0 for DefaultBlock
	Assets  []string    // names
	Dates   []string    // a period each, its end
	Returns [][]float64 // periods x assets: p_t / p_(t-1) - 1

	// Of the kind HiddenMarkov alone.
	States int     // number of hidden states to estimate, at most MostStates; 0 for the one with the least BIC
	Hidden *Hidden // nil to estimate it from the returns
}

// DefaultBlock returns the mean length of blocks where none is given, the cube root of the
// number of periods: the rate at which the best length grows (Politis and White, Econometric
// Reviews 23, 2004).
func DefaultBlock(periods int) float64 { return max(1, math.Round(math.Cbrt(float64(periods)))) }

// New returns a model. Errors name the field, its value and what is allowed.
func New(d Description) (*Model, error) {
	m := &Model{kind: d.Kind, every: d.Every, block: d.Block, assets: d.Assets, dates: d.Dates, returns: d.Returns}
	if !slices.Contains(Kinds(), d.Kind) {
		return nil, fmt.Errorf("kind is %q: one of %s is allowed", d.Kind, strings.Join(Kinds(), ", "))
	}
	if len(d.Assets) == 0 || len(d.Returns) < 2 {
		return nil, fmt.Errorf("assets are %d and returns %d: at least 1 and 2 are needed", len(d.Assets), len(d.Returns))
	}
	for i, a := range d.Assets {
		if a == "" || slices.Index(d.Assets, a) != i {
			return nil, fmt.Errorf("assets[%d] is %q: names that are distinct and not empty are allowed", i, a)
		}
	}
	if len(d.Dates) != len(d.Returns) {
		return nil, fmt.Errorf("dates are %d, returns are of %d periods: one for each is needed", len(d.Dates), len(d.Returns))
	}
	for t, row := range d.Returns {
		if len(row) != len(d.Assets) {
			return nil, fmt.Errorf("returns[%d] has %d numbers, the assets are %d", t, len(row), len(d.Assets))
		}
		for i, x := range row {
			if !(x > -1) || !finite.Is(x) {
				return nil, fmt.Errorf("returns[%d][%d] is %g: a number above -1 is allowed", t, i, x)
			}
		}
	}
	if d.Block == 0 {
		m.block = DefaultBlock(len(d.Returns))
	} else if !(d.Block >= 1) || !finite.Is(d.Block) {
		return nil, fmt.Errorf("block is %g: 0 or a number of at least 1 is allowed", d.Block)
	}
	if d.Kind != HiddenMarkov && (d.States != 0 || d.Hidden != nil) {
		return nil, fmt.Errorf("kind is %s, which has no hidden states: states of 0 are allowed", d.Kind)
	}
	if d.States < 0 || d.States > MostStates {
		return nil, fmt.Errorf("states is %d: 0 to %d are allowed", d.States, MostStates)
	}
	var err error
	switch d.Kind {
	case Gaussian:
		m.mean, m.chol, err = m.moments(m.logarithms())
	case HiddenMarkov:
		err = m.hide(d.Hidden, d.States)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Kind returns one of Kinds, Assets the names of the assets, Periods the number of periods.
func (m *Model) Kind() string     { return m.kind }
func (m *Model) Assets() []string { return m.assets }
func (m *Model) Periods() int     { return len(m.returns) }
func (m *Model) Every() string    { return m.every }

// Until returns the end of the last period, "" where the model does not say.
func (m *Model) Until() string {
	if len(m.dates) == 0 {
		return ""
	}
	return m.dates[len(m.dates)-1]
}

// Returns returns those of period t, an asset each. The slice must not be modified.
func (m *Model) Returns(t int) []float64 { return m.returns[t] }

// States returns the number of hidden states, 0 of a model that has none.
func (m *Model) States() int { return len(m.shares) }

// Draw fills dst, periods x assets, with the returns of consecutive periods.
func (m *Model) Draw(r *rand.Rand, dst []float64) {
	n := len(m.assets)
	periods := len(dst) / n
	switch m.kind {
	case Bootstrap:
		idx := make([]int, periods)
		Stationary(r, len(m.returns), m.block, idx)
		for t, i := range idx {
			copy(dst[t*n:], m.returns[i])
		}
	case Replay:
		first := r.IntN(len(m.returns) - periods + 1)
		for t := range periods {
			copy(dst[t*n:], m.returns[first+t])
		}
	case HiddenMarkov:
		m.drawHidden(r, dst)
	default:
		z := make([]float64, n)
		for t := range periods {
			gaussian(r, m.mean, m.chol, z, dst[t*n:])
		}
	}
}

// gaussian draws returns whose logarithms are Gaussian. z has space for as many numbers.
func gaussian(r *rand.Rand, mean []float64, chol [][]float64, z, dst []float64) {
	for i := range z {
		z[i] = r.NormFloat64()
	}
	for i, row := range chol {
		x := mean[i]
		for j, l := range row {
			x += l * z[j]
		}
		dst[i] = math.Expm1(x)
	}
}

// CheckLength returns an error where paths of so many periods cannot be drawn.
func (m *Model) CheckLength(periods int) error {
	if m.kind == Replay && periods > len(m.returns) {
		return fmt.Errorf("the model has %d periods, a replay takes %d", len(m.returns), periods)
	}
	return nil
}

// Stationary fills dst with indices below n: blocks that begin anywhere, are of geometric
// lengths with the given mean, and go on at 0 after n-1.
func Stationary(r *rand.Rand, n int, mean float64, dst []int) {
	for t := range dst {
		if t == 0 || r.Float64()*mean < 1 {
			dst[t] = r.IntN(n)
		} else {
			dst[t] = (dst[t-1] + 1) % n
		}
	}
}

// logarithms returns the logarithmic returns.
func (m *Model) logarithms() [][]float64 {
	all := rows(len(m.returns), len(m.assets))
	for t, row := range m.returns {
		for i, x := range row {
			all[t][i] = math.Log1p(x)
		}
	}
	return all
}

// moments returns the mean of logarithmic returns and the Cholesky factor of their covariance.
func (m *Model) moments(xs [][]float64) (mean []float64, chol [][]float64, err error) {
	n, count := len(m.assets), float64(len(xs))
	if len(xs) <= n {
		return nil, nil, fmt.Errorf("kind is %s with %d periods of %d assets: more periods than assets are needed", m.kind, len(xs), n)
	}
	mean = make([]float64, n)
	for _, row := range xs {
		for i, x := range row {
			mean[i] += x / count
		}
	}
	cov := rows(n, n)
	for i := range n {
		for j := range i + 1 {
			for _, row := range xs {
				cov[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]) / count
			}
		}
	}
	chol, at := cholesky(cov)
	if at >= 0 && cov[at][at] == 0 {
		return nil, nil, fmt.Errorf("kind is %s, and the price of %s never moves in its %d periods: assets with prices that move are needed, or the kind %s or %s", m.kind, m.assets[at], len(xs), Bootstrap, Replay)
	}
	if at >= 0 {
		return nil, nil, fmt.Errorf("kind is %s, and the returns of %s follow from those before it: assets that differ are needed", m.kind, m.assets[at])
	}
	return mean, chol, nil
}

// cholesky returns the lower factor of a matrix, of which it reads the lower triangle, or the
// first row that follows from those before it, else -1.
func cholesky(a [][]float64) (l [][]float64, at int) {
	l = make([][]float64, len(a))
	for i := range a {
		l[i] = make([]float64, i+1)
		for j := range i + 1 {
			s := a[i][j]
			for k := range j {
				s -= l[i][k] * l[j][k]
			}
			if i != j {
				l[i][j] = s / l[j][j]
			} else if !(s > 1e-12*a[i][i]) {
				return nil, i
			} else {
				l[i][i] = math.Sqrt(s)
			}
		}
	}
	return l, -1
}
