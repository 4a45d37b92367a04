package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"paspo/internal/rng"
	"paspo/internal/setting"
	"paspo/lp"
)

// Methods of a Sampler.
const (
	Auto      = "auto"
	Rejection = "rejection"
	HitAndRun = "hit-and-run"
	Point     = "point" // the polytope is one point
)

// Config sets how uniform points are drawn.
type Config struct {
	Method        string  `yaml:"method" doc:"auto, rejection or hit-and-run"`
	MinAcceptance float64 `yaml:"min_acceptance" doc:"auto: least acceptance rate of rejection; below it points come from hit-and-run"`
	Chains        int     `yaml:"chains" doc:"hit-and-run: independent chains"`
	MaxRHat       float64 `yaml:"max_rhat" doc:"hit-and-run: largest split R-hat of any coordinate or its square that counts as converged"`
	MinESS        float64 `yaml:"min_ess" doc:"hit-and-run: least effective sample size of any coordinate or its square that counts as converged"`
	MaxSweeps     int     `yaml:"max_sweeps" doc:"hit-and-run: sweeps, each of a step a dimension, that a chain may take to converge"`
	Workers       int     `yaml:"workers" doc:"goroutines; 0 for one a core. Points do not depend on it"`
	Seed          uint64  `yaml:"-"` // of the preparation of hit-and-run
}

// DefaultConfig returns the settings in use. 1.01 is the threshold of
// Vehtari et al. (Rank-normalization, folding, and localization, Bayesian
// Analysis 16, 2021), as are 400 effective draws.
func DefaultConfig() Config {
	return Config{
		Method: Auto, MinAcceptance: 0.005, Chains: 8, MaxRHat: 1.01, MinESS: 400, MaxSweeps: 4_000_000,
	}
}

// Validate returns an error that names the first setting that is not allowed.
func (c Config) Validate() error {
	return setting.First(
		setting.Choice("sampler.method", c.Method, Auto, Rejection, HitAndRun),
		setting.Float("sampler.min_acceptance", c.MinAcceptance, setting.Span{Lo: 0, Hi: 1}),
		setting.IntIn("sampler.chains", c.Chains, 2, 1024),
		setting.Float("sampler.max_rhat", c.MaxRHat, setting.Span{Lo: 1, Hi: math.Inf(1), LoOpen: true}),
		setting.Float("sampler.min_ess", c.MinESS, setting.Span{Lo: 1, Hi: math.Inf(1), HiOpen: true}),
		setting.Int("sampler.max_sweeps", c.MaxSweeps, 1),
		setting.Int("sampler.workers", c.Workers, 0),
	)
}

// Report says how points were drawn.
type Report struct {
	Method string
	Dim    int // of the affine hull of the polytope

	// Rejection: the share of the proposals that were accepted, and where these
	// came from.
	Acceptance float64
	Proposals  int
	Proposal   string

	// Hit-and-run: the worst split R-hat and effective sample size over all
	// coordinates and their squared deviations, of the points where these are
	// at least 1000 a chain, else of as many draws made in preparation.
	RHat, ESS float64
	Chains    int
	Thin      int // sweeps between two points of a chain
}

func (r Report) String() string {
	switch r.Method {
	case Rejection:
		return fmt.Sprintf("rejection from %s, %.0f of %d proposals accepted", r.Proposal, r.Acceptance*float64(r.Proposals), r.Proposals)
	case HitAndRun:
		return fmt.Sprintf("hit-and-run in %d dimensions, %d chains, %d sweeps a point, R-hat %.4f, effective sample size %.0f",
			r.Dim, r.Chains, r.Thin, r.RHat, r.ESS)
	}
	return r.Method
}

// Sampler draws points uniformly from a polytope, with respect to the volume of
// its affine hull. It is safe for concurrent use.
//
// Points come by rejection from a simplex around the polytope (Dirichlet(1),
// scaled to the budget) or, where there is no budget, from its bounding box,
// while the share that is accepted is fair; else from hit-and-run (see
// hitAndRun for its check of convergence).
type Sampler struct {
	p    *lp.Polytope // what is computed is of its canonical form
	cfg  Config
	hull *affineHull
	prop *proposal
	run  *hitAndRun
}

// New prepares sampling from p. It is an error if hit-and-run does not
// converge, or if rejection is asked for where it cannot work: where equalities
// beyond the budget, stated or implied, leave the proposals no volume.
func New(p *lp.Polytope, cfg Config) (*Sampler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	stated := p
	p = p.Canonical()
	hull, err := newAffineHull(p)
	if err != nil {
		return nil, err
	}
	s := &Sampler{p: stated, cfg: cfg, hull: hull}
	if hull.dim() == 0 {
		return s, nil
	}
	if cfg.Method != HitAndRun {
		props := proposals(p, hull)
		if len(props) == 0 && cfg.Method == Rejection {
			return nil, fmt.Errorf("uniform: rejection has no proposals for %s: its equalities, stated or implied, leave %d dimensions", p.Describe(), hull.dim())
		}
		least := cfg.MinAcceptance
		if cfg.Method == Rejection {
			least = 0
		}
		s.prop = chooseProposal(p, props, least, rng.New(cfg.Seed, "lp", "sampler", "acceptance"))
		if s.prop != nil {
			return s, nil
		}
	}
	s.run, err = newHitAndRun(p, hull, cfg)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Method returns how points are drawn.
func (s *Sampler) Method() string {
	switch {
	case s.prop != nil:
		return Rejection
	case s.run != nil:
		return HitAndRun
	}
	return Point
}

// Sample returns n points (n x dim, row-major). They are a function of the
// polytope, the settings, n and the source, and each satisfies every constraint
// to a scaled residual of 1e-9.
func (s *Sampler) Sample(n int, source rand.Source) (points []float64, report Report, err error) {
	stream := rng.From(source)
	if n < 0 {
		return nil, report, fmt.Errorf("uniform: %d points were asked for", n)
	}
	dim := s.p.Dim()
	points = make([]float64, n*dim)
	switch s.Method() {
	case Rejection:
		report, err = s.prop.sample(s.p.Canonical(), points, s.cfg.Workers, stream)
	case HitAndRun:
		report, err = s.run.sample(points, stream)
	default:
		report.Method = Point
		for i := range n {
			copy(points[i*dim:], s.hull.center)
		}
	}
	if err != nil {
		return nil, report, err
	}
	report.Dim = s.hull.dim()
	units, _, _ := s.p.Canonical().Units()
	lower, upper := s.p.Bounds()
	for i := range n {
		// Walks round beyond bounds in the last digits. Amounts of an entity that has 0 alone are 0.
		x := points[i*dim : (i+1)*dim]
		for j, d := range units {
			x[j] *= d
		}
		for j := range x {
			x[j] = min(max(x[j], lower[j]), upper[j])
		}
		if r, name := s.p.WorstConstraint(x, nil); !(r <= lp.Feasibility) {
			return nil, report, fmt.Errorf("uniform: a point drawn by %s violates %s by a scaled %g", report.Method, name, r)
		}
	}
	return points, report, nil
}
