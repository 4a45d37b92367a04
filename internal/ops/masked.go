package ops

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
)

// NewMasked returns the first layer of all heads in one product. Head i sees
// the latent and the first i entities of the action, the fixed mask of MADE
// (Germain et al., arXiv 1502.03509), so that one pass evaluates every
// conditional of an action that is known. The prefix has no gradient.
func NewMasked[T blas.Float](heads int, relu bool, latent, prefix, w, b *G.Node) (*G.Node, error) {
	return apply(&masked[T]{mask: mask{heads}, relu: relu}, latent, prefix, w, b)
}

// mask is the geometry that the layer shares with its gradients.
type mask struct{ heads int }

// fits reports whether latent, prefix and W belong together.
func (m mask) fits(latent, prefix, w tensor.Shape) bool {
	return latent[0] == prefix[0] && prefix[1] >= m.heads-1 && w[0] == m.heads && w[2] == latent[1]+m.heads-1
}

// side writes latent and the part of the prefix that heads see side by side.
func side[T blas.Float](dst *[]T, latent, prefix []T, rows, heads int) []T {
	l, p := len(latent)/rows, len(prefix)/rows
	k := l + heads - 1
	if len(*dst) != rows*k {
		*dst = make([]T, rows*k)
	}
	x := *dst
	for r := range rows {
		copy(x[r*k:], latent[r*l:(r+1)*l])
		copy(x[r*k+l:(r+1)*k], prefix[r*p:])
	}
	return x
}

type masked[T blas.Float] struct {
	mask
	relu  bool
	x, wt []T // inputs side by side; W', heads side by side: k x h*n
}

func (m *masked[T]) kind() Kind          { return Masked }
func (m *masked[T]) attrs() Attrs        { return Attrs{Heads: m.heads, ReLU: m.relu} }
func (m *masked[T]) ranks() ([]int, int) { return []int{2, 2, 3, 2}, 2 }

func (m *masked[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if !m.fits(in[0], in[1], in[2]) || in[3][0] != in[2][0] || in[3][1] != in[2][1] {
		return nil, errShapes
	}
	return tensor.Shape{in[0][0], m.heads * in[2][1]}, nil
}

func (m *masked[T]) run(out []T, in [][]T, s []tensor.Shape) {
	rows, h, n, k := s[0][0], m.heads, s[2][1], s[2][2]
	x := side(&m.x, in[0], in[1], rows, h)
	if m.wt == nil {
		m.wt = make([]T, len(in[2]))
	}
	blas.Transpose(h, n, k, in[2], k, n*k, m.wt, h*n, n)
	p := blas.Product{
		Count: h, M: rows, N: n, K: k - (h - 1), KGrow: 1,
		A:    blas.Strides{Row: k, Col: 1},
		B:    blas.Strides{Row: h * n, Batch: n},
		C:    blas.Strides{Row: h * n, Batch: n},
		Bias: n, ReLU: m.relu,
	}
	blas.Mul(&p, x, m.wt, in[3], out)
}

func (m *masked[T]) wrt() []bool { return []bool{true, false, true, true} }

func (m *masked[T]) grads(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	gz, err := preactivation[T](m.relu, out, grad)
	if err != nil {
		return nil, err
	}
	gl, err := apply(&maskedGradLatent[T]{mask: m.mask}, gz, in[2])
	if err != nil {
		return nil, err
	}
	gw, err := apply(&maskedGradW[T]{mask: m.mask, n: in[2].Shape()[1]}, in[0], in[1], gz)
	if err != nil {
		return nil, err
	}
	gb, err := apply(&biasGrad[T]{of: in[3].Shape()}, gz)
	return G.Nodes{gl, nil, gw, gb}, err
}

type maskedGradLatent[T blas.Float] struct {
	mask
	leaf
}

func (m *maskedGradLatent[T]) kind() Kind          { return MaskedGradLatent }
func (m *maskedGradLatent[T]) attrs() Attrs        { return Attrs{Heads: m.heads} }
func (m *maskedGradLatent[T]) ranks() ([]int, int) { return []int{2, 3}, 2 }

func (m *maskedGradLatent[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	if in[1][0] != m.heads || in[0][1] != m.heads*in[1][1] || in[1][2] < m.heads {
		return nil, errShapes
	}
	return tensor.Shape{in[0][0], in[1][2] - (m.heads - 1)}, nil
}

func (m *maskedGradLatent[T]) run(out []T, in [][]T, s []tensor.Shape) {
	k := s[1][2]
	l := k - (m.heads - 1)
	// The heads are one long axis to sum over.
	p := blas.Product{
		Count: 1, M: s[0][0], N: l, K: s[0][1],
		A: blas.Strides{Row: s[0][1], Col: 1},
		B: blas.Strides{Row: k},
		C: blas.Strides{Row: l},
	}
	blas.Mul(&p, in[0], in[1], nil, out)
}

type maskedGradW[T blas.Float] struct {
	mask
	leaf
	n int
	x []T
}

func (m *maskedGradW[T]) kind() Kind          { return MaskedGradW }
func (m *maskedGradW[T]) attrs() Attrs        { return Attrs{Heads: m.heads} }
func (m *maskedGradW[T]) ranks() ([]int, int) { return []int{2, 2, 2}, 3 }

func (m *maskedGradW[T]) shape(in []tensor.Shape) (tensor.Shape, error) {
	w := tensor.Shape{m.heads, m.n, in[0][1] + m.heads - 1}
	if !m.fits(in[0], in[1], w) || in[2][0] != in[0][0] || in[2][1] != m.heads*m.n {
		return nil, errShapes
	}
	return w, nil
}

// run leaves the entries without effect at the 0 that the buffer was made with.
func (m *maskedGradW[T]) run(out []T, in [][]T, s []tensor.Shape) {
	rows, h, n, l := s[0][0], m.heads, m.n, s[0][1]
	k := l + h - 1
	x := side(&m.x, in[0], in[1], rows, h)
	p := blas.Product{
		Count: h, M: n, N: l, NGrow: 1, K: rows,
		A: blas.Strides{Row: 1, Col: h * n, Batch: n},
		B: blas.Strides{Row: k},
		C: blas.Strides{Row: k, Batch: n * k},
	}
	blas.Mul(&p, in[2], x, nil, out)
}
