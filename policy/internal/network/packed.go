package network

import "paspo/internal/blas"

// Pack copies parameters, or data in the same layout, to packed, which has the layout of the
// network in C.
func (l *Layout) Pack(n *blas.Network, packed, params []float32) {
	l.rows(n, func(row []float32, at, stride int) {
		for i, x := range row {
			packed[at+i*stride] = x
		}
	}, params)
}

// Unpack copies from the layout of the network in C back to that of the parameters.
func (l *Layout) Unpack(n *blas.Network, params, packed []float32) {
	l.rows(n, func(row []float32, at, stride int) {
		for i := range row {
			row[i] = packed[at+i*stride]
		}
	}, params)
}

// rows calls f for the weights of every output that have an effect, and for every bias. It
// passes them, the place of the first in the layout of C, and the distance from one to the
// next there.
func (l *Layout) rows(n *blas.Network, f func(row []float32, at, stride int), params []float32) {
	for i := range l.Tensors {
		s := &l.Tensors[i]
		heads := 1
		if s.Net == "heads" {
			heads = l.Heads
		}
		at := s.At
		for h := range heads {
			to := n.Layer(s.Net, h, s.Layer)
			if s.Bias {
				f(params[at:at+s.Out], to.Bias, 1)
				at += s.Out
				continue
			}
			for out := range s.Out {
				// Head h sees the first to.Inputs of its inputs.
				place, stride := to.Weights(out)
				f(params[at:at+to.Inputs], place, stride)
				at += s.In
			}
		}
	}
}
