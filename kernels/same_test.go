//go:build gpu

package kernels_test

import (
	"math/rand/v2"
	"testing"

	"paspo/kernels"
)

// network lays out one step of a policy with a linear encoder of 33, heads of one
// hidden layer, and a linear critic.
type network struct {
	*arena
	rows, total, obs, heads, hidden, latent int
	ctl, perm, count, weight                region
	from, to                                []region
	params, grads, m, v, squares, sums      region
	l, h, logits, value, terms, slopes      region
	gTerms, gValue, gLogits, gh, gl         region
	size                                    int
	slot                                    map[string]int
}

func newNetwork(t *testing.T, d *device, agents, rows int) *network {
	n := &network{arena: newArena(t, d, agents), rows: rows, total: 3*rows - 1, obs: 7, heads: 3, hidden: 33, latent: 33}
	n.slot = map[string]int{}
	all := n.latent + n.heads - 1
	for _, p := range []struct {
		name string
		size int
	}{
		{"we", n.latent * n.obs}, {"be", n.latent}, {"w0", n.heads * n.hidden * all}, {"b0", n.heads * n.hidden},
		{"w1", n.heads * 2 * n.hidden}, {"b1", n.heads * 2}, {"wc", n.obs}, {"bc", 1},
	} {
		n.slot[p.name] = n.size
		n.size += p.size
	}
	n.ctl, n.perm, n.count = n.region(kernels.ControlBytes), n.region(4*3*rows), n.region(4*3)
	for _, w := range []int{n.obs, n.heads + 1, n.heads, n.heads, n.heads, n.heads, 1, 1, 1} {
		n.from, n.to = append(n.from, n.floats(n.total*w)), append(n.to, n.floats(rows*w))
	}
	n.weight = n.floats(rows)
	n.params, n.grads, n.m, n.v = n.floats(n.size), n.floats(kernels.Copies(rows)*n.size), n.floats(n.size), n.floats(n.size)
	n.squares, n.sums = n.region(8*kernels.NormBlocks(n.size)), n.region(kernels.DiagnosticsBytes*kernels.LossBlocks(rows))
	n.l, n.h, n.logits = n.floats(rows*n.latent), n.floats(rows*n.heads*n.hidden), n.floats(rows*n.heads*2)
	n.value, n.terms, n.slopes = n.floats(rows), n.floats(2*rows), n.region(8*4*rows*n.heads)
	n.gTerms, n.gValue, n.gLogits = n.floats(2*rows), n.floats(rows), n.floats(rows*n.heads*2)
	n.gh, n.gl = n.floats(rows*n.heads*n.hidden), n.floats(rows*n.latent)
	n.place()
	return n
}

// randomise fills an agent with what belongs to the seed.
func (n *network) randomise(agent int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, x := range append(n.from[:len(n.from):len(n.from)], n.params, n.m, n.v) {
		fill(r, n.f32(agent, x))
	}
	for i := range n.f32(agent, n.v) {
		n.f32(agent, n.v)[i] = r.Float32()
		n.f32(agent, n.params)[i] *= .3
	}
	for i := range n.f32(agent, n.from[5]) {
		n.f32(agent, n.from[5])[i] = float32(min(1, r.IntN(4)))
		n.f32(agent, n.from[2])[i] = -r.Float32()
		n.f32(agent, n.from[3])[i] = -r.Float32()
	}
	for i, v := range r.Perm(n.total) {
		view[int32](n.arena, agent, n.perm)[i] = int32(v)
	}
	for i := range 3 {
		view[int32](n.arena, agent, n.count)[i] = int32(min(n.rows, n.total-i*n.rows))
	}
	*control(n.arena, agent, n.ctl) = kernels.Control{
		Steps: int64(1 + seed%3), LearningRate: 1e-3, Clip: .3, ValueCoef: .5, EntropyCoef: .01, MaxGradNorm: 2, WeightDecay: 1e-3,
		Beta1: .99, Beta2: .99, Epsilon: 1e-8,
	}
}

func (n *network) param(name string) uint64 { return n.at(n.params) + 4*uint64(n.slot[name]) }
func (n *network) grad(name string) uint64  { return n.at(n.grads) + 4*uint64(n.slot[name]) }

// step is the launches of one minibatch.
func (n *network) step() []kernels.Args {
	ctl, rows, heads, s := n.at(n.ctl), int64(n.rows), int64(n.heads), int64(n.stride)
	obs, hidden, latent, p := int64(n.obs), int64(n.hidden), int64(n.latent), int64(n.heads+1)
	size, copySize := int64(n.size), int64(4*n.size)
	to := func(i int) uint64 { return n.at(n.to[i]) }
	from := func(i int) uint64 { return n.at(n.from[i]) }
	return []kernels.Args{
		&kernels.GatherArgs{
			Ctl: ctl, Perm: n.at(n.perm), Count: n.at(n.count), Obs: from(0), Prefix: from(1), LogX: from(2), Log1mX: from(3),
			LogWidth: from(4), Mask: from(5), Old: from(6), Advantage: from(7), Target: from(8),
			ToObs: to(0), ToPrefix: to(1), ToLogX: to(2), ToLog1mX: to(3), ToLogWidth: to(4), ToMask: to(5),
			ToOld: to(6), ToAdvantage: to(7), ToTarget: to(8), ToWeight: n.at(n.weight),
			Rows: rows, Total: int64(n.total), ObsDim: obs, Entities: p, Heads: heads, Stride: s,
		},
		&kernels.DenseArgs{Ctl: ctl, X: to(0), W: n.param("we"), B: n.param("be"), Y: n.at(n.l), Rows: rows, Heads: 1, N: latent, K: obs, Stride: s},
		&kernels.MaskedArgs{
			Ctl: ctl, Latent: n.at(n.l), Prefix: to(1), W: n.param("w0"), B: n.param("b0"), Y: n.at(n.h),
			Rows: rows, Heads: heads, N: hidden, L: latent, P: p, ReLU: 1, Stride: s,
		},
		&kernels.DenseArgs{Ctl: ctl, X: n.at(n.h), W: n.param("w1"), B: n.param("b1"), Y: n.at(n.logits), Rows: rows, Heads: heads, N: 2, K: hidden, Stride: s},
		&kernels.DenseArgs{Ctl: ctl, X: to(0), W: n.param("wc"), B: n.param("bc"), Y: n.at(n.value), Rows: rows, Heads: 1, N: 1, K: obs, Stride: s},
		&kernels.BetaTermsArgs{
			Ctl: ctl, Logits: n.at(n.logits), LogX: to(2), Log1mX: to(3), LogWidth: to(4), Mask: to(5), Terms: n.at(n.terms),
			Slopes: n.at(n.slopes), Rows: rows, Heads: heads, Min: 1e-6, Stride: s,
		},
		&kernels.LossArgs{
			Ctl: ctl, Terms: n.at(n.terms), Value: n.at(n.value), Old: to(6), Advantage: to(7), Target: to(8), Weight: n.at(n.weight),
			GTerms: n.at(n.gTerms), GValue: n.at(n.gValue), Sums: n.at(n.sums), Rows: rows, Stride: s,
		},
		&kernels.BetaTermsGradArgs{Ctl: ctl, GTerms: n.at(n.gTerms), Slopes: n.at(n.slopes), GLogits: n.at(n.gLogits), Rows: rows, Heads: heads, Stride: s},
		&kernels.DenseGradWArgs{
			Ctl: ctl, X: n.at(n.h), GZ: n.at(n.gLogits), GW: n.grad("w1"), GB: n.grad("b1"),
			Rows: rows, Heads: heads, N: 2, K: hidden, Copy: copySize, Stride: s,
		},
		&kernels.DenseGradXArgs{Ctl: ctl, GZ: n.at(n.gLogits), W: n.param("w1"), GX: n.at(n.gh), Rows: rows, Heads: heads, N: 2, K: hidden, Stride: s},
		&kernels.MaskedGradWArgs{
			Ctl: ctl, Latent: n.at(n.l), Prefix: to(1), GZ: n.at(n.gh), Gate: n.at(n.h), GW: n.grad("w0"), GB: n.grad("b0"),
			Rows: rows, Heads: heads, N: hidden, L: latent, P: p, Copy: copySize, Stride: s,
		},
		&kernels.MaskedGradLatentArgs{Ctl: ctl, GZ: n.at(n.gh), Gate: n.at(n.h), W: n.param("w0"), GL: n.at(n.gl), Rows: rows, Heads: heads, N: hidden, L: latent, Stride: s},
		&kernels.DenseGradWArgs{Ctl: ctl, X: to(0), GZ: n.at(n.gl), GW: n.grad("we"), GB: n.grad("be"), Rows: rows, Heads: 1, N: latent, K: obs, Copy: copySize, Stride: s},
		&kernels.DenseGradWArgs{Ctl: ctl, X: to(0), GZ: n.at(n.gValue), GW: n.grad("wc"), GB: n.grad("bc"), Rows: rows, Heads: 1, N: 1, K: obs, Copy: copySize, Stride: s},
		&kernels.GradNormArgs{Ctl: ctl, G: n.at(n.grads), Squares: n.at(n.squares), Size: size, Copies: int64(kernels.Copies(n.rows)), Copy: copySize, Stride: s},
		&kernels.AdamArgs{
			Ctl: ctl, W: n.at(n.params), G: n.at(n.grads), M: n.at(n.m), V: n.at(n.v), Squares: n.at(n.squares), Sums: n.at(n.sums),
			Size: size, NormBlocks: int64(kernels.NormBlocks(n.size)), LossBlocks: int64(kernels.LossBlocks(n.rows)), Stride: s,
		},
		&kernels.FinishArgs{
			Ctl: ctl, Squares: n.at(n.squares), Sums: n.at(n.sums),
			NormBlocks: int64(kernels.NormBlocks(n.size)), LossBlocks: int64(kernels.LossBlocks(n.rows)), Stride: s,
		},
	}
}

// outputs are the regions that a step writes.
func (n *network) outputs() []region {
	return append(n.to[:len(n.to):len(n.to)], n.ctl, n.weight, n.params, n.grads, n.m, n.v, n.squares, n.sums, n.l, n.h, n.logits,
		n.value, n.terms, n.slopes, n.gTerms, n.gValue, n.gLogits, n.gh, n.gl)
}

// Agents side by side, with different numbers of steps to do, end as each does
// alone, bit for bit.
func TestAgentsAreIndependent(t *testing.T) {
	d := open(t)
	for _, rows := range []int{5, 300} {
		const agents = 4
		together := newNetwork(t, d, agents, rows)
		for k := range agents {
			together.randomise(k, uint64(k))
		}
		for range 3 {
			together.run(together.outputs(), together.step()...)
		}
		for k := range agents {
			alone := newNetwork(t, d, 1, rows)
			alone.randomise(0, uint64(k))
			for range 1 + k%3 { // those that are done leave everything as it is
				alone.run(alone.outputs(), alone.step()...)
			}
			c := control(alone.arena, 0, alone.ctl)
			if c.At != int64(1+k%3) || c.Bad != 0 || c.Time != c.At {
				t.Fatalf("agent %d took %d steps and is at %d, bad %d", k, c.Time, c.At, c.Bad)
			}
			sameBits(t, title("agent %d", k), together.host[k*together.stride:(k+1)*together.stride], alone.host)
		}
	}
}

// A row's log-probability depends neither on its place nor on the size of the
// minibatch.
func TestRowsAreIndependentOfPlace(t *testing.T) {
	d := open(t)
	forward := func(rows, first int) []float32 {
		n := newNetwork(t, d, 1, 100)
		n.randomise(0, 5)
		x := newNetwork(t, d, 1, rows)
		x.randomise(0, 5)
		copy(x.f32(0, x.params), n.f32(0, n.params))
		for f := range x.to {
			w := len(x.f32(0, x.to[f])) / rows
			copy(x.f32(0, x.to[f]), n.f32(0, n.from[f])[first*w:])
		}
		x.run(x.outputs(), x.step()[1:6]...)
		return x.f32(0, x.terms)
	}
	all := forward(200, 0)
	for _, c := range []struct{ rows, first int }{{1, 0}, {1, 199}, {17, 3}, {65, 100}, {99, 101}} {
		for i, v := range forward(c.rows, c.first) {
			if want := all[2*c.first+i]; v != want {
				t.Fatalf("%d rows from %d: term %d is %v, not %v", c.rows, c.first, i, v, want)
			}
		}
	}
}
