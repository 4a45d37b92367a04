//go:build gpu

package gpu

import (
	"math"
	"slices"
	"unsafe"

	"paspo/kernels"
	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/policy/internal/network"
)

// tables collects 8-byte words for the device. Its methods, and integers, store words and return
// the index of the first.
type tables struct{ words []uint64 }

func (t *tables) floats(x ...float64) int64 {
	at := int64(len(t.words))
	for _, v := range x {
		t.words = append(t.words, math.Float64bits(v))
	}
	return at
}

func integers[T int | int64](t *tables, x []T) int64 {
	at := int64(len(t.words))
	for _, v := range x {
		t.words = append(t.words, uint64(v))
	}
	return at
}

// columns stores weights by limit, then by piece.
func (t *tables) columns(w []float64, stride int) int64 {
	at := int64(len(t.words))
	for k := range stride {
		for p := k; p < len(w); p += stride {
			t.words = append(t.words, math.Float64bits(w[p]))
		}
	}
	return at
}

// endpoints stores a kernels.SampleEndpoints for every entity.
func (t *tables) endpoints(es []closedform.EndpointTable) int64 {
	records := make([]kernels.SampleEndpoints, len(es))
	for i := range es {
		e, r := &es[i], &records[i]
		if e.Floor {
			r.Floor = 1
		}
		r.Stride, r.Lowers, r.Uppers = int64(e.Stride), int64(len(e.LowerSensitivity)), int64(len(e.UpperSensitivity))
		r.Lower, r.Upper = t.columns(e.Lower, e.Stride), t.columns(e.Upper, e.Stride)
		r.LowerSensitivity, r.UpperSensitivity = t.floats(e.LowerSensitivity...), t.floats(e.UpperSensitivity...)
	}
	words := int(unsafe.Sizeof(kernels.SampleEndpoints{})) / 8
	return integers(t, unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(records))), words*len(records)))
}

// polytope stores the matrices and the limits of a polytope in m.
func (t *tables) polytope(m *kernels.SampleModel, p *lp.Polytope) {
	a, b, _ := p.Inequalities()
	e, f, _ := p.Equalities()
	l, u := p.Bounds()
	m.Rows, m.Equalities = int64(len(b)), int64(len(f))
	m.A, m.B, m.E, m.F, m.L, m.U = t.floats(a...), t.floats(b...), t.floats(e...), t.floats(f...), t.floats(l...), t.floats(u...)
}

// closed stores the closed form of the intervals in m.
func (t *tables) closed(m *kernels.SampleModel, c *closedform.Tables, n int) {
	kinds := make([]int64, n)
	for j := range n {
		if c.Free[j] {
			kinds[j] |= kernels.SampleFree
		}
		if c.Fixed[j] {
			kinds[j] |= kernels.SampleFixed
		}
	}
	for _, j := range c.Caps {
		kinds[j] |= kernels.SampleCapped
	}
	if c.Facets {
		m.Facets = 1
	}
	if c.AnyLimits {
		m.Any = 1
	}
	m.Size, m.Caps, m.Rays = int64(c.Size), int64(len(c.Caps)), int64(len(c.RaySensitivity))
	m.Begin, m.Cols, m.Floor = t.floats(c.Begin...), t.floats(c.Cols...), t.floats(c.Floor...)
	m.Kinds, m.LimitRows, m.LimitCaps = integers(t, kinds), integers(t, c.LimitRows), integers(t, c.Caps)
	m.Ray, m.RaySensitivity = t.columns(c.Rays, c.Size), t.floats(c.RaySensitivity...)
	m.Needed, m.All = t.endpoints(c.Needed), t.endpoints(c.All)
	least, most := c.Least, c.Most
	if least == nil {
		least, most = slices.Repeat([]float64{math.Inf(-1)}, n), slices.Repeat([]float64{math.Inf(1)}, n)
	}
	m.Least, m.Most = t.floats(least...), t.floats(most...)
}

// sampleLayers are the layers of a policy in the order in which sampling evaluates them, with the
// offsets of their activations in shared memory.
type sampleLayers struct {
	all         []kernels.SampleLayer
	heads       []int64 // index in all of the first layer of each head, and len(all)
	latentAt    int64   // offset of the latent
	activations int64   // number of floats of shared memory
}

func newSampleLayers(l *network.Layout) *sampleLayers {
	s := &sampleLayers{}
	// Observations come first. The latent overwrites them, unless a single layer computes it from
	// them; the prefix follows the latent. Then come two buffers for hidden layers.
	if len(l.Encoder) == 1 {
		s.latentAt = int64(l.Obs)
	}
	widest := 2
	for _, widths := range [][]int{l.Encoder[:len(l.Encoder)-1], l.Head, l.Critic} {
		for _, n := range widths {
			widest = max(widest, n)
		}
	}
	hidden := max(int64(l.Obs), s.latentAt+int64(l.Latent()+l.Heads-1))
	s.activations = hidden + 2*int64(widest)

	spare := 0 // the hidden buffer to write to next
	// layer adds layer i of a network, that of head h where there are several.
	layer := func(net string, i, h, k int, in, out, then int64) int64 {
		w, b := l.Find(net, i, false), l.Find(net, i, true)
		if out < 0 {
			out = hidden + int64(spare*widest)
			spare = 1 - spare
		}
		relu := int64(0)
		if then == 0 && !(net == "encoder" && i == len(l.Encoder)-1) {
			relu = 1
		}
		s.all = append(s.all, kernels.SampleLayer{
			W: int64(w.At + h*w.Out*w.In), B: int64(b.At + h*b.Out), N: int64(w.Out), K: int64(k), Ld: int64(w.In),
			In: in, Out: out, ReLU: relu, Then: then,
		})
		return out
	}
	chain := func(net string, widths []int, h, k int, in, last, then int64) {
		for i, n := range widths {
			out, after := int64(-1), int64(0)
			if i == len(widths)-1 {
				out, after = last, then
			}
			in = layer(net, i, h, k, in, out, after)
			k = n
		}
	}
	chain("critic", l.Critic, 0, l.Obs, 0, -1, -1)
	chain("encoder", l.Encoder, 0, l.Obs, 0, s.latentAt, 0)
	for h := range l.Heads {
		s.heads = append(s.heads, int64(len(s.all)))
		chain("heads", l.Head, h, l.Latent()+h, s.latentAt, -1, int64(h+1))
	}
	s.heads = append(s.heads, int64(len(s.all)))
	return s
}
