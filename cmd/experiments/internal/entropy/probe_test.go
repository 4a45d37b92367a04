package entropy

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"

	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
)

func newTestProbe(t *testing.T, n, rows, nodes int) *Probe {
	t.Helper()
	p, err := constraints.GenerateRejection(n, rows, 2)
	if err != nil {
		t.Fatal(err)
	}
	s, err := interval.New(p, interval.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b, err := cpu.New(s, 1, 1, policy.DefaultConfig(), nil, 7)
	if err != nil {
		t.Fatal(err)
	}
	state, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	// Heads that look at what came before them more than new ones do.
	for _, x := range state.Params {
		for i := range x.Data {
			x.Data[i] *= 2
		}
	}
	q, err := NewProbe(s, []float32{1}, policy.DefaultConfig(), state, nodes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// Both estimates have the exact entropy as their mean.
func TestEstimates(t *testing.T) {
	for _, n := range []int{2, 3} {
		q := newTestProbe(t, n, 2, 256)
		exact, err := q.Exact()
		if err != nil {
			t.Fatal(err)
		}
		const rows = 20_000
		one, cond, err := q.Estimates(rows, rng.New(1, "estimates"))
		if err != nil {
			t.Fatal(err)
		}
		for name, x := range map[string][]float64{"one-sample": one, "conditional": cond} {
			m, s := stats.MeanStd(x)
			if math.Abs(m-exact) > 4*s/math.Sqrt(rows)+1e-5 {
				t.Errorf("n = %d, %s: %v +- %v, exact %v", n, name, m, s/math.Sqrt(rows), exact)
			}
		}
	}
}

// The entropy changes along the full gradient, and along the used one, as the
// full gradient says.
func TestGradients(t *testing.T) {
	q := newTestProbe(t, 3, 2, 2048)
	used, full, err := q.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	left := make([]float64, len(used))
	for i := range left {
		left[i] = full[i] - used[i]
	}
	if floats.Norm(left, 2) < 0.01*floats.Norm(full, 2) {
		t.Errorf("the gradient left out is %v of %v: the test tells nothing", floats.Norm(left, 2), floats.Norm(full, 2))
	}
	for name, d := range map[string][]float64{"full": full, "used": used, "left out": left} {
		want := Dot(full, d) / floats.Norm(d, 2)
		got, err := q.Slope(d, 0.003)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 0.005*floats.Norm(full, 2) {
			t.Errorf("slope along the %s gradient %v, want %v", name, got, want)
		}
	}
	for _, oneSample := range []bool{false, true} {
		u, f, err := q.SampledGradients(20*2048, oneSample, rng.New(1, "gradients"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range u {
			u[i] -= used[i]
			f[i] -= full[i]
		}
		if floats.Norm(u, 2) > 0.05*floats.Norm(used, 2) || floats.Norm(f, 2) > 0.2*floats.Norm(full, 2) {
			t.Errorf("sampled gradients are off by %v of %v and %v of %v", floats.Norm(u, 2), floats.Norm(used, 2), floats.Norm(f, 2), floats.Norm(full, 2))
		}
	}
}

func TestLongChainsHaveNoQuadrature(t *testing.T) {
	if _, err := newTestProbe(t, 4, 2, 8).Exact(); err == nil {
		t.Error("quadrature over three entities")
	}
}
