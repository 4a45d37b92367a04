package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/parallel"
)

const (
	// pilotDraws is the number of draws of every chain in a check of convergence.
	pilotDraws = 1000
	// refresh is the number of sweeps after which slacks are computed anew, so
	// that rounding does not add up.
	refresh = 64
	// Directions are the edges of up to maxVertices vertices. There are fewer vertices where
	// their edges are more than maxEdges, but minVertices at least.
	minVertices, maxVertices, maxEdges = 4, 32, 3200
	// restartThins is how many times the thinning a chain runs before its first
	// point, so that calls with different streams are independent.
	restartThins = 20
)

// hitAndRun samples uniformly by hit-and-run (Smith, Operations Research 32,
// 1984): from a point inside, the next is uniform on the chord in a random
// direction. Any distribution of directions that span will do (Bélisle, Romeijn
// and Smith, Mathematics of Operations Research 18, 1993). Here they are those of
// edges: a sweep goes once along every edge of a vertex, which is drawn from up to
// 32 (see choose). Such a step changes few slacks, which makes it cheap and its
// chord long: on the simplex it is an exchange between two entities. A linear map
// of the polytope maps its edges, too, so that no shape is too thin. A hull without
// facets has no edges at hand: see hullWalker.
//
// Its check of convergence: several chains start close to different vertices;
// each keeps 1000 draws; and for every coordinate of the point and its squared
// deviation from the mean the split R-hat must be at most MaxRHat and the
// effective sample size at least MinESS (see splitRHat). Until then the chains
// run on with twice the sweeps between draws. Then the sweeps between points
// are chosen so that the effective sample size is about half their number.
type hitAndRun struct {
	cfg   Config
	n     int
	hull  *affineHull
	rows  movingRows
	bases [][]direction // each spans the hull

	terms *lp.Polytope // whose rows have terms, nil where they have none

	points *hull.Body // that takes the place of rows and bases; nil where there are these

	starts    [][]float64 // points of every chain, converged
	thin      int
	rhat, ess float64
}

func newHitAndRun(p *lp.Polytope, flat *affineHull, cfg Config) (*hitAndRun, error) {
	h := &hitAndRun{cfg: cfg, n: p.Dim(), hull: flat, thin: 1}
	if p.HasTerms() {
		h.terms = p
	}
	stream := rng.New(cfg.Seed, "lp", "hit-and-run")
	if h.points = p.Hull(); h.points == nil {
		axes := flat.axes()
		h.rows = newMovingRows(p, flat.center, axes)
		h.choose(axes, newRand(stream.Split(0)))
	}
	h.scatter()
	if err := h.converge(p, stream.Split(1)); err != nil {
		return nil, err
	}
	return h, nil
}

// mover is the state of one chain.
type mover interface {
	advance(sweeps int) error

	// at writes where the chain is.
	at(x []float64)
}

func (h *hitAndRun) mover(start []float64, r *rand.Rand) mover {
	if h.points != nil {
		return newHullWalker(h.points, start, r)
	}
	return newWalker(h, start, r)
}

// newRand returns a generator that is faster than the stream that seeds it.
func newRand(s *rng.Stream) *rand.Rand { return rand.New(rand.NewPCG(s.Uint64(), s.Uint64())) }

// choose takes the edges of some vertices for bases. Where these change most rows
// anyway, as on a body of many facets, every other sweep goes along the axes, which
// mix better there; they serve alone should there be no edges.
func (h *hitAndRun) choose(axes *mat.Dense, r *rand.Rand) {
	d := h.hull.dim()
	most := min(maxVertices, max(minVertices, maxEdges/d), len(h.hull.vertices))
	var points [][]float64
	for _, i := range r.Perm(len(h.hull.vertices))[:most] {
		points = append(points, h.hull.vertices[i])
	}
	h.bases = edgeBases(h.rows, points, axes, r)
	changed := 0
	for _, basis := range h.bases {
		for _, e := range basis {
			changed += len(e.rows)
		}
	}
	if 2*changed < len(h.bases)*d*h.rows.Len() {
		return
	}
	basis := make([]direction, d)
	for j := range basis {
		basis[j] = newDirection(h.rows, mat.Col(nil, j, axes))
	}
	for range max(1, len(h.bases)) {
		h.bases = append(h.bases, basis)
	}
}

// scatter starts the chains close to different vertices: R-hat sees only what
// its chains' starts disagree about.
func (h *hitAndRun) scatter() {
	for c := range h.cfg.Chains {
		v := h.hull.vertices[c*len(h.hull.vertices)/h.cfg.Chains]
		start := make([]float64, h.n)
		for j, x := range h.hull.center {
			start[j] = 0.9*v[j] + 0.1*x
		}
		h.hull.project(start)
		if h.points == nil && !h.rows.inside(start) || h.terms != nil && h.terms.Residual(start, nil) > termRounding {
			start = slices.Clone(h.hull.center) // too thin to place
		}
		h.starts = append(h.starts, start)
	}
}

// converge runs the chains until the check passes and sets thin and starts.
func (h *hitAndRun) converge(p *lp.Polytope, stream *rng.Stream) error {
	sweeps := 0
	for round := uint64(0); ; round++ {
		points := make([]float64, h.cfg.Chains*pilotDraws*h.n)
		if err := h.pilot(stream.Split(round), points); err != nil {
			return err
		}
		sweeps += pilotDraws * h.thin
		h.rhat, h.ess = convergence(points, h.cfg.Chains, h.n, h.cfg.Workers)
		if h.rhat <= h.cfg.MaxRHat && h.ess >= h.cfg.MinESS {
			break
		}
		if 2*h.thin*pilotDraws > h.cfg.MaxSweeps-sweeps {
			return fmt.Errorf("uniform: hit-and-run in %s did not converge within sampler.max_sweeps = %d: R-hat %.4f (at most %g), effective sample size %.0f (at least %g)",
				p.Describe(), h.cfg.MaxSweeps, h.rhat, h.cfg.MaxRHat, h.ess, h.cfg.MinESS)
		}
		h.thin *= 2
	}
	half := float64(h.cfg.Chains*pilotDraws) / 2
	h.thin = max(1, int(math.Ceil(float64(h.thin)*half/h.ess)))
	return nil
}

// pilot advances every chain by pilotDraws draws and writes these, draw i of chain
// c as point i*Chains + c. The last is where the chain goes on.
func (h *hitAndRun) pilot(stream *rng.Stream, points []float64) error {
	return parallel.Do(h.cfg.Chains, h.cfg.Workers, func(c int) error {
		w := h.mover(h.starts[c], newRand(stream.Split(uint64(c))))
		for i := range pilotDraws {
			if err := w.advance(h.thin); err != nil {
				return err
			}
			at := (i*h.cfg.Chains + c) * h.n
			w.at(points[at : at+h.n])
		}
		w.at(h.starts[c])
		return nil
	})
}

// sample fills points, which the chains deal out in turn.
func (h *hitAndRun) sample(points []float64, stream *rng.Stream) (Report, error) {
	chains, n := h.cfg.Chains, len(points)/h.n
	err := parallel.Do(min(chains, n), h.cfg.Workers, func(c int) error {
		w := h.mover(h.starts[c], newRand(stream.Split(uint64(c))))
		if err := w.advance(restartThins * h.thin); err != nil {
			return err
		}
		for i := c; i < n; i += chains {
			if err := w.advance(h.thin); err != nil {
				return err
			}
			w.at(points[i*h.n : (i+1)*h.n])
		}
		return nil
	})
	report := Report{Method: HitAndRun, RHat: h.rhat, ESS: h.ess, Chains: chains, Thin: h.thin}
	if err != nil || n/chains < pilotDraws {
		return report, err
	}
	whole := n / chains * chains * h.n
	report.RHat, report.ESS = convergence(points[:whole], chains, h.n, h.cfg.Workers)
	if !(report.RHat <= h.cfg.MaxRHat && report.ESS >= h.cfg.MinESS) {
		return report, fmt.Errorf("uniform: %d points of hit-and-run fail the check of convergence: R-hat %.4f (at most %g), effective sample size %.0f (at least %g)",
			n, report.RHat, h.cfg.MaxRHat, report.ESS, h.cfg.MinESS)
	}
	return report, nil
}
