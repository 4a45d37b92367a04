package joint

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// Every action satisfies every constraint and every number is finite, for huge outputs too; a
// stream gives the same draw again, and the numbers of a draw depend on the stream alone.
func TestConfined(t *testing.T) {
	long.Test(t)
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p := preset(name)
		for algo, f := range confined(p) {
			t.Run(name+"/"+algo, func(t *testing.T) {
				r := rand.New(rng.New(8))
				z, grad := make([]float32, f.Outputs()), make([]float32, f.Outputs())
				draw, again := make([]float32, f.DrawSize()), make([]float32, f.DrawSize())
				action, same := make([]float64, p.Dim()), make([]float64, p.Dim())
				for i := range 60 {
					size := []float64{0, 1, 5, 1e30}[i%4]
					normal(r, size, z)
					for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
						if err := f.Sample(z, rule, nil, rng.New(uint64(i)), draw, action); err != nil {
							t.Fatal(err)
						}
						if res, row := p.WorstConstraint(action, nil); !(res <= 1e-9) {
							t.Fatalf("outputs of size %g give an action with a residual of %g in %s", size, res, row)
						}
						if err := f.Sample(z, rule, nil, rng.New(uint64(i)), again, same); err != nil {
							t.Fatal(err)
						}
						for k := range draw {
							if draw[k] != again[k] {
								t.Fatal("a stream gives two draws")
							}
						}
						for j := range action {
							if action[j] != same[j] {
								t.Fatal("a stream gives two actions")
							}
						}
						sum := f.LogProb(z, draw, grad)
						if q, ok := f.(policy.Penalized); ok {
							sum += q.Penalty(z, draw, nil)
						}
						if q, ok := f.(policy.DrawEntropic); ok {
							sum += q.DrawEntropy(z, draw, nil)
						}
						for _, g := range grad {
							sum += float64(g)
						}
						if sum-sum != 0 {
							t.Fatalf("outputs of size %g under %s: not finite: %v", size, rule, sum)
						}
					}
				}
			})
		}
	}
}

// Projections and rejection follow limits of a state.
func TestConfinedWithin(t *testing.T) {
	long.Test(t)
	p := polytope(lp.Description{Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{1, 1, 1}})
	lim := &lp.Limits{Upper: []float64{0.2, 0.9, 0.3}}
	for algo, f := range confined(p) {
		z, draw, action := buffers(f)
		s := rng.New(1)
		for range 20 {
			err := f.Sample(z, policy.Sampled, lim, s, draw, action)
			switch algo {
			case "dirichlet-projected", "aram":
				if err != nil || !(p.Residual(action, lim) <= 1e-9) {
					t.Fatalf("%s: %v is %v", algo, action, err)
				}
			default:
				if err == nil {
					t.Fatalf("%s serves limits of a state", algo)
				}
			}
		}
	}
}

// Amounts in another unit give the same draws, in that unit. Between units that are not a
// power of two apart, linear programs may find other vertices, and with them the ray mask other
// axes and walks other directions.
func TestConfinedScale(t *testing.T) {
	describe := func(unit float64) lp.Description {
		return lp.Description{
			Entities: []string{"a", "b", "c", "d"}, Total: unit, Upper: []float64{0.4 * unit, unit, 0.7 * unit, unit}, Lower: []float64{0, 0.1 * unit, 0, 0},
			Rows: []lp.Row{{Name: "r", Coef: []float64{1, 2, 0, 0.5}, Min: math.Inf(-1), Max: 1.1 * unit}},
		}
	}
	p, q := polytope(describe(1)), polytope(describe(128))
	scaled := confined(q)
	for algo, f := range confined(p) {
		t.Run(algo, func(t *testing.T) {
			g := scaled[algo]
			r := rand.New(rng.New(1))
			z := make([]float32, f.Outputs())
			draw, other := make([]float32, f.DrawSize()), make([]float32, f.DrawSize())
			action, big := make([]float64, 4), make([]float64, 4)
			for i := range 20 {
				normal(r, 1, z)
				for _, rule := range []policy.Rule{policy.Sampled, policy.Mean} {
					for _, c := range []struct {
						f      policy.Family
						draw   []float32
						action []float64
					}{{f, draw, action}, {g, other, big}} {
						if err := c.f.Sample(z, rule, nil, rng.New(uint64(i)), c.draw, c.action); err != nil {
							t.Fatal(err)
						}
					}
					for j := range action {
						if math.Abs(128*action[j]-big[j]) > 1e-4 {
							t.Fatalf("%s: %v in one unit, %v in another", rule, action, big)
						}
					}
					if a, b := f.LogProb(z, draw, nil), g.LogProb(z, other, nil); math.Abs(a-b) > 1e-3*(1+math.Abs(a)) {
						t.Fatalf("%s: log-probability %g in one unit, %g in another", rule, a, b)
					}
				}
			}
		})
	}
}

// Families that project work on a hull whose facets are not known.
func TestConfinedInHull(t *testing.T) {
	r := rand.New(rng.New(1))
	d := lp.Description{Entities: []string{"a", "b", "c", "d"}, Total: math.NaN(), FacetEffort: lp.NoFacets}
	for range 20 {
		x, sum := make([]float64, 4), 0.
		for j := range x {
			x[j] = r.ExpFloat64()
			sum += x[j]
		}
		for j := range x {
			x[j] /= sum
		}
		d.Points = append(d.Points, x)
	}
	p := polytope(d)
	if !p.HullOnly() {
		t.Fatal("the facets are known")
	}
	for algo, f := range projecting(p) {
		z, draw, action := buffers(f)
		s := rng.New(2)
		for range 20 {
			normal(r, 1, z)
			if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
				t.Fatalf("%s: %v", algo, err)
			}
			if res := p.Residual(action, nil); !(res <= 1e-9) {
				t.Fatalf("%s: residual %g", algo, res)
			}
		}
	}
}

// The gradient of a mean goes through its projection. Differences are wrong across a kink, where a
// row becomes active; a step of 1e-3 seldom crosses one.
func TestProjectionGradients(t *testing.T) {
	p := preset("compute")
	f := must(NewProjection(p, 1))
	r := rand.New(rng.New(4))
	z, draw, action := buffers(f)
	bad := 0
	for range 40 {
		normal(r, 0.5, z)
		if err := f.Sample(z, policy.Sampled, nil, rng.New(r.Uint64()), draw, action); err != nil {
			t.Fatal(err)
		}
		for _, g := range []func(z, grad []float32) float64{
			func(z, g []float32) float64 { return f.LogProb(z, draw, g) }, f.Entropy,
			func(z, g []float32) float64 { return f.Penalty(z, draw, g) },
		} {
			grad := make([]float32, len(z))
			g(z, grad)
			for i := range z {
				if want := difference(g, z, i, 1./4096); math.Abs(float64(grad[i])-want) > 2e-3*(1+math.Abs(want)) {
					bad++
				}
			}
		}
	}
	if total := 40 * 3 * len(z); bad > total/100 {
		t.Errorf("%d of %d derivatives are not those of differences", bad, total)
	}
}

// Rejected draws are counted, the first feasible draw is the action, and the penalty falls along its
// gradient.
func TestAcceptReject(t *testing.T) {
	long.Test(t)
	p := preset("portfolio")
	const tries = 10
	f := must(NewAcceptReject(p, policy.DefaultConfig(), tries, 1, 0.2))
	n := p.Dim()
	z, draw, action, drawn := make([]float32, n), make([]float32, f.DrawSize()), make([]float64, n), make([]float64, n)
	s := rng.New(3)
	var all, rejected, projected int
	for range 2000 {
		if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
			t.Fatal(err)
		}
		accepted, counts, kept := f.parts(draw)
		made, bad := int(counts[0]), int(counts[1])
		all, rejected = all+made, rejected+bad
		for j, l := range accepted {
			f.logs[j] = float64(l)
		}
		f.place(nil, drawn)
		off := 0.
		for j := range drawn {
			off = max(off, math.Abs(drawn[j]-action[j]))
		}
		if bad == tries {
			projected++
			if made != tries || !(p.Residual(drawn, nil) > 1e-9) {
				t.Fatal("a feasible draw was projected")
			}
		} else if made != bad+1 || off > 1e-6 {
			t.Fatalf("%d draws, %d rejected, the action is %g off the accepted one", made, bad, off)
		}
		for i := range min(bad, f.kept) {
			d, logProb := f.rejected(kept, i)
			if l := f.Dirichlet.LogProb(z, d, nil); math.Abs(l-float64(*logProb)) > 1e-4*math.Abs(l) {
				t.Fatalf("log-density %g of a rejected draw, want %g", *logProb, l)
			}
		}
	}
	// At alpha = 1 draws are uniform: 24.0 % of the simplex are feasible (of 20 million
	// points), and 0.76^10 of the steps are projected.
	if share := 1 - float64(rejected)/float64(all); math.Abs(share-0.24) > 0.02 {
		t.Errorf("%.3f of the draws are accepted", share)
	}
	if want := 2000 * math.Pow(0.76, tries); math.Abs(float64(projected)-want) > 5*math.Sqrt(want) {
		t.Errorf("%d steps were projected, want about %.0f", projected, want)
	}

	for range 20 {
		if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
			t.Fatal(err)
		}
		checkGradient(t, "penalty", z, 1e-3, func(z, g []float32) float64 { return f.Penalty(z, draw, g) })
	}
}

// A point has no inside, and a hull whose facets are not known has no rows: families that need
// either refuse them.
func TestRefusedPolytopes(t *testing.T) {
	for name, p := range map[string]*lp.Polytope{
		"a point": polytope(lp.Description{Entities: []string{"a", "b"}, Total: 1, Lower: []float64{0.5, 0.5}}),
		"a hull": polytope(lp.Description{Entities: []string{"a", "b", "c"}, Total: math.NaN(), FacetEffort: lp.NoFacets,
			Points: [][]float64{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}),
	} {
		if _, err := NewRayMask(p, policy.DefaultConfig()); err == nil {
			t.Errorf("%s has a ray mask", name)
		}
		if _, err := NewTruncatedNormal(p, DefaultTruncatedConfig()); err == nil {
			t.Errorf("%s has a truncated normal distribution", name)
		}
	}
}

// Gradients of penalties, and of entropies that are estimated from a draw, reach the parameters.
func TestBackwardOfConfined(t *testing.T) {
	p := polytope(lp.Description{Entities: []string{"a", "b", "c", "d"}, Total: 1, Upper: []float64{0.3, 1, 0.5, 1}})
	families := confined(p)
	for algo, terms := range map[string]map[string]term{
		"aram": {"log-probability": logProbTerm, "penalty": penaltyTerm}, "projection": {"penalty": penaltyTerm},
		"truncated-normal": {"log-probability": logProbTerm, "entropy": entropyTerm}, "ray-mask": {"log-probability": logProbTerm, "divergence": klTerm},
	} {
		t.Run(algo, func(t *testing.T) {
			b, rows := loadedOf(t, p, families[algo])
			checkBackward(t, b, rows, terms)
		})
	}
}

// Limits that no allocation satisfies are an error that names the row of the request.
func TestProjectedOntoNothing(t *testing.T) {
	p := polytope(lp.Description{Entities: []string{"a", "b"}, Total: 1})
	f := must(NewDirichletProjected(p, policy.DefaultConfig()))
	b := New(f, testObs, 0, policy.DefaultConfig(), 7)
	req := policytest.RandomRequest(3, testObs, 3)
	req.Limits = []lp.Limits{{}, {}, {Upper: []float64{0.3, 0.3}}}
	var none *lp.InfeasibleError
	if err := b.Sample(req, &policy.Samples{}); !errors.As(err, &none) || none.Row != 2 || len(none.Conflict) != 3 {
		t.Errorf("got %v", err)
	}
}

// What a family answers depends on what it is asked, and not on what it was asked before.
func TestProjectingRememberNothing(t *testing.T) {
	p := preset("portfolio")
	for algo, f := range projecting(p) {
		r := rand.New(rng.New(21))
		z, draw, action := buffers(f)
		same, other := make([]float32, f.DrawSize()), make([]float64, p.Dim())
		grad, fresh := make([]float32, f.Outputs()), make([]float32, f.Outputs())
		all := make([][]float32, 3)
		for i := range all {
			all[i] = make([]float32, f.Outputs())
			normal(r, 2, all[i])
		}
		if err := f.Sample(all[0], policy.Sampled, nil, rng.New(1), draw, action); err != nil {
			t.Fatal(err)
		}
		kept := append([]float32(nil), draw...)
		for i := range 60 {
			copy(z, all[r.IntN(len(all))])
			g := projecting(p)[algo]
			clear(grad)
			clear(fresh)
			var a, b float64
			switch call := r.IntN(4); {
			case call == 0:
				rule := []policy.Rule{policy.Sampled, policy.Mode}[r.IntN(2)]
				if err := errors.Join(f.Sample(z, rule, nil, rng.New(uint64(i)), draw, action), g.Sample(z, rule, nil, rng.New(uint64(i)), same, other)); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(draw, same) || !slices.Equal(action, other) {
					t.Errorf("%s: %v, %v, and asked anew %v, %v", algo, draw, action, same, other)
				}
			case call == 1:
				a, b = f.LogProb(z, kept, grad), g.LogProb(z, kept, fresh)
			case call == 2:
				if e, ok := f.(policy.Entropic); ok {
					a, b = e.Entropy(z, grad), g.(policy.Entropic).Entropy(z, fresh)
				}
			default:
				if e, ok := f.(policy.Penalized); ok {
					a, b = e.Penalty(z, kept, grad), g.(policy.Penalized).Penalty(z, kept, fresh)
				}
			}
			if a != b || !slices.Equal(grad, fresh) {
				t.Errorf("%s: %v %v, and asked anew %v %v", algo, a, grad, b, fresh)
			}
		}
	}
}
