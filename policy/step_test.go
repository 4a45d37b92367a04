package policy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
)

// The first ratio is exactly 1, whatever minibatch a row is in and wherever.
func TestFirstRatioIsOne(t *testing.T) {
	c := newTestCPU(t, simplex(t, 13), 27, 64, nil)
	req, out := request(150, 27, 5), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(150)
	rand.New(rand.NewPCG(1, 1)).Shuffle(150, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, mb := range [][]int32{rows[:64], rows[64:128], rows[128:], rows[3:4]} {
		if err := c.Load(batchOf(req, out, 1)); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(mb, settings()); err != nil {
			t.Fatal(err)
		}
		d, err := c.Diagnostics()
		if err != nil || d.MaxRatioDeviation != 0 || d.Steps != 1 {
			t.Fatalf("%d rows: diagnostics %+v, %v", len(mb), d, err)
		}
	}
}

// Rows that pad a minibatch change nothing.
func TestRaggedMinibatch(t *testing.T) {
	var norms []float64
	for _, minibatch := range []int{20, 64} {
		c := newTestCPU(t, simplex(t, 4), 3, minibatch, nil)
		req, out := request(20, 3, 6), &Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		if err := c.Load(batchOf(req, out, 2)); err != nil {
			t.Fatal(err)
		}
		// Junk from an earlier row stays in the rows beyond the end.
		for i := range c.graph.advantage {
			c.graph.advantage[i], c.graph.target[i] = 1e6, 1e6
		}
		if err := c.Step(rowsOf(20), settings()); err != nil {
			t.Fatal(err)
		}
		d, _ := c.Diagnostics()
		norms = append(norms, d.GradNorm)
	}
	if math.Abs(norms[0]-norms[1]) > 1e-6*norms[0] {
		t.Errorf("gradient norms %g without padding, %g with", norms[0], norms[1])
	}
}

// A batch is learned: its loss falls.
func TestStepsLowerTheLoss(t *testing.T) {
	c := newTestCPU(t, simplex(t, 6), 4, 64, nil)
	req, out := request(64, 4, 8), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(batchOf(req, out, 3)); err != nil {
		t.Fatal(err)
	}
	s := settings()
	loss := func() float64 {
		d, err := c.Diagnostics()
		if err != nil {
			t.Fatal(err)
		}
		return d.PolicyLoss + s.ValueCoef*d.ValueLoss - s.EntropyCoef*d.Entropy
	}
	var losses []float64
	for range 5 {
		for range 20 {
			if err := c.Step(rowsOf(64), s); err != nil {
				t.Fatal(err)
			}
		}
		losses = append(losses, loss())
	}
	for i := 1; i < len(losses); i++ {
		if losses[i] >= losses[i-1] {
			t.Fatalf("the losses %.4v do not fall", losses)
		}
	}
}

// A bandit that pays a_0 is learned from its own actions.
func TestBanditImproves(t *testing.T) {
	c := newTestCPU(t, simplex(t, 2), 1, 64, nil)
	obs := make([]float64, 64)
	for i := range obs {
		obs[i] = 1
	}
	stream := rng.New(3, "bandit")
	streams := make([]*rng.Stream, 64)
	for i := range streams {
		streams[i] = stream.Split(uint64(i))
	}
	out := &Samples{}
	mean := func() float64 {
		if err := c.Sample(&Request{Rows: 64, Obs: obs, Streams: streams}, out); err != nil {
			t.Fatal(err)
		}
		m := 0.
		for r := range 64 {
			m += out.Actions[2*r] / 64
		}
		return m
	}
	first := mean()
	for range 40 {
		m := mean()
		b := batchOf(&Request{Rows: 64, Obs: obs}, out, 1)
		for r := range 64 {
			b.Advantage[r], b.Return[r] = float32((out.Actions[2*r]-m)/0.2), float32(out.Actions[2*r])
		}
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if err := c.Step(rowsOf(64), settings()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if last := mean(); last < first+0.2 {
		t.Errorf("the mean reward goes from %g to %g", first, last)
	}
}

// The columns of the first layer that a head does not see stay 0.
func TestMaskedWeightsStayZero(t *testing.T) {
	c := newTestCPU(t, simplex(t, 5), 3, 32, nil)
	req, out := request(32, 3, 1), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(batchOf(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Step(rowsOf(32), settings()); err != nil {
			t.Fatal(err)
		}
	}
	s := c.layout.find("heads", 0, false)
	w := slice(c.params, s)
	for h := range c.layout.heads {
		for j := range s.out {
			for k := range s.in {
				x := w[(h*s.out+j)*s.in+k]
				if unseen := k >= c.layout.latent()+h; unseen != (x == 0) {
					t.Fatalf("head %d, input %d: weight %g", h, k, x)
				}
			}
		}
	}
}

func TestNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	for _, tc := range []struct {
		tensor string
		poison func(*CPU, *Batch)
	}{
		{"advantage of the minibatch", func(_ *CPU, b *Batch) { b.Advantage[3] = nan }},
		{"obs of the minibatch", func(_ *CPU, b *Batch) { b.Obs[5] = nan }},
		{"encoder.1.weight", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("encoder", 1, false))[7] = nan }},
		{"heads.2.bias", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("heads", 2, true))[0] = nan }},
		{"critic.1", func(c *CPU, _ *Batch) {
			for _, layer := range []int{0, 1} {
				w := slice(c.params, c.layout.find("critic", layer, false))
				for i := range w {
					w[i] = 1e30
				}
			}
		}},
		{"critic.0.bias", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("critic", 0, true))[0] = nan }},
	} {
		c := newTestCPU(t, simplex(t, 4), 3, 16, nil)
		req, out := request(16, 3, 1), &Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		b := batchOf(req, out, 1)
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(rowsOf(16), settings()); err != nil {
			t.Fatal(err)
		}
		tc.poison(c, b)
		before := slices.Clone(c.params)
		err := c.Step(rowsOf(16), settings())
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Tensor != tc.tensor || e.Step != 1 {
			t.Errorf("%s: the error is %v", tc.tensor, err)
			continue
		}
		if _, err := c.Diagnostics(); !errors.As(err, &e) {
			t.Errorf("%s: diagnostics report %v", tc.tensor, err)
		}
		for i := range before {
			if before[i] != c.params[i] && before[i] == before[i] {
				t.Errorf("%s: the step changed parameters", tc.tensor)
				break
			}
		}
	}
}

// Rows that the backend kept are learned from as those that come back to it.
func TestKeptRows(t *testing.T) {
	a, b := newTestCPU(t, simplex(t, 5), 3, 16, nil), newTestCPU(t, simplex(t, 5), 3, 16, nil)
	req, out := request(32, 3, 4), &Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(req, out, 2)
	if err := a.Load(batch); err != nil {
		t.Fatal(err)
	}

	// In two parts, the later one first, and with a request between that is none.
	req = request(32, 3, 4)
	for _, at := range []int{20, 0} {
		to := map[int]int{20: 32, 0: 20}[at]
		part := &Request{Rows: to - at, Obs: req.Obs[at*3 : to*3], Streams: req.Streams[at:to], Keep: true, At: at, Brief: true}
		if err := b.Sample(part, &Samples{}); err != nil {
			t.Fatal(err)
		}
		if err := b.Sample(request(8, 3, 9), &Samples{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Load(&Batch{Rows: 33, Advantage: make([]float32, 33), Return: make([]float32, 33)}); err == nil {
		t.Error("a batch of more rows than were kept is taken")
	}
	if err := b.Load(&Batch{Rows: 32, Advantage: batch.Advantage, Return: batch.Return}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*CPU{a, b} {
		for at := int32(0); at < 32; at += 16 {
			if err := c.Step(rowsOf(32)[at:at+16], settings()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(a.params, b.params) {
		t.Error("the parameters differ")
	}
}
