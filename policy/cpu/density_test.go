package cpu

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"

	"paspo/lp"
	"paspo/policy"
	"paspo/policy/dist"
	"paspo/policy/internal/policytest"
)

// triangle is a solver of {a >= 0, a_0 + a_1 <= 1}: two entities, neither fixed.
type triangle struct{ p *lp.Polytope }

func (s triangle) Polytope() *lp.Polytope { return s.p }
func (s triangle) Method() string         { return "triangle" }
func (s triangle) Close() error           { return nil }
func (s triangle) Chain(batch int) lp.Chain {
	return &policytest.SimplexChain{N: 3, Left: make([]float64, batch)}
}

func newTriangle(t *testing.T) triangle {
	t.Helper()
	p, err := lp.New(lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(),
		Rows: []lp.Row{{Name: "sum", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return triangle{p}
}

// plainNet evaluates a state's networks in float64, straight from the meaning
// of its tensors.
type plainNet struct {
	tensors map[string]policy.Tensor
}

func (n *plainNet) layer(name string, head int, x []float64, relu bool) []float64 {
	w, b := n.tensors[name+".weight"], n.tensors[name+".bias"]
	out, in := w.Shape[len(w.Shape)-2], w.Shape[len(w.Shape)-1]
	y := make([]float64, out)
	for j := range y {
		y[j] = float64(b.Data[head*out+j])
		for k, v := range x {
			y[j] += float64(w.Data[(head*out+j)*in+k]) * v
		}
		if relu {
			y[j] = max(y[j], 0)
		}
	}
	return y
}

func (n *plainNet) latent(obs []float64) []float64 {
	x := obs
	for i := range 3 {
		x = n.layer(fmt.Sprintf("encoder.%d", i), 0, x, i < 2)
	}
	return x
}

// beta is the distribution of entity h given those before.
func (n *plainNet) beta(latent []float64, h int, prefix []float64) dist.Beta {
	x := append(append([]float64(nil), latent...), prefix[:h]...)
	for i := range 3 {
		x = n.layer(fmt.Sprintf("heads.%d", i), h, x, i < 2)
	}
	const least, most = 1e-3, 1e5
	shape := func(l float64) float64 { return least + math.Exp(l)/(1+math.Exp(l)/(most-least)) }
	return dist.Beta{Alpha: shape(x[0]), Beta: shape(x[1])}
}

// With two entities the joint density can be computed: samples follow it, their
// log-probabilities are its logarithm, and the mean of their entropies is its entropy.
func TestJointDensityOfTwoEntities(t *testing.T) {
	const samples = 60_000
	s := newTriangle(t)
	if policy.Heads(s.p) != 2 {
		t.Fatalf("%d heads", policy.Heads(s.p))
	}
	c := newTestCPU(t, s, 2, 8, nil)
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	net := &plainNet{tensors: map[string]policy.Tensor{}}
	for _, p := range state.Params {
		// The second entity is to depend on the first: a_0 is the last input.
		switch p.Name {
		case "heads.0.weight":
			for i := 32; i < len(p.Data); i += 33 {
				p.Data[i] *= 25
			}
		case "heads.2.weight":
			for i := range p.Data {
				p.Data[i] *= 4
			}
		}
		net.tensors[p.Name] = p
	}
	if err := c.SetState(state); err != nil {
		t.Fatal(err)
	}

	req, out := policytest.RandomRequest(samples, 2, 5), &policy.Samples{}
	for r := range samples {
		req.Obs[2*r], req.Obs[2*r+1] = 0.5, -1
	}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	latent := net.latent([]float64{0.5, -1})
	first := net.beta(latent, 0, nil)
	second := func(a0 float64) dist.Beta { return net.beta(latent, 1, []float64{a0}) }
	if lo, hi := second(0.1), second(0.9); math.Abs(lo.Mean()-hi.Mean()) < 0.05 {
		t.Fatalf("the second entity hardly depends on the first: %v, %v", lo, hi)
	}

	// The density at every sample.
	var negLog, entropy, spread float64
	for r := range samples {
		a0, a1 := out.Actions[2*r], out.Actions[2*r+1]
		want := first.LogProb(a0) + second(a0).LogProb(a1/(1-a0)) - math.Log(1-a0)
		if got := float64(out.LogProb[r]); math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
			t.Fatalf("row %d, action [%g %g]: log-probability %g, want %g", r, a0, a1, got, want)
		}
		negLog -= want / samples
		entropy += float64(out.Entropy[r]) / samples
		spread += want * want / samples
	}

	// The entropy by quadrature in x_0, over which the second's is known.
	const cells = 4000
	exact := first.Entropy()
	for i := range cells {
		lo, hi := float64(i)/cells, float64(i+1)/cells
		p := mathext.RegIncBeta(first.Alpha, first.Beta, hi) - mathext.RegIncBeta(first.Alpha, first.Beta, lo)
		x := (lo + hi) / 2
		exact += p * (second(x).Entropy() + math.Log(1-x))
	}
	se := math.Sqrt((spread - negLog*negLog) / samples)
	if math.Abs(negLog-exact) > 4*se {
		t.Errorf("the mean of -ln pi is %.4f, the entropy %.4f, standard error %.4f", negLog, exact, se)
	}
	// The conditional entropies vary less than the log-probabilities do.
	if math.Abs(entropy-exact) > 4*se {
		t.Errorf("the mean of the conditional entropies is %.4f, the entropy %.4f, standard error at most %.4f", entropy, exact, se)
	}

	// The share of samples in every cell of a 6 x 6 grid over (x_0, x_1).
	const g, fine = 6, 200
	var counts, want [g][g]float64
	for r := range samples {
		a0, a1 := out.Actions[2*r], out.Actions[2*r+1]
		counts[min(int(a0*g), g-1)][min(int(a1/(1-a0)*g), g-1)]++
	}
	for i := range g * fine {
		lo, hi := float64(i)/(g*fine), float64(i+1)/(g*fine)
		p := mathext.RegIncBeta(first.Alpha, first.Beta, hi) - mathext.RegIncBeta(first.Alpha, first.Beta, lo)
		d := second((lo + hi) / 2)
		for j := range g {
			want[i/fine][j] += samples * p *
				(mathext.RegIncBeta(d.Alpha, d.Beta, float64(j+1)/g) - mathext.RegIncBeta(d.Alpha, d.Beta, float64(j)/g))
		}
	}
	chi2 := 0.
	for i := range g {
		for j := range g {
			if want[i][j] < 5 {
				t.Fatalf("cell %d, %d expects %g samples", i, j, want[i][j])
			}
			chi2 += (counts[i][j] - want[i][j]) * (counts[i][j] - want[i][j]) / want[i][j]
		}
	}
	// The 1-1e-6 quantile of chi-squared with 35 degrees of freedom.
	if chi2 > 92 {
		t.Errorf("chi-squared is %.1f over 36 cells", chi2)
	}
}
