package debias

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
	"paspo/policy/dist"
)

// CacheAuto as Config.CacheDir stands for the folder paspo in the user's cache folder.
const CacheAuto = "auto"

// Config sets the fit that makes the initial policy nearly uniform.
type Config struct {
	Enabled bool    `yaml:"enabled" doc:"start from the uniform distribution over the polytope; false starts from random biases"`
	Around  Around  `yaml:"around" doc:"what to start around: uniform for nothing, baseline for the constant allocation that the environment knows, or amounts by entity, {A: 0.3, B: 0.7}"`
	Spread  float64 `yaml:"spread" doc:"how far around it: the deviation of each Beta, as a share of the largest that its mean allows"`
	// On the simplex a concentration c makes the start a Dirichlet(c, .., c) distribution, whose
	// stick-breaking shares are Beta(c, c (n-i)) for i = 1 .. n-1.
	Concentration float64        `yaml:"concentration" doc:"factor on the fitted alpha and beta, at most 1: their means stay, and a smaller one starts nearer to vertices. On the simplex it starts from a symmetric Dirichlet distribution with this concentration"`
	Points        int            `yaml:"points" doc:"uniform points to fit to; 0 for 100000, or 20000 with more than 30 entities or where every interval takes a linear program"`
	CacheDir      string         `yaml:"cache_dir" doc:"folder that keeps fits; auto for the user's cache folder, empty for none"`
	Sampler       uniform.Config `yaml:"sampler" doc:"how uniform points are drawn"`

	// FixedWidth is that of policy.Config: an interval narrower than this share of the
	// total is fixed and takes no part in the fit.
	FixedWidth float64 `yaml:"-"`

	// Center is the allocation that Around.Allocation returns, n amounts, nil for none.
	Center []float64 `yaml:"-"`
}

// DefaultConfig returns the default settings. The 100 000 points are the paper's.
func DefaultConfig() Config {
	return Config{
		Enabled: true, Around: Uniform, Spread: 0.1, Concentration: 1, CacheDir: CacheAuto, Sampler: uniform.DefaultConfig(), FixedWidth: policy.DefaultConfig().FixedWidth,
	}
}

const (
	pointsExplicit = 100_000
	pointsCostly   = 20_000
	minFitPoints   = 1000
	maxFitPoints   = 100_000_000

	// Above manyEntities fewer points are drawn, as each takes long. One Beta for all
	// prefixes is a coarse fit there, and 20 000 points determine its parameters well enough.
	manyEntities = 30
)

// Validate returns an error that names the first setting out of range.
func (c Config) Validate() error {
	if c.Points != 0 && (c.Points < minFitPoints || c.Points > maxFitPoints) {
		return fmt.Errorf("debias.points is %d: allowed is 0 (automatic) or %d to %d", c.Points, minFitPoints, maxFitPoints)
	}
	if !(c.FixedWidth >= 0 && c.FixedWidth < 1) {
		return fmt.Errorf("fixed_width is %g: allowed is 0 to 1", c.FixedWidth)
	}
	if !(c.Spread > 0 && c.Spread <= 0.5) {
		return fmt.Errorf("debias.spread is %g: a number above 0 up to 0.5 is allowed", c.Spread)
	}
	if !(c.Concentration > 0 && c.Concentration <= 1) {
		return fmt.Errorf("debias.concentration is %g: a number above 0 up to 1 is allowed", c.Concentration)
	}
	if c.Concentration != 1 && c.Around != Uniform {
		return fmt.Errorf("debias.concentration is %g and debias.around is %s: 1 is allowed there, where debias.spread says how far the start goes", c.Concentration, c.Around)
	}
	if c.Around != Uniform && c.Around != Baseline {
		if _, _, err := c.Around.amounts(); err != nil {
			return err
		}
	}
	if err := c.Sampler.Validate(); err != nil {
		return fmt.Errorf("debias.%w", err)
	}
	return nil
}

// Fit draws uniform points of p, turns every amount into its coordinate x_i in its interval,
// and fits one Beta distribution to x_i for each head by maximum likelihood. Fixed intervals
// are skipped; a head whose interval is fixed at nearly all points gets Beta(1, 1). Fits are
// cached (see Config); a cache that cannot be read or written is a warning.
//
// Config.Concentration multiplies the fitted parameters.
//
// With a Config.Center no points are drawn, and the mean of every Beta is the center's
// coordinate.
//
// The fit depends on the polytope, the settings, the solver's method and the seed, not on
// the number of goroutines.
func Fit(p *lp.Polytope, solver lp.Solver, cfg Config, seed uint64) (*policy.Fit, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Center != nil {
		return around(p, solver, cfg)
	}
	if cfg.Points == 0 {
		cfg.Points = pointsExplicit
		if solver.Method() == "clp" || p.Dim() > manyEntities {
			cfg.Points = pointsCostly
		}
	}
	cache, err := newFitCache(p, solver.Method(), cfg, seed)
	if err != nil {
		slog.Warn("fits are not cached", "reason", err)
	}
	if f := cache.load(policy.Heads(p)); f != nil {
		return concentrated(f, cfg.Concentration), nil
	}
	sampler, err := uniform.New(p, cfg.Sampler)
	if err != nil {
		return nil, err
	}
	points, report, err := sampler.Sample(cfg.Points, rng.New(seed, "debias"))
	if err != nil {
		return nil, err
	}
	f, err := fitPoints(p, solver, points, cfg)
	if err != nil {
		return nil, err
	}
	f.Method, f.Acceptance, f.RHat, f.ESS = report.Method, report.Acceptance, report.RHat, report.ESS
	if err := cache.store(f); err != nil {
		slog.Warn("the fit is not cached", "reason", err)
	}
	return concentrated(f, cfg.Concentration), nil
}

// concentrated multiplies the parameters of a fit by c, in place.
func concentrated(f *policy.Fit, c float64) *policy.Fit {
	for i := range f.Alpha {
		f.Alpha[i] *= c
		f.Beta[i] *= c
	}
	return f
}

// debiasShard is the number of points that a goroutine takes at a time.
const debiasShard = 1000

// logSums are the sufficient statistics of one head: sums over the points that are used.
type logSums struct {
	lnX, ln1mX float64
	used, lost int // points fitted to, and points on an endpoint, which are left out
}

// fitPoints fits every head to uniform points (rows x n, row-major).
func fitPoints(p *lp.Polytope, solver lp.Solver, points []float64, cfg Config) (*policy.Fit, error) {
	n, heads := p.Dim(), policy.Heads(p)
	rows := len(points) / n
	shards := (rows + debiasShard - 1) / debiasShard
	workers := cfg.Sampler.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	fixed := cfg.FixedWidth * policy.Total(p)

	// Worker w takes the shards w, w + workers, .. with one chain. Sums are kept by shard and added
	// in their order, so that the number of workers does not matter.
	sums := make([][]logSums, shards)
	var g errgroup.Group
	for w := range min(workers, shards) {
		g.Go(func() error {
			chain := solver.Chain(min(debiasShard, rows))
			buf := newShardBuffers(debiasShard)
			for s := w; s < shards; s += workers {
				sums[s] = make([]logSums, heads)
				from, to := s*debiasShard, min((s+1)*debiasShard, rows)
				if err := buf.addShard(chain, points[from*n:to*n], n, fixed, sums[s]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("policy: intervals of uniform points: %w", err)
	}

	f := &policy.Fit{Entities: append([]string(nil), p.Entities()[:heads]...), Points: rows}
	for i := range heads {
		var t logSums
		for _, s := range sums {
			t.lnX, t.ln1mX = t.lnX+s[i].lnX, t.ln1mX+s[i].ln1mX
			t.used, t.lost = t.used+s[i].used, t.lost+s[i].lost
		}
		if t.lost*100 > t.used {
			slog.Warn("uniform points lie on the endpoints of their intervals and are left out of the fit",
				"entity", f.Entities[i], "lost", t.lost, "used", t.used)
		}
		d := dist.Beta{Alpha: 1, Beta: 1}
		if t.used >= minFitPoints/10 {
			var err error
			d, err = dist.FitBeta(t.lnX/float64(t.used), t.ln1mX/float64(t.used))
			// Where the polytope is too thin for points to be drawn across it (uniform.FlatWidth), they
			// have one share of an interval that is just not fixed.
			if errors.Is(err, dist.ErrNoSpread) {
				d = dist.Beta{Alpha: 1, Beta: 1}
			} else if err != nil {
				return nil, fmt.Errorf("entity %s: %w", f.Entities[i], err)
			}
		}
		f.Alpha, f.Beta = append(f.Alpha, d.Alpha), append(f.Beta, d.Beta)
	}
	return f, nil
}

// shardBuffers holds intervals and amounts of one entity, for the points of a shard.
type shardBuffers struct{ lo, hi, a []float64 }

func newShardBuffers(rows int) *shardBuffers {
	return &shardBuffers{make([]float64, rows), make([]float64, rows), make([]float64, rows)}
}

// addShard adds ln x and ln(1-x) of every coordinate of the points that is not fixed.
func (m *shardBuffers) addShard(chain lp.Chain, points []float64, n int, fixed float64, sums []logSums) error {
	rows := len(points) / n
	lo, hi, a := m.lo[:rows], m.hi[:rows], m.a[:rows]
	chain.Begin(rows, nil)
	for i := range sums {
		if err := chain.Next(lo, hi); err != nil {
			return err
		}
		for r := range rows {
			a[r] = points[r*n+i]
			width := hi[r] - lo[r]
			if width <= fixed || !(width > 0) {
				continue
			}
			// A point is inside its interval but for rounding.
			x, y := (a[r]-lo[r])/width, (hi[r]-a[r])/width
			if !(x > 0 && y > 0) {
				sums[i].lost++
				continue
			}
			sums[i].lnX += math.Log(x)
			sums[i].ln1mX += math.Log(y)
			sums[i].used++
		}
		chain.Fix(a)
	}
	return nil
}
