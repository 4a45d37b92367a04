package blas

/*
#cgo noescape paspo_transpose_weights
#cgo nocallback paspo_transpose_weights
#cgo noescape paspo_begin
#cgo nocallback paspo_begin
#cgo noescape paspo_draw
#cgo nocallback paspo_draw
#cgo noescape paspo_old
#cgo nocallback paspo_old
#cgo noescape paspo_step
#cgo nocallback paspo_step
#cgo noescape paspo_peak
#cgo nocallback paspo_peak
#include "kernels.h"
*/
import "C"

import (
	"time"
	"unsafe"
)

// Sizes are those of a policy of Beta heads with its critic: widths are those of the
// outputs of layers, the last of the encoder's being the latent. Heads see the latent and
// the amounts of the entities before theirs.
type Sizes struct {
	Obs, Entities, Heads  int
	Encoder, Head, Critic []int
	MinShape, MaxShape    float64 // see BetaTerms
}

// Network is the policy in C: one call samples a head or takes a gradient step. Its parameters are one slice with an order of its own, see Layer.
type Network struct {
	net    C.network
	layers []C.layer

	// Params is the number of parameters, with what fills them up.
	Params int

	// Flops is the number of multiplications and additions in the products of a gradient, a row.
	Flops int

	transposed, activations int // numbers of elements
}

// Layer says where the parameters of a layer are: its biases lie together from Bias on.
type Layer struct {
	Inputs int // those of the latent and amounts before together
	Bias   int

	in, weight int
	last       bool
}

const panel, block = C.PANEL, C.BLOCK

func panels(n int) int { return (n + panel - 1) / panel * panel }

// NewNetwork lays a policy out. It has the layers of one head at least.
func NewNetwork(s *Sizes) *Network {
	n := &Network{}
	activation := func(width int) C.ptrdiff_t {
		at := n.activations
		n.activations += panels(width) * block
		return C.ptrdiff_t(at)
	}
	latent, heads := s.Encoder[len(s.Encoder)-1], max(s.Heads, 1)
	n.net = C.network{
		obs: C.ptrdiff_t(s.Obs), entities: C.ptrdiff_t(s.Entities), heads: C.ptrdiff_t(s.Heads), latent: C.ptrdiff_t(latent),
		encoder: C.ptrdiff_t(len(s.Encoder)), critic: C.ptrdiff_t(len(s.Critic)), head: C.ptrdiff_t(len(s.Head)),
		shape: C.betashape{min: C.double(s.MinShape), max: C.double(s.MaxShape)},
	}
	n.net.x, n.net.prefix, n.net.side = activation(s.Obs), activation(heads-1), activation(4*heads)

	widest := latent
	multiplications := 0 // of the layers since it was set to 0
	chain := func(in, more int, widths []int, last, inputs bool) {
		for i, out := range widths {
			narrow := last && i == len(widths)-1
			l := C.layer{in: C.ptrdiff_t(in), more: C.ptrdiff_t(more), out: C.ptrdiff_t(out), weight: C.ptrdiff_t(n.Params), back: -1}
			if narrow {
				n.Params += out * panels(in)
			} else {
				n.Params += panels(out) * (in + more)
				if i > 0 || inputs {
					l.back = C.ptrdiff_t(n.transposed)
					n.transposed += panels(in) * out
				}
			}
			n.Flops += 2 * 2 * (in + more) * out
			multiplications += (in + more) * out
			if l.back >= 0 || narrow && i > 0 {
				n.Flops += 2 * in * out
			}
			l.bias, n.Params = C.ptrdiff_t(n.Params), n.Params+panels(out)
			l.y = activation(out)
			n.layers = append(n.layers, l)
			widest = max(widest, in, out)
			in, more = out, 0
		}
	}
	chain(s.Obs, 0, s.Encoder, false, false)
	encoder := multiplications
	chain(s.Obs, 0, s.Critic, true, false)
	critic := multiplications - encoder
	for h := range heads {
		multiplications = 0
		chain(latent, h, s.Head, true, true)
		if h == 0 {
			n.costs(encoder, critic, multiplications, s.Head[0])
		}
	}
	n.net.depth = C.ptrdiff_t(max(len(s.Head), len(s.Critic)) - 1)
	n.net.widest, n.net.g, n.net.params = C.ptrdiff_t(panels(widest)), C.ptrdiff_t(n.activations), C.ptrdiff_t(n.Params)
	n.activations += len(s.Encoder) * panels(widest) * block
	return n
}

// costs sets what is divided among threads, in multiplications a row of encoder, critic, first head, and
// what every further head has more. Gradients take twice as many.
func (n *Network) costs(encoder, critic, head, more int) {
	const beta = 1300 // what the terms of a Beta distribution take in their place
	forward, back := &n.net.cost[0], &n.net.cost[1]
	forward.head, forward.more, forward.rest = C.double(head+beta), C.double(more), C.double(critic)
	back.head, back.more, back.rest = C.double(2*head), C.double(more), C.double(2*(encoder+critic))
}

// Layer returns layer i of a head, or of the encoder or the critic.
func (n *Network) Layer(net string, head, i int) Layer {
	at := i
	switch net {
	case "critic":
		at += int(n.net.encoder)
	case "heads":
		at += int(n.net.encoder) + int(n.net.critic) + head*int(n.net.head)
	}
	l := &n.layers[at]
	last := net == "critic" && i == int(n.net.critic)-1 || net == "heads" && i == int(n.net.head)-1
	return Layer{Inputs: int(l.in + l.more), Bias: int(l.bias), in: int(l.in), weight: int(l.weight), last: last}
}

// Weights returns where the weight of the first input for an output is, and the distance
// between those that follow.
func (l *Layer) Weights(out int) (at, stride int) {
	if l.last {
		return l.weight + out*panels(l.in), 1
	}
	return l.weight + out/panel*panel*l.Inputs + out%panel, panel
}

// aligned returns n zeros that begin with a cache line.
func aligned[T float32 | float64](n int) []T {
	const line = 64
	s := make([]T, n+line)
	skip := 0
	for uintptr(unsafe.Pointer(&s[skip]))%line != 0 {
		skip++
	}
	return s[skip : skip+n : skip+n]
}

// NewParams allocates parameters, all 0.
func (n *Network) NewParams() []float32 { return aligned[float32](n.Params) }

// Transposed allocates what Transpose writes.
func (n *Network) Transposed() []float32 { return aligned[float32](n.transposed) }

// Transpose writes the transposes of weights that gradients go back through.
func (n *Network) Transpose(params, transposed []float32) {
	n.check(params)
	if len(transposed) != n.transposed {
		panic(badLength)
	}
	C.paspo_transpose_weights(&n.net, &n.layers[0], ptr(params), ptr(transposed))
}

func (n *Network) check(params []float32) {
	if len(params) != n.Params {
		panic(badLength)
	}
}

// Pass is the memory of passes through a network, for one goroutine at a time.
type Pass struct {
	n   *Network
	act []float32
}

func (n *Network) NewPass() *Pass { return &Pass{n: n, act: aligned[float32](n.activations)} }

// Trainer takes gradient steps with the threads of a team. It is used by one goroutine at a time.
type Trainer struct {
	Pass
	team                 *Team
	old, step            C.pace
	scratch, kept, parts []float32
	doubles              []float64
}

// NewTrainer returns a Trainer that a team works for, nil for none.
func (n *Network) NewTrainer(team *Team) *Trainer {
	t := &Trainer{Pass: *n.NewPass(), team: team}
	heads, size := int(n.net.heads), team.Size()
	t.scratch = aligned[float32](size * int(n.net.depth*n.net.widest+panel) * block)
	t.doubles = aligned[float64](heads * C.TERMS * block)
	if size > 1 {
		t.kept = aligned[float32](heads * int((n.net.head-1)*n.net.widest) * block)
		t.parts = aligned[float32](heads * panels(int(n.net.latent)) * block)
	}
	return t
}

// MaxRows is the number of rows that are sampled together at most.
const MaxRows = block

// Begin runs the encoder and the critic on rows of observations.
func (p *Pass) Begin(params []float32, rows int, obs, value []float32) {
	p.n.check(params)
	if rows > MaxRows || len(obs) < rows*int(p.n.net.obs) || len(value) < rows {
		panic(badLength)
	}
	C.paspo_begin(&p.n.net, &p.n.layers[0], C.ptrdiff_t(rows), ptr(obs), ptr(params), ptr(p.act), ptr(value))
}

// Streams are random streams of rows: the words that name them, and how many each has
// drawn (package rng). There are MaxRows of them, whatever those not in use are.
type Streams struct{ Key, ID, Drawn [MaxRows]uint64 }

// Drawing says how a head draws: by which rule (policy.Rule), up to which width an interval is
// fixed, and the unit of amounts. Samples are rows x heads, the logits of alpha
// and beta side by side; the prefix is rows x entities and holds the amounts before.
type Drawing struct {
	Rule         int
	Fixed, Total float64
	Streams      Streams
	Prefix       []float32

	Logits, Alpha, Beta, LogX, Log1mX, LogWidth, Mask []float32
}

// Draw chooses amounts for head h of the rows of Begin, in the intervals from lo to hi.
// These and a have space for MaxRows. Heads are drawn in order. It returns the first row whose
// parameters are not positive numbers that float32 holds, -1 where there is none.
func (p *Pass) Draw(params []float32, h, rows int, q *Drawing, lo, hi, a []float64) (bad int) {
	p.n.check(params)
	n := rows * int(p.n.net.heads)
	if rows > MaxRows || h >= int(p.n.net.heads) || len(q.Prefix) < rows*int(p.n.net.entities) || len(q.Logits) < 2*n ||
		min(len(q.Alpha), len(q.Beta), len(q.LogX), len(q.Log1mX), len(q.LogWidth), len(q.Mask)) < n || min(len(lo), len(hi), len(a)) < MaxRows {
		panic(badLength)
	}
	words := func(x *[MaxRows]uint64) *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(x)) }
	doubles := func(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }
	return int(C.paspo_draw(&p.n.net, &p.n.layers[0], C.ptrdiff_t(h), C.ptrdiff_t(rows), ptr(params), ptr(p.act),
		C.int(q.Rule), C.double(q.Fixed), C.double(q.Total), words(&q.Streams.Key), words(&q.Streams.ID), words(&q.Streams.Drawn),
		ptr(q.Prefix), ptr(q.Logits), ptr(q.Alpha), ptr(q.Beta), ptr(q.LogX), ptr(q.Log1mX), ptr(q.LogWidth), ptr(q.Mask),
		doubles(lo), doubles(hi), doubles(a)))
}

// Rollout is what is learned from, row by row: observations, amounts, and for
// every head the logarithms of x, 1-x and the width, and a mask that is 0 where an entity
// was fixed.
type Rollout struct {
	Obs, Prefix, LogX, Log1mX, LogWidth, Mask []float32

	Old, Advantage, Target []float32 // the log-probability of before, and what Gradient learns
}

func (n *Network) checkRollout(r *Rollout, rows int) {
	h := int(n.net.heads)
	if len(r.Obs) < rows*int(n.net.obs) || len(r.Prefix) < rows*int(n.net.entities) ||
		min(len(r.LogX), len(r.Log1mX), len(r.LogWidth), len(r.Mask)) < rows*h || len(r.Old) < rows {
		panic(badLength)
	}
}

// LogProbs writes the log-probabilities of the rows of a rollout to Old.
func (t *Trainer) LogProbs(params []float32, r *Rollout, rows int) {
	t.n.check(params)
	t.n.checkRollout(r, rows)
	C.paspo_old(t.team.c(), &t.old, &t.n.net, &t.n.layers[0], C.ptrdiff_t(rows), ptr(r.Obs), ptr(r.Prefix), ptr(r.LogX), ptr(r.Log1mX), ptr(r.LogWidth), ptr(r.Mask),
		ptr(params), ptr(t.act), (*C.double)(unsafe.SliceData(t.doubles)), ptr(r.Old))
}

// LossTerms are the clip range of the surrogate and the weights of the value's loss and of the entropy.
type LossTerms struct{ Clip, Value, Entropy float64 }

// Measures are means over a minibatch: the loss of the policy, that of the value, the
// entropy, the KL divergence from before, the share of clipped rows, and the largest
// deviation of a ratio from 1.
type Measures struct{ PolicyLoss, ValueLoss, Entropy, KL, ClipFraction, Deviation float64 }

// Learned is what a step changes: parameters, what Transpose makes of them, their gradient and
// Adam's moments.
type Learned struct{ Params, Transposed, Grads, M, V []float32 }

// Ceiling is that of the norm of a gradient, 0 for none: a larger one is multiplied by Max over
// the norm and Slack.
type Ceiling struct{ Max, Slack float64 }

// Outcome is what a step measured, with the norm of the gradient before it was clipped. A loss or
// norm that is not finite has moved nothing.
type Outcome struct {
	Measures
	Norm   float64
	Moved  bool
	Finite bool // of the parameters afterwards
}

// Step takes one step of Adam along the gradient of the loss of rows of a rollout, see
// kernels_policy.h. The Scale of the step comes from the ceiling.
func (t *Trainer) Step(l *Learned, r *Rollout, rows []int32, loss *LossTerms, adam *AdamStep, most Ceiling) Outcome {
	n := t.n
	for _, x := range [][]float32{l.Params, l.Grads, l.M, l.V} {
		n.check(x)
	}
	count := 0
	for _, i := range rows {
		if i < 0 {
			panic(badLength)
		}
		count = max(count, int(i)+1)
	}
	n.checkRollout(r, count)
	if count == 0 || len(l.Transposed) != n.transposed || min(len(r.Advantage), len(r.Target)) < count {
		panic(badLength)
	}
	s := C.lossshape{clip: C.double(loss.Clip), value: C.double(loss.Value), entropy: C.double(loss.Entropy)}
	a := adam.c()
	var out C.outcome
	C.paspo_step(t.team.c(), &t.step, &n.net, &n.layers[0], ptr(r.Obs), ptr(r.Prefix), ptr(r.LogX), ptr(r.Log1mX), ptr(r.LogWidth), ptr(r.Mask),
		ptr(r.Old), ptr(r.Advantage), ptr(r.Target), (*C.int)(unsafe.SliceData(rows)), C.ptrdiff_t(len(rows)), &s, &a,
		C.double(most.Max), C.double(most.Slack), ptr(l.Params), ptr(l.Transposed), ptr(l.Grads), ptr(l.M), ptr(l.V),
		ptr(t.act), ptr(t.scratch), ptr(t.kept), ptr(t.parts), (*C.double)(unsafe.SliceData(t.doubles)), &out)
	return Outcome{
		Measures: *(*Measures)(unsafe.Pointer(&out.sums)), Norm: float64(out.norm), Moved: out.moved != 0, Finite: out.wrong == 0,
	}
}

// Peak returns the multiplications and additions that this core does a second at most, at
// the level in use, measured for a tenth of a second.
func Peak() float64 {
	var sink [16]float32
	flops, start := 0., time.Now()
	for time.Since(start) < time.Second/10 {
		flops += float64(C.paspo_peak(1<<18, ptr(sink[:])))
	}
	return flops / time.Since(start).Seconds()
}
