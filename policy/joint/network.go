package joint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/blas"
)

// layer is an affine map, followed by ReLU in all but the last layer of a network. Weights
// are (out, in) as in torch.
type layer struct {
	in, out      int
	weight, bias []float32 // parts of the parameters of the backend
	dw, db       []float32 // parts of its gradient
	transposed   []float32 // weight as (in, out)

	y, dy, ty []float32 // rows x out: outputs, derivatives of the loss by them, tangents
}

// network is a sequence of layers.
type network struct {
	name   string
	layers []layer
	x      []float32 // input of the last forward
	stale  bool      // the weights have changed since they were transposed
}

// size returns the number of parameters.
func (n *network) size() (size int) {
	for _, l := range n.layers {
		size += l.out * (l.in + 1)
	}
	return size
}

func newNetwork(name string, in int, widths ...int) *network {
	n := &network{name: name, stale: true}
	for _, out := range widths {
		n.layers = append(n.layers, layer{in: in, out: out, transposed: make([]float32, in*out)})
		in = out
	}
	return n
}

// place assigns parts of params and grads to the layers, and returns the rest.
func (n *network) place(params, grads []float32) (p, g []float32) {
	for i := range n.layers {
		l := &n.layers[i]
		w := l.in * l.out
		l.weight, l.bias, params = params[:w:w], params[w:w+l.out:w+l.out], params[w+l.out:]
		l.dw, l.db, grads = grads[:w:w], grads[w:w+l.out:w+l.out], grads[w+l.out:]
	}
	return params, grads
}

// initialise draws weights and biases uniformly in +-1/sqrt(in).
func (n *network) initialise(r *rand.Rand) {
	for _, l := range n.layers {
		bound := 1 / math.Sqrt(float64(l.in))
		for _, p := range [][]float32{l.weight, l.bias} {
			for k := range p {
				p[k] = float32(bound * (2*r.Float64() - 1))
			}
		}
	}
}

// tensors calls f with the name, the shape and the size of every tensor in order.
func (n *network) tensors(f func(name string, shape []int, size int)) {
	for i, l := range n.layers {
		f(fmt.Sprintf("%s.%d.weight", n.name, i), []int{l.out, l.in}, l.out*l.in)
		f(fmt.Sprintf("%s.%d.bias", n.name, i), []int{l.out}, l.out)
	}
}

// derivatives returns the slice that the derivatives of the loss by the outputs are to be
// written to before backward.
func (n *network) derivatives() []float32 {
	l := &n.layers[len(n.layers)-1]
	l.dy = resized(l.dy, len(l.y))
	return l.dy
}

func resized[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// forward evaluates the network on the rows of x. backward reads x again.
func (n *network) forward(x []float32, rows int) []float32 {
	if n.stale {
		for _, l := range n.layers {
			blas.Transpose(1, l.out, l.in, l.weight, l.in, 0, l.transposed, l.out, 0)
		}
		n.stale = false
	}
	n.x = x
	for i := range n.layers {
		l := &n.layers[i]
		l.y = resized(l.y, rows*l.out)
		blas.Mul(&blas.Product{
			Count: 1, M: rows, N: l.out, K: l.in, A: blas.Strides{Row: l.in, Col: 1}, B: blas.Strides{Row: l.out}, C: blas.Strides{Row: l.out},
			ReLU: i < len(n.layers)-1,
		}, x, l.transposed, l.bias, l.y)
		x = l.y
	}
	return x
}

// backward adds the gradient of the parameters, given derivatives().
func (n *network) backward() {
	for i := len(n.layers) - 1; i >= 0; i-- {
		l := &n.layers[i]
		rows := len(l.y) / l.out
		x := n.x
		if i > 0 {
			x = n.layers[i-1].y
		}
		blas.Mul(&blas.Product{
			Count: 1, M: l.out, N: l.in, K: rows, A: blas.Strides{Row: 1, Col: l.out}, B: blas.Strides{Row: l.in}, C: blas.Strides{Row: l.in},
			Accumulate: true,
		}, l.dy, x, nil, l.dw)
		for r := range rows {
			for j, d := range l.dy[r*l.out : (r+1)*l.out] {
				l.db[j] += d
			}
		}
		if i == 0 {
			return
		}
		below := &n.layers[i-1]
		below.dy = resized(below.dy, rows*below.out)
		blas.Mul(&blas.Product{
			Count: 1, M: rows, N: l.in, K: l.out, A: blas.Strides{Row: l.out, Col: 1}, B: blas.Strides{Row: l.in}, C: blas.Strides{Row: l.in},
		}, l.dy, l.weight, nil, below.dy)
		blas.ReLUGrad(below.dy, below.y, below.dy)
	}
}

// tangent returns the derivative of the outputs along a direction v of the parameters, at
// the rows of the last forward.
func (n *network) tangent(v []float32) []float32 {
	var below []float32
	x := n.x
	for i := range n.layers {
		l := &n.layers[i]
		rows, w := len(l.y)/l.out, l.in*l.out
		l.ty = resized(l.ty, rows*l.out)
		// dW x + W dx + db, with (dW, db) the direction.
		dw := make([]float32, w)
		blas.Transpose(1, l.out, l.in, v[:w], l.in, 0, dw, l.out, 0)
		p := blas.Product{
			Count: 1, M: rows, N: l.out, K: l.in, A: blas.Strides{Row: l.in, Col: 1}, B: blas.Strides{Row: l.out}, C: blas.Strides{Row: l.out},
		}
		blas.Mul(&p, x, dw, v[w:w+l.out], l.ty)
		if below != nil {
			p.Accumulate = true
			blas.Mul(&p, below, l.transposed, nil, l.ty)
		}
		if i < len(n.layers)-1 {
			blas.ReLUGrad(l.ty, l.y, l.ty)
		}
		v, x, below = v[w+l.out:], l.y, l.ty
	}
	return below
}
