package policy

import (
	"math"
	"slices"
	"testing"

	"paspo/lp"
)

func initial(t *testing.T, cfg Config, heads int, fit *Fit, seed uint64) (*layout, []float32) {
	t.Helper()
	l := newLayout(&cfg, 5, heads+1, heads)
	w := make([]float32, l.size)
	if err := initialise(w, l, &cfg, fit, seed); err != nil {
		t.Fatal(err)
	}
	return l, w
}

// Every tensor fills +-1/sqrt(fan_in), the fan-in of head i being latent + i.
func TestInitialBounds(t *testing.T) {
	const heads = 20
	l, w := initial(t, DefaultConfig(), heads, nil, 1)
	largest := func(x []float32) float64 {
		m := 0.
		for _, v := range x {
			m = max(m, math.Abs(float64(v)))
		}
		return m
	}
	for i := range l.tensors {
		s := &l.tensors[i]
		blocks := 1
		if s.net == "heads" {
			blocks = heads
		}
		for h := range blocks {
			size := s.size / blocks
			fanIn := s.in
			if s.net == "heads" && s.layer == 0 {
				fanIn = 32 + h
			}
			bound := 1 / math.Sqrt(float64(fanIn))
			got := largest(slice(w, s)[h*size : (h+1)*size])
			// The largest of k uniform numbers is below 0.2 with probability 0.2^k.
			if got > bound || size > 20 && got < 0.8*bound {
				t.Errorf("%s, head %d: largest %g, bound %g", s.name, h, got, bound)
			}
		}
	}
	_, again := initial(t, DefaultConfig(), heads, nil, 1)
	_, other := initial(t, DefaultConfig(), heads, nil, 2)
	if !slices.Equal(w, again) || slices.Equal(w, other) {
		t.Error("the parameters are not a function of the seed")
	}
}

func TestInitialFit(t *testing.T) {
	fit := &Fit{Entities: []string{"A", "B", "C"}, Alpha: []float64{1.5, 0.02, 300}, Beta: []float64{7, 1, 2e4}}
	s := simplex(t, 4)
	cfg := DefaultConfig()
	req := request(200, 5, 1)
	sampled := func(cfg Config) *Samples {
		c, err := NewCPU(s, 5, 8, cfg, fit, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		out := &Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	worst := func(out *Samples) float64 {
		w := 0.
		for r := range req.Rows {
			for h := range 3 {
				w = max(w, math.Abs(float64(out.Alpha[3*r+h])/fit.Alpha[h]-1), math.Abs(float64(out.Beta[3*r+h])/fit.Beta[h]-1))
			}
		}
		return w
	}
	if w := worst(sampled(cfg)); w > 0.02 {
		t.Errorf("the initial policy is %.2g off the fit", w)
	}
	exact := cfg
	exact.HeadScale = 0
	if w := worst(sampled(exact)); w > 1e-5 {
		t.Errorf("without last weights the initial policy is %.2g off the fit", w)
	}
	ceiling := exact
	ceiling.MaxShape = 1e5
	if w := worst(sampled(ceiling)); w > 1e-5 {
		t.Errorf("under a ceiling the initial policy is %.2g off the fit", w)
	}
	added := cfg
	added.AddFit = true
	if w := worst(sampled(added)); w < 0.05 || w > 1 {
		t.Errorf("the paper's form is %.2g off the fit", w)
	}

	// A fit that the shape cannot give is an error.
	low := cfg
	low.MaxShape = 100
	if _, err := NewCPU(s, 5, 8, low, fit, 3); err == nil {
		t.Error("a fit above the ceiling is taken")
	}
	short := &Fit{Entities: []string{"A"}, Alpha: []float64{1}, Beta: []float64{1}}
	if _, err := NewCPU(s, 5, 8, cfg, short, 3); err == nil {
		t.Error("a fit of one head is taken for three")
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"policy.encoder":     func(c *Config) { c.Encoder = []int{32, 0} },
		"policy.latent":      func(c *Config) { c.Latent = -1 },
		"policy.heads":       func(c *Config) { c.Heads = nil },
		"policy.critic":      func(c *Config) { c.Critic = []int{1 << 20} },
		"policy.fixed_width": func(c *Config) { c.FixedWidth = math.NaN() },
		"policy.min_shape":   func(c *Config) { c.MinShape = -1e-9 },
		"policy.max_shape":   func(c *Config) { c.MaxShape = 0.5 },
		"policy.head_scale":  func(c *Config) { c.HeadScale = math.Inf(1) },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || len(err.Error()) < len(name) || err.Error()[:len(name)] != name {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	// Nets without hidden layers are nets.
	c := DefaultConfig()
	c.Encoder, c.Critic = nil, []int{}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	cpu, err := NewCPU(simplex(t, 3), 2, 8, c, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := cpu.Sample(request(3, 2, 1), &Samples{}); err != nil {
		t.Error(err)
	}
}

// What heads see are shares of the budget, or of the largest entity.
func TestTotal(t *testing.T) {
	for _, tc := range []struct {
		name string
		d    lp.Description
		want float64
	}{
		{"budget", lp.Description{Entities: []string{"A", "B"}, Total: 5}, 5},
		{"box", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{2, 8}}, 8},
		{"negative", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Lower: []float64{-9, 0}, Upper: []float64{2, 8}}, 9},
		{"row", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(),
			Rows: []lp.Row{{Name: "r", Coef: []float64{1, 2}, Min: math.Inf(-1), Max: 3}}}, 3},
	} {
		p, err := lp.New(tc.d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := total(p)
		if err != nil || math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: %g, %v, want %g", tc.name, got, err, tc.want)
		}
	}
}

func TestHeads(t *testing.T) {
	for _, tc := range []struct {
		d    lp.Description
		want int
	}{
		{lp.Description{Entities: []string{"A", "B", "C"}, Total: 1}, 2},
		{lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{1, 1}}, 2},
		// The equality leaves the last entity free.
		{lp.Description{Entities: []string{"A", "B", "C"}, Total: math.NaN(), Upper: []float64{1, 1, 1},
			Rows: []lp.Row{{Name: "e", Coef: []float64{1, 1, 0}, Min: 1, Max: 1}}}, 3},
	} {
		p, err := lp.New(tc.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := Heads(p); got != tc.want {
			t.Errorf("%v: %d heads, want %d", tc.d.Rows, got, tc.want)
		}
	}
}
