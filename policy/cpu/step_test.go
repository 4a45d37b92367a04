package cpu

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/policy"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

// The first ratio is exactly 1 in every minibatch and at every place in it.
func TestFirstRatioIsOne(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 13), 27, 64, nil)
	req, out := policytest.RandomRequest(150, 27, 5), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	rows := policytest.FirstRows(150)
	rand.New(rand.NewPCG(1, 1)).Shuffle(150, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, mb := range [][]int32{rows[:64], rows[64:128], rows[128:], rows[3:4]} {
		if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(mb, policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
		d, err := c.Diagnostics()
		if err != nil || d.MaxRatioDeviation != 0 || d.Steps != 1 {
			t.Fatalf("%d rows: diagnostics %+v, %v", len(mb), d, err)
		}
	}
}

// The last minibatch may have fewer rows. Rows of an earlier, larger minibatch do not change its
// gradient.
func TestRaggedMinibatch(t *testing.T) {
	var norms []float64
	for _, before := range []int{0, 64} {
		c := newTestCPU(t, policytest.Simplex(t, 4), 3, 64, nil)
		req, out := policytest.RandomRequest(84, 3, 6), &policy.Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		b := policytest.RandomBatch(req, out, 2)
		for i := 20; i < 84; i++ {
			b.Advantage[i], b.Return[i] = 1e6, 1e6
		}
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		s := policytest.StepSettings()
		s.LearningRate = 0
		rows := policytest.FirstRows(84)
		if before > 0 {
			if err := c.Step(rows[20:20+before], s); err != nil {
				t.Fatal(err)
			}
			c.Diagnostics()
		}
		if err := c.Step(rows[:20], s); err != nil {
			t.Fatal(err)
		}
		d, _ := c.Diagnostics()
		norms = append(norms, d.GradNorm)
	}
	if norms[0] != norms[1] {
		t.Errorf("gradient norms %g alone, %g after another minibatch", norms[0], norms[1])
	}
}

// The loss falls over the steps on a batch.
func TestStepsLowerTheLoss(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 6), 4, 64, nil)
	req, out := policytest.RandomRequest(64, 4, 8), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(policytest.RandomBatch(req, out, 3)); err != nil {
		t.Fatal(err)
	}
	s := policytest.StepSettings()
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
			if err := c.Step(policytest.FirstRows(64), s); err != nil {
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

// On a bandit whose reward is a_0, the mean reward of the policy rises.
func TestBanditImproves(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 2), 1, 64, nil)
	obs := make([]float64, 64)
	for i := range obs {
		obs[i] = 1
	}
	stream := rng.New(3, "bandit")
	streams := make([]*rng.Stream, 64)
	for i := range streams {
		streams[i] = stream.Split(uint64(i))
	}
	out := &policy.Samples{}
	mean := func() float64 {
		if err := c.Sample(&policy.Request{Rows: 64, Obs: obs, Streams: streams}, out); err != nil {
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
		b := policytest.RandomBatch(&policy.Request{Rows: 64, Obs: obs}, out, 1)
		for r := range 64 {
			b.Advantage[r], b.Return[r] = float32((out.Actions[2*r]-m)/0.2), float32(out.Actions[2*r])
		}
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if err := c.Step(policytest.FirstRows(64), policytest.StepSettings()); err != nil {
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
	c := newTestCPU(t, policytest.Simplex(t, 5), 3, 32, nil)
	req, out := policytest.RandomRequest(32, 3, 1), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Step(policytest.FirstRows(32), policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
	}
	s := c.Layout.Find("heads", 0, false)
	w := network.Slice(c.plain(c.params), s)
	for h := range c.Layout.Heads {
		for j := range s.Out {
			for k := range s.In {
				x := w[(h*s.Out+j)*s.In+k]
				if unseen := k >= c.Layout.Latent()+h; unseen != (x == 0) {
					t.Fatalf("head %d, input %d: weight %g", h, k, x)
				}
			}
		}
	}
}

func TestNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	fill := func(w []float32, x float32) {
		for i := range w {
			w[i] = x
		}
	}
	type change = func(*Backend, *policy.Batch)
	poison := func(net string, layer int, bias bool, f func(w []float32), also ...change) change {
		return func(c *Backend, b *policy.Batch) {
			for _, g := range also {
				g(c, b)
			}
			w := c.plain(c.params)
			f(network.Slice(w, c.Layout.Find(net, layer, bias)))
			c.Layout.Pack(c.net, c.params, w)
			c.net.Transpose(c.params, c.transposed)
		}
	}
	for _, tc := range []struct {
		tensor string
		poison func(*Backend, *policy.Batch)
	}{
		{"advantage of the minibatch", func(_ *Backend, b *policy.Batch) { b.Advantage[3] = nan }},
		{"obs of the minibatch", func(_ *Backend, b *policy.Batch) { b.Obs[5] = nan }},
		{"encoder.1.weight", poison("encoder", 1, false, func(w []float32) { w[7] = nan })},
		{"heads.2.bias", poison("heads", 2, true, func(w []float32) { w[0] = nan })},
		{"critic.1", poison("critic", 0, false, func(w []float32) { fill(w, 1e30) }, poison("critic", 1, false, func(w []float32) { fill(w, 1e30) }))},
		{"critic.0.bias", poison("critic", 0, true, func(w []float32) { w[0] = nan })},
	} {
		c := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
		req, out := policytest.RandomRequest(16, 3, 1), &policy.Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		b := policytest.RandomBatch(req, out, 1)
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(policytest.FirstRows(16), policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
		tc.poison(c, b)
		before := slices.Clone(c.params)
		err := c.Step(policytest.FirstRows(16), policytest.StepSettings())
		var e *policy.NonFiniteError
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

// Learning from kept rows and from the same rows as samples of a batch gives the same
// parameters.
func TestKeptRows(t *testing.T) {
	a, b := newTestCPU(t, policytest.Simplex(t, 5), 3, 16, nil), newTestCPU(t, policytest.Simplex(t, 5), 3, 16, nil)
	req, out := policytest.RandomRequest(32, 3, 4), &policy.Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := policytest.RandomBatch(req, out, 2)
	if err := a.Load(batch); err != nil {
		t.Fatal(err)
	}

	// Two requests keep their rows, the later part of the rollout first. A request after each
	// keeps none.
	req = policytest.RandomRequest(32, 3, 4)
	for _, at := range []int{20, 0} {
		to := map[int]int{20: 32, 0: 20}[at]
		part := &policy.Request{Rows: to - at, Obs: req.Obs[at*3 : to*3], Streams: req.Streams[at:to], Keep: true, At: at, Brief: true}
		if err := b.Sample(part, &policy.Samples{}); err != nil {
			t.Fatal(err)
		}
		if err := b.Sample(policytest.RandomRequest(8, 3, 9), &policy.Samples{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Load(&policy.Batch{Rows: 33, Advantage: make([]float32, 33), Return: make([]float32, 33)}); err == nil {
		t.Error("a batch of more rows than were kept is taken")
	}
	if err := b.Load(&policy.Batch{Rows: 32, Advantage: batch.Advantage, Return: batch.Return}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Backend{a, b} {
		for at := int32(0); at < 32; at += 16 {
			if err := c.Step(policytest.FirstRows(32)[at:at+16], policytest.StepSettings()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(a.params, b.params) {
		t.Error("the parameters differ")
	}
}
