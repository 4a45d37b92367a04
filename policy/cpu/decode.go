package cpu

import (
	"paspo/internal/blas"
	"paspo/policy/internal/network"
)

// weights are the parameters arranged for decoding: transposed, so that a row
// of a layer's input meets contiguous rows of weights.
type weights struct {
	data []float32
	l    *network.Layout
}

// refresh rearranges the parameters.
func (w *weights) refresh(params []float32) {
	l := w.l
	if w.data == nil {
		w.data = make([]float32, l.Size)
	}
	for i := range l.Tensors {
		s := &l.Tensors[i]
		src, dst := network.Slice(params, s), network.Slice(w.data, s)
		switch {
		case s.Bias:
			copy(dst, src)
		case s.Net == "heads" && s.Layer == 0:
			// All heads side by side: in x heads*out.
			blas.Transpose(l.Heads, s.Out, s.In, src, s.In, s.In*s.Out, dst, l.Heads*s.Out, s.Out)
		case s.Net == "heads":
			blas.Transpose(l.Heads, s.Out, s.In, src, s.In, s.In*s.Out, dst, s.Out, s.In*s.Out)
		default:
			blas.Transpose(1, s.Out, s.In, src, s.In, 0, dst, s.Out, 0)
		}
	}
}

// stage holds the activations of up to rows actions that are decoded together.
// What it computes for a row has the same bits as the training pass has: the
// same chains of operations, cut where the decoding waits for an action.
type stage struct {
	w      *weights
	first  []float32 // rows x heads*width, the latent's part of the first layer
	x, y   []float32 // rows x widest layer
	logits []float32 // rows x 2
}

func newStage(w *weights, rows int) *stage {
	l := w.l
	widest := 2
	for _, ws := range [][]int{l.Encoder, l.Head, l.Critic} {
		for _, n := range ws {
			widest = max(widest, n)
		}
	}
	return &stage{
		w: w, first: make([]float32, rows*l.Heads*l.Head[0]),
		x: make([]float32, rows*widest), y: make([]float32, rows*widest), logits: make([]float32, rows*2),
	}
}

// chain runs a plain network, ReLU but for the last layer, and returns its
// outputs.
func (s *stage) chain(net string, widths []int, rows int, in []float32, width int) []float32 {
	l := s.w.l
	out, spare := s.x, s.y
	for i, n := range widths {
		p := blas.Product{
			Count: 1, M: rows, N: n, K: width,
			A: blas.Strides{Row: width, Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n},
			ReLU: i < len(widths)-1,
		}
		blas.Mul(&p, in, network.Slice(s.w.data, l.Find(net, i, false)), network.Slice(s.w.data, l.Find(net, i, true)), out)
		in, width = out, n
		out, spare = spare, out
	}
	return in[:rows*width]
}

// begin runs the critic and the encoder, and the latent's part of the heads.
func (s *stage) begin(rows int, obs, value []float32) {
	l := s.w.l
	copy(value, s.chain("critic", l.Critic, rows, obs, l.Obs))
	latent := s.chain("encoder", l.Encoder, rows, obs, l.Obs)
	n := l.Heads * l.Head[0]
	p := blas.Product{
		Count: 1, M: rows, N: n, K: l.Latent(),
		A: blas.Strides{Row: l.Latent(), Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n},
	}
	blas.Mul(&p, latent, network.Slice(s.w.data, l.Find("heads", 0, false)), nil, s.first)
}

// head returns the logits of alpha and beta of head h, given the first h
// entities of prefix, rows x entities.
func (s *stage) head(h, rows int, prefix []float32) []float32 {
	l := s.w.l
	width := l.Head[0]
	all := l.Heads * width
	p := blas.Product{
		Count: 1, M: rows, N: width, K: h,
		A: blas.Strides{Row: l.Entities, Col: 1}, B: blas.Strides{Row: all}, C: blas.Strides{Row: all},
		Accumulate: true, ReLU: len(l.Head) > 1,
	}
	first := s.first[h*width:]
	blas.Mul(&p, prefix, network.Slice(s.w.data, l.Find("heads", 0, false))[l.Latent()*all+h*width:],
		network.Slice(s.w.data, l.Find("heads", 0, true))[h*width:], first)

	in, inRow, out, spare := first, all, s.x, s.y
	for i, n := range l.Head[1:] {
		if i == len(l.Head)-2 {
			out = s.logits
		}
		w, b := l.Find("heads", i+1, false), l.Find("heads", i+1, true)
		q := blas.Product{
			Count: 1, M: rows, N: n, K: width,
			A: blas.Strides{Row: inRow, Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n},
			ReLU: i < len(l.Head)-2,
		}
		blas.Mul(&q, in, network.Slice(s.w.data, w)[h*n*width:], network.Slice(s.w.data, b)[h*n:(h+1)*n], out)
		in, inRow, width = out, n, n
		out, spare = spare, out
	}
	return s.logits[:2*rows]
}
