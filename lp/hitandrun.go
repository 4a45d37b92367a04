package lp

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/internal/rng"
)

const (
	// pilotDraws are kept of every chain for a check of convergence.
	pilotDraws = 1000
	// refresh is the number of sweeps after which slacks are computed anew, so
	// that rounding does not add up.
	refresh = 64
	// maxRoundings bounds the rounds of rounding; spreadRatio, between the
	// largest and the least standard deviation, ends them.
	maxRoundings = 30
	spreadRatio  = 2
	// restartThins is how many times the thinning a chain runs before its first
	// point, so that calls with different streams are independent.
	restartThins = 20
)

// hitAndRun samples uniformly by hit-and-run (Smith, Operations Research 32,
// 1984): from a point inside, the next is uniform on the chord in a random
// direction. Coordinates are those of the affine hull, scaled by the covariance
// of the samples until this is round (Haraldsdottir et al., CHRR, Bioinformatics
// 33, 2017); a sweep goes once along every axis and once along a direction that
// is uniform on the sphere.
//
// Its check of convergence: several chains start close to different vertices;
// each keeps 1000 draws; and for every coordinate of the point and its squared
// deviation from the mean the split R-hat must be at most MaxRHat and the
// effective sample size at least MinESS (see splitRHat). Until then the chains
// run on with twice the sweeps between draws. Then the sweeps between points
// are chosen so that the effective sample size is about half their number.
type hitAndRun struct {
	cfg    SamplerConfig
	n, d   int
	center []float64 // n
	round  []float64 // n x d: a point is center + round y

	m     int
	col   []float64 // d x m: how fast each axis uses the slack of each row
	inv   []float64 // d x m: 1/col, 0 where col is 0
	slack []float64 // m: at the center

	starts    [][]float64 // y of every chain, converged
	thin      int
	rhat, ess float64
}

func newHitAndRun(p *Polytope, hull *affineHull, cfg SamplerConfig) (*hitAndRun, error) {
	h := &hitAndRun{cfg: cfg, n: p.Dim(), d: hull.dim(), center: hull.center, thin: 1}
	stream := rng.New(cfg.Seed, "lp", "hit-and-run")
	h.round = roundVertices(hull)
	h.setRows(p)
	if err := h.roundSamples(p, stream.Split(0)); err != nil {
		return nil, err
	}
	h.scatter(hull)
	if err := h.converge(p, stream.Split(1)); err != nil {
		return nil, err
	}
	return h, nil
}

// inside says whether y satisfies every row.
func (h *hitAndRun) inside(y []float64) bool {
	w := newWalker(h, y)
	for _, s := range w.slack {
		if !(s > 0) {
			return false
		}
	}
	return true
}

// converge runs the chains until the check passes and sets thin and starts.
func (h *hitAndRun) converge(p *Polytope, stream *rng.Stream) error {
	sweeps := 0
	for round := uint64(0); ; round++ {
		points := make([]float64, h.cfg.Chains*pilotDraws*h.n)
		if _, err := h.runAll(pilotDraws, h.thin, stream.Split(round), points); err != nil {
			return err
		}
		sweeps += pilotDraws * h.thin
		h.rhat, h.ess = convergence(points, h.cfg.Chains, h.n, h.cfg.Workers)
		if h.rhat <= h.cfg.MaxRHat && h.ess >= h.cfg.MinESS {
			break
		}
		if 2*h.thin*pilotDraws > h.cfg.MaxSweeps-sweeps {
			return fmt.Errorf("lp: hit-and-run in %s did not converge within sampler.max_sweeps = %d: R-hat %.4f (at most %g), effective sample size %.0f (at least %g)",
				p.describe(), h.cfg.MaxSweeps, h.rhat, h.cfg.MaxRHat, h.ess, h.cfg.MinESS)
		}
		h.thin *= 2
	}
	half := float64(h.cfg.Chains*pilotDraws) / 2
	h.thin = max(1, int(math.Ceil(float64(h.thin)*half/h.ess)))
	return nil
}

// runAll advances every chain by draws x thin sweeps from its start, which
// becomes its last position. It returns the draws in y, or writes them as
// points, interleaved: draw i of chain c is point i*Chains + c.
func (h *hitAndRun) runAll(draws, thin int, stream *rng.Stream, points []float64) ([][]float64, error) {
	kept := make([][]float64, h.cfg.Chains)
	err := parallel(h.cfg.Chains, h.cfg.Workers, func(c int) error {
		w := newWalker(h, h.starts[c])
		r := rand.New(stream.Split(uint64(c)))
		for i := range draws {
			if err := w.advance(thin, r); err != nil {
				return err
			}
			if points == nil {
				kept[c] = append(kept[c], w.y...)
			} else {
				at := (i*h.cfg.Chains + c) * h.n
				h.point(w.y, points[at:at+h.n])
			}
		}
		h.starts[c] = w.y
		return nil
	})
	return kept, err
}

// point writes center + round y.
func (h *hitAndRun) point(y, x []float64) {
	for i := range x {
		x[i] = h.center[i] + dot(h.round[i*h.d:(i+1)*h.d], y)
	}
}

// sample fills points, which the chains deal out in turn.
func (h *hitAndRun) sample(points []float64, stream *rng.Stream) (SampleReport, error) {
	chains, n := h.cfg.Chains, len(points)/h.n
	err := parallel(min(chains, n), h.cfg.Workers, func(c int) error {
		w := newWalker(h, h.starts[c])
		r := rand.New(stream.Split(uint64(c)))
		if err := w.advance(restartThins*h.thin, r); err != nil {
			return err
		}
		for i := c; i < n; i += chains {
			if err := w.advance(h.thin, r); err != nil {
				return err
			}
			h.point(w.y, points[i*h.n:(i+1)*h.n])
		}
		return nil
	})
	report := SampleReport{Method: SampleHitAndRun, RHat: h.rhat, ESS: h.ess, Chains: chains, Thin: h.thin}
	if err != nil || n/chains < pilotDraws {
		return report, err
	}
	whole := n / chains * chains * h.n
	report.RHat, report.ESS = convergence(points[:whole], chains, h.n, h.cfg.Workers)
	if !(report.RHat <= h.cfg.MaxRHat && report.ESS >= h.cfg.MinESS) {
		return report, fmt.Errorf("lp: %d points of hit-and-run fail the check of convergence: R-hat %.4f (at most %g), effective sample size %.0f (at least %g)",
			n, report.RHat, h.cfg.MaxRHat, report.ESS, h.cfg.MinESS)
	}
	return report, nil
}
