package joint

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
)

// lowDimensional are polytopes whose hulls have 2 and 3 dimensions.
func lowDimensional() map[string]*lp.Polytope {
	row := func(max float64, coef ...float64) lp.Row {
		return lp.Row{Name: "r", Coef: coef, Min: math.Inf(-1), Max: max}
	}
	return map[string]*lp.Polytope{
		"2 dimensions": polytope(lp.Description{Entities: []string{"a", "b", "c"}, Total: 2, Upper: []float64{0.9, 2, 2}, Rows: []lp.Row{row(1.5, 1, 2, 0)}}),
		"3 dimensions": polytope(lp.Description{Entities: []string{"a", "b", "c", "d"}, Total: 1, Rows: []lp.Row{row(0.6, 1, 1, 0, 0)}}),
		"box":          polytope(lp.Description{Entities: []string{"a", "b"}, Total: math.NaN(), Lower: []float64{-1, 0}, Upper: []float64{1, 5}, Rows: []lp.Row{row(3, 1, 1)}}),
	}
}

// extent returns, for every coordinate, how far the polytope extends from the centre.
func extent(c *uniform.Chart) []float64 {
	r := rand.New(rng.New(1, "extent"))
	out, u := make([]float64, c.Dim()), make([]float64, c.Dim())
	for range 20_000 {
		for k := range u {
			u[k] = r.NormFloat64()
		}
		end := c.Exit(u)
		for k, x := range u {
			out[k] = max(out[k], 1.02*math.Abs(end*x))
		}
	}
	return out
}

// midpoints calls f at the midpoints of a grid over the extent of a chart that are inside,
// with the volume of a cell.
func midpoints(c *uniform.Chart, cells int, f func(y []float64, volume float64)) {
	half := extent(c)
	volume := 1.
	for _, h := range half {
		volume *= 2 * h / float64(cells)
	}
	y := make([]float64, len(half))
	var walk func(k int)
	walk = func(k int) {
		if k == len(y) {
			if c.Exit(y) > 1 {
				f(y, volume)
			}
			return
		}
		for i := range cells {
			y[k] = half[k] * (2*(float64(i)+0.5)/float64(cells) - 1)
			walk(k + 1)
		}
	}
	walk(0)
}

// drawAt writes the draw whose point has coordinates y.
func (m *RayMask) drawAt(y []float64, draw []float32) {
	scale := m.chart.Exit(y) * largest(y)
	for k, v := range y {
		v /= scale
		draw[2*k], draw[2*k+1] = float32(math.Log((1+v)/2)), float32(math.Log((1-v)/2))
	}
	draw[len(draw)-1] = float32(-float64(len(y)) * math.Log(2*scale))
}

// coordinates writes the coordinates of an allocation in a chart, whose axes are orthogonal.
func coordinates(p *lp.Polytope, c *uniform.Chart, a, y []float64) {
	units, _, _ := p.Canonical().Units()
	for k, axis := range c.Axes {
		var dot, size float64
		for j, v := range axis {
			x := a[j]
			if units != nil {
				x /= units[j]
			}
			dot += v * (x - c.Center[j])
			size += v * v
		}
		y[k] = dot / size
	}
}

// shapesAbove writes outputs with alpha, beta > 1, whose densities vanish on the boundary: for
// others quadrature converges slowly.
func shapesAbove(r *rand.Rand, z []float32) {
	for i := range z {
		z[i] = float32(math.Log(1.5 + 2*r.Float64()))
	}
}

// The density integrates to 1, and its first and second moments are those of draws.
func TestRayMaskDensity(t *testing.T) {
	long.Test(t)
	for name, p := range lowDimensional() {
		t.Run(name, func(t *testing.T) {
			m := must(NewRayMask(p, policy.DefaultConfig()))
			d, r := m.chart.Dim(), rand.New(rng.New(3, name))
			z, draw, action, y := make([]float32, m.Outputs()), make([]float32, m.DrawSize()), make([]float64, p.Dim()), make([]float64, d)
			shapesAbove(r, z)
			mass, first, second := 0., make([]float64, d), make([]float64, d)
			midpoints(m.chart, []int{0, 0, 600, 90}[d], func(y []float64, volume float64) {
				m.drawAt(y, draw)
				w := math.Exp(m.LogProb(z, draw, nil)) * volume
				mass += w
				for k, x := range y {
					first[k] += w * x
					second[k] += w * x * x
				}
			})
			if math.Abs(mass-1) > 2e-3 {
				t.Errorf("the density integrates to %.5f", mass)
			}
			const n = 40_000
			s := rng.New(4)
			sum, squares, fourth := make([]float64, d), make([]float64, d), make([]float64, d)
			for range n {
				if err := m.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
					t.Fatal(err)
				}
				coordinates(p, m.chart, action, y)
				for k, x := range y {
					sum[k] += x / n
					squares[k] += x * x / n
					fourth[k] += x * x * x * x / n
				}
			}
			for k := range y {
				se := math.Sqrt((squares[k] - sum[k]*sum[k]) / n)
				if math.Abs(sum[k]-first[k]) > 4.5*se+2e-3 {
					t.Errorf("coordinate %d has the mean %.4f, its density %.4f", k, sum[k], first[k])
				}
				se = math.Sqrt((fourth[k] - squares[k]*squares[k]) / n)
				if math.Abs(squares[k]-second[k]) > 4.5*se+3e-3 {
					t.Errorf("coordinate %d has the mean square %.4f, its density %.4f", k, squares[k], second[k])
				}
			}
		})
	}
}

// In the 12 dimensions of the portfolio, uniform points weighted by the density and the volume
// give the probability of a set of rays: those that are scaled the most, on which a quarter of
// the draws lie. Along other rays the density is so large that few points have most of the
// weight. The volume is the feasible share of the simplex, times the volume sqrt(n) / (n-1)! of
// the simplex.
func TestRayMaskDensityOfPortfolio(t *testing.T) {
	long.Test(t)
	p := preset("portfolio")
	m := must(NewRayMask(p, policy.DefaultConfig()))
	d, n := m.chart.Dim(), p.Dim()
	share, err := uniform.FeasibleShare(t.Context(), p, 400_000, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	volume := share.Estimate * math.Sqrt(float64(n)) / math.Gamma(float64(n))
	for _, axis := range m.chart.Axes {
		size := 0.
		for _, v := range axis {
			size += v * v
		}
		volume /= math.Sqrt(size)
	}
	sampler := must(uniform.New(p, uniform.DefaultConfig()))
	const points, draws = 100_000, 40_000
	a, _, err := sampler.Sample(points, rng.New(2))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rng.New(5))
	z, draw, action, y := make([]float32, m.Outputs()), make([]float32, m.DrawSize()), make([]float64, n), make([]float64, d)
	for i := range z {
		z[i] = float32(math.Log(1 + 0.5*r.Float64()))
	}
	// The factor s that scales a ray, from the Jacobian that the draw holds.
	scale := func() float64 { return math.Exp(-float64(draw[len(draw)-1])/float64(d)) / 2 }
	scales, weights := make([]float64, points), make([]float64, points)
	for i := range points {
		coordinates(p, m.chart, a[i*n:(i+1)*n], y)
		m.drawAt(y, draw)
		scales[i], weights[i] = scale(), math.Exp(m.LogProb(z, draw, nil))*volume
	}
	of := make([]float64, draws)
	s := rng.New(6)
	for i := range of {
		if err := m.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
			t.Fatal(err)
		}
		of[i] = scale()
	}
	const want = 0.25
	slices.Sort(of)
	least := of[int((1-want)*draws)]
	var mass, square float64
	for i, w := range weights {
		if scales[i] > least {
			mass += w / points
			square += w * w / points
		}
	}
	se := math.Sqrt((square-mass*mass)/points+want*(1-want)/draws) + mass*share.StdErr/share.Estimate
	t.Logf("by the density %.4f, by draws %g, standard error %.4f", mass, want, se)
	if math.Abs(mass-want) > 4.5*se || se > 0.05*want {
		t.Errorf("the probability is %.4f by the density, %g by draws, standard error %.4f", mass, want, se)
	}
}

func TestRayMaskGradients(t *testing.T) {
	m := must(NewRayMask(preset("compute"), policy.DefaultConfig()))
	r := rand.New(rng.New(7))
	z, z0 := make([]float32, m.Outputs()), make([]float32, m.Outputs())
	_, draw, action := buffers(m)
	for range 10 {
		normal(r, 1, z, z0)
		if err := m.Sample(z, policy.Sampled, nil, rng.New(r.Uint64()), draw, action); err != nil {
			t.Fatal(err)
		}
		checkGradient(t, "log-prob", z, 1e-4, func(z, g []float32) float64 { return m.LogProb(z, draw, g) })
		checkGradient(t, "entropy", z, 1e-4, m.Entropy)
		checkGradient(t, "KL", z, 1e-4, func(z, g []float32) float64 { return m.KL(z0, z, g) })
	}
}
