package ops

import (
	"errors"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
)

var errShapes = errors.New("the shapes do not fit")

// NewDense returns max(x W' + b, 0), or x W' + b without relu: one layer with
// weights as torch has them, (out, in). With heads > 0 it is a batch of layers
// over the head axis, the activations of the heads side by side.
func NewDense[T blas.Float](heads int, relu bool, x, w, b *G.Node) (*G.Node, error) {
	return apply(&dense[T]{layer: layer{heads: heads}, relu: relu}, x, w, b)
}

// layer is the geometry that a layer shares with its gradients.
type layer struct{ heads int }

// split returns heads, outputs and inputs of the shape of W.
func (l layer) split(w tensor.Shape) (h, n, k int) {
	if l.heads == 0 {
		return 1, w[0], w[1]
	}
	return w[0], w[1], w[2]
}

// wrank is the rank of W, one more than that of b.
func (l layer) wrank() int {
	if l.heads == 0 {
		return 2
	}
	return 3
}

func (l layer) wshape(n, k int) tensor.Shape {
	if l.heads == 0 {
		return tensor.Shape{n, k}
	}
	return tensor.Shape{l.heads, n, k}
}

func (l layer) count() int { return max(l.heads, 1) }

type dense[T blas.Float] struct {
	layer
	relu bool
	wt   []T // W', heads side by side: k x h*n
}

func (d *dense[T]) kind() Kind          { return Dense }
func (d *dense[T]) attrs() Attrs        { return Attrs{Heads: d.heads, ReLU: d.relu} }
func (d *dense[T]) ranks() ([]int, int) { return []int{2, d.wrank(), d.wrank() - 1}, 2 }

func (d *dense[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	h, n, k := d.split(in[1])
	if h != d.count() || in[0][1] != h*k || in[2].TotalSize() != h*n {
		return nil, errShapes
	}
	return tensor.Shape{in[0][0], h * n}, nil
}

func (d *dense[T]) run(out []T, in [][]T, s []tensor.Shape) {
	h, n, k := d.split(s[1])
	if d.wt == nil {
		d.wt = make([]T, len(in[1]))
	}
	blas.Transpose(h, n, k, in[1], k, n*k, d.wt, h*n, n)
	p := blas.Product{
		Count: h, M: s[0][0], N: n, K: k,
		A:    blas.Strides{Row: h * k, Col: 1, Batch: k},
		B:    blas.Strides{Row: h * n, Batch: n},
		C:    blas.Strides{Row: h * n, Batch: n},
		Bias: n, ReLU: d.relu,
	}
	blas.Mul(&p, in[0], d.wt, in[2], out)
}

func (d *dense[T]) wrt() []bool { return []bool{true, true, true} }

func (d *dense[T]) grads(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	gz, err := preactivation[T](d.relu, out, grad)
	if err != nil {
		return nil, err
	}
	_, n, k := d.split(in[1].Shape())
	gx, err := apply(&denseGradX[T]{layer: d.layer}, gz, in[1])
	if err != nil {
		return nil, err
	}
	gw, err := apply(&denseGradW[T]{layer: d.layer, n: n, k: k}, in[0], gz)
	if err != nil {
		return nil, err
	}
	gb, err := apply(&biasGrad[T]{of: in[2].Shape()}, gz)
	return G.Nodes{gx, gw, gb}, err
}

// preactivation returns the gradient before the activation of a layer.
func preactivation[T blas.Float](relu bool, out, grad *G.Node) (*G.Node, error) {
	if !relu {
		return grad, nil
	}
	return apply(&reluGrad[T]{}, out, grad)
}

type denseGradX[T blas.Float] struct {
	layer
	leaf
}

func (d *denseGradX[T]) kind() Kind          { return DenseGradX }
func (d *denseGradX[T]) attrs() Attrs        { return Attrs{Heads: d.heads} }
func (d *denseGradX[T]) ranks() ([]int, int) { return []int{2, d.wrank()}, 2 }

func (d *denseGradX[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	h, n, k := d.split(in[1])
	if h != d.count() || in[0][1] != h*n {
		return nil, errShapes
	}
	return tensor.Shape{in[0][0], h * k}, nil
}

func (d *denseGradX[T]) run(out []T, in [][]T, s []tensor.Shape) {
	h, n, k := d.split(s[1])
	p := blas.Product{
		Count: h, M: s[0][0], N: k, K: n,
		A: blas.Strides{Row: h * n, Col: 1, Batch: n},
		B: blas.Strides{Row: k, Batch: n * k},
		C: blas.Strides{Row: h * k, Batch: k},
	}
	blas.Mul(&p, in[0], in[1], nil, out)
}

type denseGradW[T blas.Float] struct {
	layer
	leaf
	n, k int
}

func (d *denseGradW[T]) kind() Kind          { return DenseGradW }
func (d *denseGradW[T]) attrs() Attrs        { return Attrs{Heads: d.heads} }
func (d *denseGradW[T]) ranks() ([]int, int) { return []int{2, 2}, d.wrank() }

func (d *denseGradW[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	h := d.count()
	if in[0][0] != in[1][0] || in[0][1] != h*d.k || in[1][1] != h*d.n {
		return nil, errShapes
	}
	return d.wshape(d.n, d.k), nil
}

func (d *denseGradW[T]) run(out []T, in [][]T, s []tensor.Shape) {
	h, n, k := d.count(), d.n, d.k
	p := blas.Product{
		Count: h, M: n, N: k, K: s[0][0],
		A: blas.Strides{Row: 1, Col: h * n, Batch: n},
		B: blas.Strides{Row: h * k, Batch: k},
		C: blas.Strides{Row: k, Batch: n * k},
	}
	blas.Mul(&p, in[1], in[0], nil, out)
}

type biasGrad[T blas.Float] struct {
	leaf
	of tensor.Shape
}

func (d *biasGrad[T]) kind() Kind          { return BiasGrad }
func (d *biasGrad[T]) attrs() Attrs        { return Attrs{} }
func (d *biasGrad[T]) ranks() ([]int, int) { return []int{2}, len(d.of) }

func (d *biasGrad[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if in[0][1] != d.of.TotalSize() {
		return nil, errShapes
	}
	return d.of.Clone(), nil
}

func (d *biasGrad[T]) run(out []T, in [][]T, _ []tensor.Shape) { blas.ColumnSums(out, in[0]) }

type reluGrad[T blas.Float] struct{ leaf }

func (*reluGrad[T]) kind() Kind          { return ReLUGrad }
func (*reluGrad[T]) attrs() Attrs        { return Attrs{} }
func (*reluGrad[T]) ranks() ([]int, int) { return []int{2, 2}, 2 }

func (*reluGrad[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if !in[0].Eq(in[1]) {
		return nil, errShapes
	}
	return in[0].Clone(), nil
}

func (*reluGrad[T]) run(out []T, in [][]T, _ []tensor.Shape) { blas.ReLUGrad(out, in[0], in[1]) }
