package marketmodel

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/finite"
	"paspo/internal/rng"
)

// MostStates is the largest number of hidden states.
const MostStates = 4

const (
	restarts   = 10
	tried      = 30    // iterations of EM of every restart
	climbed    = 1000  // of the best of them, at most
	enough     = 1e-10 // gain of logarithmic likelihood a period at which EM ends
	floor      = 0.01  // smallest variance of a state in any direction, as a share of that of all periods
	unitRow    = 1e-9  // what probabilities may miss in their sum to 1
	symmetrics = 1e-9  // what a covariance may miss in symmetry, as a share of deviations
)

// Hidden has the parameters of a hidden Markov model of logarithmic returns: a Markov chain of
// K states that are not seen, in each of which the returns of a period are Gaussian.
type Hidden struct {
	Initial     []float64     // K probabilities of the states in the first period
	Transition  [][]float64   // K x K probabilities, from the state of the row
	Means       [][]float64   // K x assets
	Covariances [][][]float64 // K x assets x assets
}

// check returns an error that names the field, its value and what is allowed.
func (h *Hidden) check(assets int) error {
	k := len(h.Initial)
	if k < 1 || k > MostStates {
		return fmt.Errorf("hidden.initial has %d probabilities: 1 to %d are allowed, one a state", k, MostStates)
	}
	if len(h.Transition) != k || len(h.Means) != k || len(h.Covariances) != k {
		return fmt.Errorf("hidden has %d states, %d rows of transition, %d means and %d covariances: as many of each are needed",
			k, len(h.Transition), len(h.Means), len(h.Covariances))
	}
	for s, row := range append([][]float64{h.Initial}, h.Transition...) {
		name := "hidden.initial"
		if s > 0 {
			name = fmt.Sprintf("hidden.transition[%d]", s-1)
		}
		sum := 0.
		for i, x := range row {
			if !(x >= 0 && x <= 1) {
				return fmt.Errorf("%s[%d] is %g: a probability from 0 to 1 is allowed", name, i, x)
			}
			sum += x
		}
		if len(row) != k || math.Abs(sum-1) > unitRow {
			return fmt.Errorf("%s has %d numbers that add up to %g: %d that add up to 1 are allowed", name, len(row), sum, k)
		}
	}
	for s := range k {
		if len(h.Means[s]) != assets || len(h.Covariances[s]) != assets {
			return fmt.Errorf("hidden.means[%d] has %d numbers and hidden.covariances[%d] %d rows, the assets are %d", s, len(h.Means[s]), s, len(h.Covariances[s]), assets)
		}
		for i, x := range h.Means[s] {
			if !finite.Is(x) {
				return fmt.Errorf("hidden.means[%d][%d] is %g: a finite number is allowed", s, i, x)
			}
		}
		for i, row := range h.Covariances[s] {
			if len(row) != assets {
				return fmt.Errorf("hidden.covariances[%d][%d] has %d numbers, the assets are %d", s, i, len(row), assets)
			}
			if !(row[i] > 0) || !finite.Is(row[i]) {
				return fmt.Errorf("hidden.covariances[%d][%d][%d] is %g: a variance above 0 is allowed", s, i, i, row[i])
			}
		}
		for i, row := range h.Covariances[s] {
			for j := range i {
				other := h.Covariances[s][j]
				if !(math.Abs(row[j]-other[i]) <= symmetrics*math.Sqrt(row[i]*other[j])) {
					return fmt.Errorf("hidden.covariances[%d][%d][%d] is %g and [%d][%d] %g: a symmetric matrix is allowed", s, i, j, row[j], j, i, other[i])
				}
			}
		}
	}
	return nil
}

// chain is what computations with a hidden Markov model take.
type chain struct {
	initial    []float64
	transition [][]float64
	means      [][]float64
	chols      [][][]float64 // lower, of the covariances
}

// newChain returns that of parameters that have been checked.
func newChain(h *Hidden) (*chain, error) {
	c := &chain{initial: h.Initial, transition: h.Transition, means: h.Means}
	for s, cov := range h.Covariances {
		l, at := cholesky(cov)
		if at >= 0 {
			return nil, fmt.Errorf("hidden.covariances[%d] is not positive definite, its row %d follows from those before it: a covariance is allowed", s, at)
		}
		c.chols = append(c.chols, l)
	}
	return c, nil
}

// smooth returns the logarithm of the likelihood of a path, the probabilities of the states in
// every period given all of it, and the expected numbers of transitions. It is the forward
// and backward recursion, scaled in every period (Rabiner, Proc. IEEE 77, 1989, section V.A).
func (c *chain) smooth(xs [][]float64) (likelihood float64, states, moves [][]float64) {
	k, n := len(c.initial), len(c.means[0])
	density, ahead := rows(len(xs), k), rows(len(xs), k)
	scale := make([]float64, len(xs))
	constant := make([]float64, k)
	for s, l := range c.chols {
		constant[s] = -float64(n) / 2 * math.Log(2*math.Pi)
		for i := range l {
			constant[s] -= math.Log(l[i][i])
		}
	}
	y := make([]float64, n)
	for t, x := range xs {
		top := math.Inf(-1)
		for s := range k {
			squares := 0.
			for i, row := range c.chols[s] {
				d := x[i] - c.means[s][i]
				for j := range i {
					d -= row[j] * y[j]
				}
				y[i] = d / row[i]
				squares += y[i] * y[i]
			}
			density[t][s] = constant[s] - squares/2
			top = max(top, density[t][s])
		}
		sum := 0.
		for s := range k {
			density[t][s] = math.Exp(density[t][s] - top)
			p := c.initial[s]
			if t > 0 {
				p = 0
				for from, q := range ahead[t-1] {
					p += q * c.transition[from][s]
				}
			}
			ahead[t][s] = p * density[t][s]
			sum += ahead[t][s]
		}
		if !(sum > 0) { // nothing but a state that cannot be reached has a density here
			return math.Inf(-1), nil, nil
		}
		for s := range k {
			ahead[t][s] /= sum
		}
		scale[t] = sum
		likelihood += math.Log(sum) + top
	}
	states, moves = ahead, rows(k, k)
	back, next := make([]float64, k), make([]float64, k)
	for s := range back {
		back[s] = 1
	}
	for t := len(xs) - 2; t >= 0; t-- {
		for s := range k {
			next[s] = density[t+1][s] * back[s] / scale[t+1]
		}
		for from := range k {
			back[from] = 0
			for s := range k {
				p := c.transition[from][s] * next[s]
				moves[from][s] += ahead[t][from] * p
				back[from] += p
			}
			states[t][from] *= back[from]
		}
	}
	return likelihood, states, moves
}

func rows(n, m int) [][]float64 {
	flat, all := make([]float64, n*m), make([][]float64, n)
	for i := range all {
		all[i] = flat[i*m : (i+1)*m : (i+1)*m]
	}
	return all
}

// update sets the parameters to those with the largest expected likelihood given
// probabilities of the states, the M step. xs are in coordinates in which the covariance of
// all is 1. Variances below floor are raised to it in the eigenvectors of a state's covariance:
// that is the largest likelihood under this bound, so that EM never falls. A state that no
// period is in stays as it is.
func (c *chain) update(xs, states, moves [][]float64) {
	n := len(xs[0])
	c.initial = slices.Clone(states[0])
	all := 0. // 1 but for rounding
	for _, p := range c.initial {
		all += p
	}
	for s := range c.initial {
		c.initial[s] /= all
		sum, weight := 0., 0.
		for _, x := range moves[s] {
			sum += x
		}
		if sum > 1e-12 {
			for to, x := range moves[s] {
				c.transition[s][to] = x / sum
			}
		}
		for _, p := range states {
			weight += p[s]
		}
		if !(weight > 1e-8) {
			continue
		}
		mean := make([]float64, n)
		for t, x := range xs {
			for i := range mean {
				mean[i] += states[t][s] / weight * x[i]
			}
		}
		cov := mat.NewSymDense(n, nil)
		raw := cov.RawSymmetric()
		for t, x := range xs {
			p := states[t][s] / weight
			for i := range mean {
				d := p * (x[i] - mean[i])
				for j := i; j < n; j++ {
					raw.Data[i*raw.Stride+j] += d * (x[j] - mean[j])
				}
			}
		}
		if l := bounded(cov); l != nil {
			c.means[s], c.chols[s] = mean, l
		}
	}
}

// bounded returns the Cholesky factor of a covariance whose eigenvalues are raised to floor.
func bounded(cov *mat.SymDense) [][]float64 {
	n := cov.SymmetricDim()
	var eigen mat.EigenSym
	if !eigen.Factorize(cov, true) {
		return nil
	}
	values := eigen.Values(nil)
	full := rows(n, n)
	if values[0] < floor {
		var v mat.Dense
		eigen.VectorsTo(&v)
		for e, x := range values {
			x = max(x, floor)
			for i := range n {
				for j := range i + 1 {
					full[i][j] += x * v.At(i, e) * v.At(j, e)
				}
			}
		}
	} else {
		for i := range n {
			for j := range i + 1 {
				full[i][j] = cov.At(i, j)
			}
		}
	}
	l, at := cholesky(full)
	if at >= 0 {
		return nil
	}
	return l
}

// climb makes iterations of EM (Baum, Petrie, Soules and Weiss, Ann. Math. Statist. 41, 1970)
// until one gains too little, and returns the last likelihood. watch is told of all; it may
// be nil.
func (c *chain) climb(xs [][]float64, most int, watch func(likelihood float64)) float64 {
	last := math.Inf(-1)
	for range most {
		likelihood, states, moves := c.smooth(xs)
		if watch != nil {
			watch(likelihood)
		}
		if !(likelihood-last > enough*float64(len(xs))) {
			return likelihood
		}
		last = likelihood
		c.update(xs, states, moves)
	}
	likelihood, _, _ := c.smooth(xs)
	return likelihood
}

// begin draws parameters to begin with. Periods are ranked by a random direction of their
// returns and by how large these are, in the mean over some neighbours, and cut into as many
// parts as there are states: these tell states apart by their means, their variances or both.
func begin(r *rand.Rand, xs [][]float64, k int) *chain {
	n := len(xs[0])
	direction, size, width := make([]float64, n), r.NormFloat64(), r.IntN(6)
	for i := range direction {
		direction[i] = r.NormFloat64() / math.Sqrt(float64(n))
	}
	score := make([]float64, len(xs))
	for t, x := range xs {
		own := 0.
		for i, v := range x {
			own += direction[i]*v + size*(v*v-1)/math.Sqrt(2*float64(n))
		}
		for u := max(0, t-width); u <= min(len(xs)-1, t+width); u++ {
			score[u] += own
		}
	}
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(score[i], score[j]) })
	states, moves := rows(len(xs), k), rows(k, k)
	for rank, t := range order {
		states[t][rank*k/len(xs)] = 1
	}
	for from := range moves {
		for to := range moves[from] {
			moves[from][to] = 1 // all can be reached
		}
	}
	for t := 1; t < len(xs); t++ {
		moves[slices.Index(states[t-1], 1)][slices.Index(states[t], 1)]++
	}
	c := &chain{transition: rows(k, k), means: rows(k, n), chols: make([][][]float64, k)}
	unit := rows(n, n)
	for i := range unit {
		unit[i][i] = 1
	}
	for s := range c.chols {
		c.chols[s] = unit
	}
	c.update(xs, states, moves)
	for s := range c.initial {
		c.initial[s] = 1 / float64(k)
	}
	return c
}

// estimate returns the parameters with the largest likelihood that restarts of EM find for k
// states. xs are logarithmic returns with a mean and the Cholesky factor of their covariance.
// Every restart makes a few iterations, and the best of them goes on (Biernacki, Celeux and
// Govaert, Comput. Statist. Data Anal. 41, 2003). States are ordered by their variances. The
// same returns always give the same parameters.
func estimate(xs [][]float64, mean []float64, l [][]float64, k int) *chain {
	n := len(mean)
	unit := rows(len(xs), n)
	for t, x := range xs {
		for i, row := range l {
			d := x[i] - mean[i]
			for j := range i {
				d -= row[j] * unit[t][j]
			}
			unit[t][i] = d / row[i]
		}
	}
	root := rng.New(1, "market", HiddenMarkov).Split(uint64(k))
	var best *chain
	reached := math.Inf(-1)
	for restart := range restarts {
		c := begin(rand.New(root.Split(uint64(restart))), unit, k)
		if x := c.climb(unit, tried, nil); best == nil || x > reached {
			best, reached = c, x
		}
		if k == 1 {
			break
		}
	}
	best.climb(unit, climbed, nil)

	size := make([]float64, k)
	order := make([]int, k)
	for s, own := range best.chols {
		order[s] = s
		for _, row := range own {
			for _, x := range row {
				size[s] += x * x
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size[a], size[b]) })
	c := &chain{initial: make([]float64, k), transition: rows(k, k), means: rows(k, n)}
	for s, old := range order {
		c.initial[s] = best.initial[old]
		for to, other := range order {
			c.transition[s][to] = best.transition[old][other]
		}
		chol := make([][]float64, n)
		for i, row := range l {
			c.means[s][i] = mean[i]
			chol[i] = make([]float64, i+1)
			for j, x := range row {
				c.means[s][i] += x * best.means[old][j]
				for m := range j + 1 {
					chol[i][m] += x * best.chols[old][j][m]
				}
			}
		}
		c.chols = append(c.chols, chol)
	}
	return c
}

// parameters returns those of the chain.
func (c *chain) parameters() *Hidden {
	h := &Hidden{Initial: c.initial, Transition: c.transition, Means: c.means}
	for _, l := range c.chols {
		cov := rows(len(l), len(l))
		for i := range l {
			for j := range i + 1 {
				s := 0.
				for m, x := range l[j] {
					s += x * l[i][m]
				}
				cov[i][j], cov[j][i] = s, s
			}
		}
		h.Covariances = append(h.Covariances, cov)
	}
	return h
}

// free returns how many parameters a hidden Markov model has.
func free(k, n int) int { return k*k - 1 + k*n + k*n*(n+1)/2 }

// bic returns the Bayesian information criterion (Schwarz, Ann. Statist. 6, 1978): -2 of the
// logarithmic likelihood, and the logarithm of the number of periods for every parameter.
func bic(likelihood float64, k, n, periods int) float64 {
	return -2*likelihood + float64(free(k, n))*math.Log(float64(periods))
}

// hide makes the model a hidden Markov model: with parameters that are given, or estimated for
// a number of states, 0 for the one with the least BIC.
func (m *Model) hide(given *Hidden, states int) error {
	if given != nil {
		if states != 0 && states != len(given.Initial) {
			return fmt.Errorf("states is %d, and hidden has %d: the same number is allowed", states, len(given.Initial))
		}
		if err := given.check(len(m.assets)); err != nil {
			return err
		}
	}
	xs := m.logarithms()
	if given == nil {
		mean, l, err := m.moments(xs)
		if err != nil {
			return err
		}
		least := math.Inf(1)
		for k := 1; k <= MostStates; k++ {
			if states != 0 && states != k {
				continue
			}
			c := estimate(xs, mean, l, k)
			likelihood, _, _ := c.smooth(xs)
			if x := bic(likelihood, k, len(mean), len(xs)); x < least {
				least, given = x, c.parameters()
			}
		}
		if given == nil {
			return errors.New("no hidden Markov model of these returns has a likelihood")
		}
	}
	m.hidden = given
	var err error
	if m.chain, err = newChain(given); err != nil {
		return err
	}
	_, smoothed, _ := m.chain.smooth(xs)
	if smoothed == nil {
		return errors.New("the returns cannot be those of hidden: their likelihood is 0")
	}
	m.shares = make([]float64, len(given.Initial))
	for _, p := range smoothed {
		for s, x := range p {
			m.shares[s] += x / float64(len(xs))
		}
	}
	return nil
}

// drawHidden draws a path that begins in the state of a period drawn at random.
func (m *Model) drawHidden(r *rand.Rand, dst []float64) {
	n := len(m.assets)
	z := make([]float64, n)
	p := m.shares
	for t := range len(dst) / n {
		s, u := 0, r.Float64()
		for s < len(p)-1 && u >= p[s] {
			u -= p[s]
			s++
		}
		gaussian(r, m.chain.means[s], m.chain.chols[s], z, dst[t*n:])
		p = m.chain.transition[s]
	}
}
