package network

import "paspo/internal/blas"

// Pack copies parameters, or what is laid out as they are, to the places that the network
// in C has them in.
func (l *Layout) Pack(n *blas.Network, packed, params []float32) {
	l.rows(n, func(row []float32, at, stride int) {
		for i, x := range row {
			packed[at+i*stride] = x
		}
	}, params)
}

// Unpack copies back what Pack has copied.
func (l *Layout) Unpack(n *blas.Network, params, packed []float32) {
	l.rows(n, func(row []float32, at, stride int) {
		for i := range row {
			row[i] = packed[at+i*stride]
		}
	}, params)
}

// rows calls f for the weights of every output, and for every bias, that have an effect, with
// the place of the first in C and the distance between those that follow.
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
				// This head does not see the inputs beyond these.
				place, stride := to.Weights(out)
				f(params[at:at+to.Inputs], place, stride)
				at += s.In
			}
		}
	}
}
