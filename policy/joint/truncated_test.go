package joint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp/uniform"
	"paspo/policy"
)

// members are outputs of policies that are nearly uniform, sharp with a mean inside the
// polytope, and sharp to different degrees with a mean outside.
func members(n int) map[string][]float32 {
	r := rand.New(rng.New(11))
	out := map[string][]float32{}
	for _, c := range []struct {
		name        string
		mean, sigma float64
	}{{"nearly uniform", 0.3, 0}, {"inside", 0.2, -2.3}, {"beyond the border", 1.2, -0.7}, {"far beyond", 2, 0.3}, {"sharp beyond", 1.2, -2}} {
		z := make([]float32, 2*n)
		for j := range n {
			z[j] = float32(c.mean * (2*r.Float64() - 1))
			z[n+j] = float32(c.sigma + 0.3*r.NormFloat64())
		}
		out[c.name] = z
	}
	return out
}

// scaled writes an allocation less the mean of uniform points, in their deviations.
func (t *TruncatedNormal) scaled(a []float64, x []float32) {
	units, _, _ := t.p.Canonical().Units()
	for j, v := range a {
		if units != nil {
			v /= units[j]
		}
		x[j] = 0
		if d := t.deviation[j]; d > 0 {
			x[j] = float32((v - t.mean[j]) / d)
		}
	}
}

// grid holds the points of a quadrature over a polytope, as scaled gives them.
type grid struct{ points [][]float32 }

func newGrid(t testing.TB, f *TruncatedNormal) *grid {
	c, err := uniform.NewChart(f.p)
	if err != nil {
		t.Fatal(err)
	}
	g := &grid{}
	a := make([]float64, f.p.Dim())
	midpoints(c, []int{0, 0, 500, 90}[c.Dim()], func(y []float64, _ float64) {
		c.At(y, a)
		x := make([]float32, len(a))
		f.scaled(a, x)
		g.points = append(g.points, x)
	})
	return g
}

// moments returns ln Z, the means of all entities and of their squares, and E q.
func (g *grid) moments(f *TruncatedNormal, z []float32) (logZ float64, first, second []float64, cost float64) {
	f.member(z)
	first, second = make([]float64, len(f.t)), make([]float64, len(f.t))
	sum := 0.
	for _, x := range g.points {
		q := f.energy(x)
		w := math.Exp(-q)
		sum += w
		cost += w * q
		for j, v := range x {
			first[j] += w * float64(v)
			second[j] += w * float64(v) * float64(v)
		}
	}
	for j := range first {
		first[j] /= sum
		second[j] /= sum
	}
	return math.Log(sum / float64(len(g.points))), first, second, cost / sum
}

// Constant agrees with quadrature, within its standard error.
func TestTruncatedConstant(t *testing.T) {
	long.Test(t)
	for name, p := range lowDimensional() {
		f := must(NewTruncatedNormal(p, DefaultTruncatedConfig()))
		g := newGrid(t, f)
		for kind, z := range members(p.Dim()) {
			t.Run(name+", "+kind, func(t *testing.T) {
				want, _, _, _ := g.moments(f, z)
				got, se := f.Constant(z, 2000, rng.New(1, name, kind))
				t.Logf("ln Z %.4f +- %.4f, by quadrature %.4f", got, se, want)
				if math.Abs(got-want) > 4.5*se+3e-3 || !(se < 0.2) {
					t.Errorf("ln Z is %.4f +- %.4f, by quadrature %.4f", got, se, want)
				}
			})
		}
	}
}

// Draws have the moments that quadrature gives. So have the points that they hold: the entropy
// estimated from them, and the ratio of Z to that of a policy nearby.
func TestTruncatedDraws(t *testing.T) {
	long.Test(t)
	for name, p := range lowDimensional() {
		for _, tries := range []int{0, 16} {
			cfg := DefaultTruncatedConfig()
			cfg.Tries = tries
			f := must(NewTruncatedNormal(p, cfg))
			g := newGrid(t, f)
			for kind, z := range members(p.Dim()) {
				t.Run(fmt.Sprintf("%s, %s, %d tries", name, kind, tries), func(t *testing.T) {
					near := make([]float32, len(z))
					r := rand.New(rng.New(2, name, kind))
					for i := range near {
						near[i] = z[i] + float32(0.03*r.NormFloat64())
					}
					logZ, first, second, cost := g.moments(f, z)
					logNear, _, _, _ := g.moments(f, near)
					_, draw, action := buffers(f)
					s := rng.New(3, name, kind)
					const n = 3000
					dim := p.Dim()
					var sums [2]stat
					means, seconds := make([]stat, dim), make([]stat, dim)
					for range n {
						if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
							t.Fatal(err)
						}
						x, _, _, _ := f.parts(draw)
						for j, v := range x {
							means[j].add(float64(v))
							seconds[j].add(float64(v) * float64(v))
						}
						// The entropy less the estimate of ln Z(z), which is noisy, and Z(near) / Z(z).
						own := f.LogProb(z, draw, nil) + f.energy(x)
						sums[0].add(f.DrawEntropy(z, draw, nil) + own)
						at := f.LogProb(near, draw, nil) + f.energy(x)
						sums[1].add(math.Exp(own - at))
					}
					for _, c := range []struct {
						name      string
						got       stat
						want, off float64
					}{
						{"the mean of q", sums[0], cost, 5e-3 * (1 + math.Abs(cost))},
						{"the ratio of constants", sums[1], math.Exp(logNear - logZ), 5e-3 * math.Exp(logNear-logZ)},
					} {
						if m, se := c.got.mean(), c.got.stdErr(); math.Abs(m-c.want) > 4.5*se+c.off {
							t.Errorf("%s is %.5g +- %.2g, by quadrature %.5g", c.name, m, se, c.want)
						}
					}
					for j := range means {
						if m, se := means[j].mean(), means[j].stdErr(); math.Abs(m-first[j]) > 4.5*se+3e-3 {
							t.Errorf("entity %d has the mean %.4f +- %.4f, by quadrature %.4f", j, m, se, first[j])
						}
						if m, se := seconds[j].mean(), seconds[j].stdErr(); math.Abs(m-second[j]) > 4.5*se+5e-3*(1+second[j]) {
							t.Errorf("entity %d has the mean square %.4f +- %.4f, by quadrature %.4f", j, m, se, second[j])
						}
					}
				})
			}
		}
	}
}

// stat adds up a mean and its standard error.
type stat struct{ n, sum, squares float64 }

func (s *stat) add(x float64) { s.n++; s.sum += x; s.squares += x * x }

func (s *stat) mean() float64 { return s.sum / s.n }

func (s *stat) stdErr() float64 {
	return math.Sqrt(max(0, s.squares/s.n-s.mean()*s.mean()) / s.n)
}

func TestTruncatedGradients(t *testing.T) {
	p := preset("compute")
	f := must(NewTruncatedNormal(p, DefaultTruncatedConfig()))
	r := rand.New(rng.New(12))
	_, draw, action := buffers(f)
	for _, z := range members(p.Dim()) {
		if err := f.Sample(z, policy.Sampled, nil, rng.New(r.Uint64()), draw, action); err != nil {
			t.Fatal(err)
		}
		for i := range z {
			z[i] += float32(0.05 * r.NormFloat64())
		}
		checkGradient(t, "log-prob", z, 1e-3, func(z, g []float32) float64 { return f.LogProb(z, draw, g) })
		checkGradient(t, "entropy", z, 1e-3, func(z, g []float32) float64 { return f.DrawEntropy(z, draw, g) })
	}
}

// In the 12 dimensions of the portfolio, draws have the means of uniform points weighted by the
// density.
func TestTruncatedDrawsOfPortfolio(t *testing.T) {
	long.Test(t)
	p := preset("portfolio")
	f := must(NewTruncatedNormal(p, DefaultTruncatedConfig()))
	sampler := must(uniform.New(p, uniform.DefaultConfig()))
	n := p.Dim()
	const points = 100_000
	a, _, err := sampler.Sample(points, rng.New(2))
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, f.Outputs())
	r := rand.New(rng.New(4))
	for j := range n {
		z[j], z[n+j] = float32(0.4*r.NormFloat64()), -0.2
	}
	f.member(z)
	x, want, sum, squares := make([]float32, n), make([]float64, n), 0., 0.
	for i := range points {
		f.scaled(a[i*n:(i+1)*n], x)
		w := math.Exp(-f.energy(x))
		sum += w
		squares += w * w
		for j, v := range x {
			want[j] += w * float64(v)
		}
	}
	ess := sum * sum / squares
	draw, action, means := make([]float32, f.DrawSize()), make([]float64, n), make([]stat, n)
	s := rng.New(5)
	for range 4000 {
		if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
			t.Fatal(err)
		}
		at, _, _, _ := f.parts(draw)
		for j, v := range at {
			means[j].add(float64(v))
		}
	}
	t.Logf("effective sample size of the uniform points %.0f", ess)
	for j := range means {
		m, se := means[j].mean(), means[j].stdErr()
		se = math.Hypot(se, se*math.Sqrt(means[j].n/ess))
		if math.Abs(m-want[j]/sum) > 4.5*se {
			t.Errorf("entity %d has the mean %.4f, by uniform points %.4f, standard error %.4f", j, m, want[j]/sum, se)
		}
	}
	logZ, se := f.Constant(z, 2000, rng.New(6))
	exact := math.Log(sum / points)
	if off := math.Sqrt(1 / ess); math.Abs(logZ-exact) > 4.5*math.Hypot(se, off) || se > 0.1 {
		t.Errorf("ln Z is %.4f +- %.4f, by uniform points %.4f +- %.4f", logZ, se, exact, off)
	}
}
