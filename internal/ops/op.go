package ops

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
)

// Kind says what an op computes.
type Kind int

// The kinds, with the shapes of inputs and result. M is the size of the
// minibatch, h the number of heads; a plain layer is one head with matrices of
// rank 2 in place of rank 3. Activations of heads lie side by side: M x h*n.
const (
	Dense      Kind = iota // x (M, h*k), W (h, n, k), b (h, n) -> f(x W' + b) (M, h*n)
	DenseGradX             // gz (M, h*n), W -> (M, h*k)
	DenseGradW             // x, gz -> (h, n, k)
	BiasGrad               // gz (M, h*n) -> (h, n)
	ReLUGrad               // y, gy -> gy where y > 0

	// Head i of the masked layer sees the latent and the first i components of
	// the prefix: k = L+h-1, and W[i, :, L+i:] has no effect.
	Masked           // latent (M, L), prefix (M, P), W (h, n, k), b (h, n) -> (M, h*n)
	MaskedGradLatent // gz (M, h*n), W -> (M, L)
	MaskedGradW      // latent, prefix, gz -> (h, n, k), 0 where W has no effect

	// Column 0 of the terms is the log-probability of an action, column 1 the
	// sum of the conditional entropies.
	BetaTerms     // logits (M, 2h), logX, log1mX, logWidth, mask (M, h) -> (M, 2)
	BetaTermsGrad // logits, logX, log1mX, mask, terms, gterms (M, 2) -> (M, 2h)

	// coef holds the clip range, the weight of the value loss and that of the
	// entropy; weight sums to 1 over the rows that count and is 0 elsewhere.
	Loss            // terms, value (M, 1), old, advantage, target, weight (M), coef (3) -> scalar
	LossGradTerms   // terms, old, advantage, weight, coef, g -> (M, 2)
	LossGradValue   // value, target, weight, coef, g -> (M, 1)
	LossDiagnostics // inputs of Loss -> (6): see Diagnostic
)

var kindNames = [...]string{
	"Dense", "DenseGradX", "DenseGradW", "BiasGrad", "ReLUGrad",
	"Masked", "MaskedGradLatent", "MaskedGradW",
	"BetaTerms", "BetaTermsGrad",
	"Loss", "LossGradTerms", "LossGradValue", "LossDiagnostics",
}

func (k Kind) String() string { return kindNames[k] }

// Attrs are the constants of an op. Those that its kind does not use are 0.
type Attrs struct {
	Heads int  // of Dense, Masked and their gradients; 0 for a plain layer
	ReLU  bool // of Dense and Masked
	Shape Shape
}

// Kernel is an op of this package, whatever its type of elements.
type Kernel interface {
	G.SDOp
	Kind() Kind
	Attrs() Attrs
}

// kernel is what the kinds differ in.
type kernel[T blas.Float] interface {
	kind() Kind
	attrs() Attrs

	// ranks returns the ranks of the inputs and of the result.
	ranks() (in []int, out int)

	// shape returns the shape of the result, an error where the inputs do not
	// fit together.
	shape(in []tensor.Shape) (tensor.Shape, error)

	run(out []T, in [][]T, shapes []tensor.Shape)

	// wrt says which inputs have a gradient, and grads builds them. It is nil
	// where none has.
	wrt() []bool
	grads(in G.Nodes, out, grad *G.Node) (G.Nodes, error)
}

// op makes a gorgonia.Op of a kernel.
type op[T blas.Float] struct {
	kernel[T]
	id uint64

	// The result, and the inputs that Do saw last.
	value  G.Value
	out    []T
	seen   []G.Value
	in     [][]T
	shapes []tensor.Shape
}

var lastID atomic.Uint64

// apply adds a node for the kernel to the graph of its inputs.
func apply[T blas.Float](k kernel[T], in ...*G.Node) (*G.Node, error) {
	return G.ApplyOp(&op[T]{kernel: k, id: lastID.Add(1)}, in...)
}

func (o *op[T]) Kind() Kind   { return o.kind() }
func (o *op[T]) Attrs() Attrs { return o.attrs() }

func (o *op[T]) Arity() int {
	in, _ := o.ranks()
	return len(in)
}

func (o *op[T]) Type() hm.Type {
	in, out := o.ranks()
	ts := make([]hm.Type, 0, len(in)+1)
	for _, r := range append(in[:len(in):len(in)], out) {
		if r == 0 {
			ts = append(ts, Dtype[T]())
			continue
		}
		ts = append(ts, G.TensorType{Dims: r, Of: Dtype[T]()})
	}
	return hm.NewFnType(ts...)
}

func (o *op[T]) InferShape(ds ...G.DimSizer) (tensor.Shape, error) {
	in, err := G.DimSizersToShapes(ds)
	if err != nil {
		return nil, err
	}
	return o.check(in)
}

func (o *op[T]) check(in []tensor.Shape) (tensor.Shape, error) {
	s, err := o.shape(in)
	if err != nil {
		return nil, fmt.Errorf("ops: %v of %v: %w", o.kind(), in, err)
	}
	return s, nil
}

func (o *op[T]) ReturnsPtr() bool     { return true }
func (o *op[T]) CallsExtern() bool    { return false }
func (o *op[T]) OverwritesInput() int { return -1 }
func (o *op[T]) String() string       { return o.kind().String() }

// WriteHash tells every op from every other: two that are equal still own
// different buffers.
func (o *op[T]) WriteHash(h hash.Hash) { fmt.Fprintf(h, "paspo.%v#%d", o.kind(), o.id) }

func (o *op[T]) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// bind fixes the inputs that run works on, and makes the result.
func (o *op[T]) bind(in []G.Value) error {
	if len(o.seen) == len(in) {
		same := true
		for i := range in {
			same = same && in[i] == o.seen[i]
		}
		if same {
			return nil
		}
	}
	o.in, o.shapes = make([][]T, len(in)), make([]tensor.Shape, len(in))
	for i, v := range in {
		var err error
		if o.in[i], err = Elements[T](v); err != nil {
			return fmt.Errorf("ops: input %d of %v: %w", i, o.kind(), err)
		}
		o.shapes[i] = v.Shape()
	}
	s, err := o.check(o.shapes)
	if err != nil {
		return err
	}
	if o.value == nil || !o.value.Shape().Eq(s) {
		o.value = newValue[T](s)
		if o.out, err = Elements[T](o.value); err != nil {
			return err
		}
	}
	o.seen = append([]G.Value(nil), in...)
	return nil
}

// result returns the value that the op writes, nil before it is bound.
func (o *op[T]) result() G.Value { return o.value }

func (o *op[T]) exec() { o.run(o.out, o.in, o.shapes) }

func (o *op[T]) Do(in ...G.Value) (G.Value, error) {
	if err := o.bind(in); err != nil {
		return nil, err
	}
	o.exec()
	return o.value, nil
}

func (o *op[T]) DiffWRT(n int) []bool {
	if w := o.wrt(); w != nil {
		return w
	}
	return make([]bool, n)
}

func (o *op[T]) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	if o.wrt() == nil {
		return nil, fmt.Errorf("ops: %v has no gradient", o.kind())
	}
	return o.grads(in, out, grad)
}

// leaf gives the gradients, which have none of their own, the rest of kernel.
type leaf struct{}

func (leaf) wrt() []bool { return nil }

func (leaf) grads(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) { return nil, nil }
