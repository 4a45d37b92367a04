package policy

import (
	"paspo/internal/blas"
)

// weights are the parameters arranged for decoding: transposed, so that a row
// of a layer's input meets contiguous rows of weights.
type weights struct {
	data []float32
	l    *layout
}

// refresh rearranges the parameters.
func (w *weights) refresh(params []float32) {
	l := w.l
	if w.data == nil {
		w.data = make([]float32, l.size)
	}
	for i := range l.tensors {
		s := &l.tensors[i]
		src, dst := slice(params, s), slice(w.data, s)
		switch {
		case s.bias:
			copy(dst, src)
		case s.net == "heads" && s.layer == 0:
			// All heads side by side: in x heads*out.
			blas.Transpose(l.heads, s.out, s.in, src, s.in, s.in*s.out, dst, l.heads*s.out, s.out)
		case s.net == "heads":
			blas.Transpose(l.heads, s.out, s.in, src, s.in, s.in*s.out, dst, s.out, s.in*s.out)
		default:
			blas.Transpose(1, s.out, s.in, src, s.in, 0, dst, s.out, 0)
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
	for _, ws := range [][]int{l.encoder, l.head, l.critics} {
		for _, n := range ws {
			widest = max(widest, n)
		}
	}
	return &stage{
		w: w, first: make([]float32, rows*l.heads*l.head[0]),
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
		blas.Mul(&p, in, slice(s.w.data, l.find(net, i, false)), slice(s.w.data, l.find(net, i, true)), out)
		in, width = out, n
		out, spare = spare, out
	}
	return in[:rows*width]
}

// begin runs the critic and the encoder, and the latent's part of the heads.
func (s *stage) begin(rows int, obs, value []float32) {
	l := s.w.l
	copy(value, s.chain("critic", l.critics, rows, obs, l.obs))
	latent := s.chain("encoder", l.encoder, rows, obs, l.obs)
	n := l.heads * l.head[0]
	p := blas.Product{
		Count: 1, M: rows, N: n, K: l.latent(),
		A: blas.Strides{Row: l.latent(), Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n},
	}
	blas.Mul(&p, latent, slice(s.w.data, l.find("heads", 0, false)), nil, s.first)
}

// head returns the logits of alpha and beta of head h, given the first h
// entities of prefix, rows x entities.
func (s *stage) head(h, rows int, prefix []float32) []float32 {
	l := s.w.l
	width := l.head[0]
	all := l.heads * width
	p := blas.Product{
		Count: 1, M: rows, N: width, K: h,
		A: blas.Strides{Row: l.entities, Col: 1}, B: blas.Strides{Row: all}, C: blas.Strides{Row: all},
		Accumulate: true, ReLU: len(l.head) > 1,
	}
	first := s.first[h*width:]
	blas.Mul(&p, prefix, slice(s.w.data, l.find("heads", 0, false))[l.latent()*all+h*width:],
		slice(s.w.data, l.find("heads", 0, true))[h*width:], first)

	in, inRow, out, spare := first, all, s.x, s.y
	for i, n := range l.head[1:] {
		if i == len(l.head)-2 {
			out = s.logits
		}
		w, b := l.find("heads", i+1, false), l.find("heads", i+1, true)
		q := blas.Product{
			Count: 1, M: rows, N: n, K: width,
			A: blas.Strides{Row: inRow, Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n},
			ReLU: i < len(l.head)-2,
		}
		blas.Mul(&q, in, slice(s.w.data, w)[h*n*width:], slice(s.w.data, b)[h*n:(h+1)*n], out)
		in, inRow, width = out, n, n
		out, spare = spare, out
	}
	return s.logits[:2*rows]
}
