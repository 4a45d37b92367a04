package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// weigh is a scalar that every element of x matters to: sum_i c_i x_i. It
// closes the graph of a single op for gorgonia.Grad.
type weigh struct {
	c  []float64
	of tensor.Shape
}

func (w *weigh) kind() Kind          { return Kind(0) }
func (w *weigh) attrs() Attrs        { return Attrs{} }
func (w *weigh) ranks() ([]int, int) { return []int{len(w.of)}, 0 }
func (w *weigh) wrt() []bool         { return []bool{true} }

func (w *weigh) shape([]tensor.Shape) (tensor.Shape, error) { return tensor.ScalarShape(), nil }

func (w *weigh) run(out []float64, in [][]float64, _ []tensor.Shape) {
	out[0] = 0
	for i, c := range w.c {
		out[0] += c * in[0][i]
	}
}

func (w *weigh) grads(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := apply(&weighGrad{w: w}, grad)
	return G.Nodes{n}, err
}

type weighGrad struct {
	leaf
	w *weigh
}

func (w *weighGrad) kind() Kind                                 { return Kind(0) }
func (w *weighGrad) attrs() Attrs                               { return Attrs{} }
func (w *weighGrad) ranks() ([]int, int)                        { return []int{0}, len(w.w.of) }
func (w *weighGrad) shape([]tensor.Shape) (tensor.Shape, error) { return w.w.of, nil }

func (w *weighGrad) run(out []float64, in [][]float64, _ []tensor.Shape) {
	for i, c := range w.w.c {
		out[i] = c * in[0][0]
	}
}

// bench is a graph under test: its inputs, in float64, and the scalar.
type bench struct {
	t      *testing.T
	g      *G.ExprGraph
	r      *rand.Rand
	inputs map[string]*input
}

type input struct {
	node *G.Node
	data []float64
}

func newBench(t *testing.T, seed uint64) *bench {
	return &bench{t: t, g: G.NewGraph(), r: rand.New(rand.NewPCG(seed, 1)), inputs: map[string]*input{}}
}

// input makes an input whose elements come from draw.
func (b *bench) input(name string, draw func() float64, shape ...int) *G.Node {
	size := 1
	for _, d := range shape {
		size *= d
	}
	data := make([]float64, size)
	for i := range data {
		data[i] = draw()
	}
	n := G.NewTensor(b.g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(Tensor(data, shape...)))
	b.inputs[name] = &input{n, data}
	return n
}

func (b *bench) normal() float64 { return b.r.NormFloat64() }

// scalar closes a graph.
func (b *bench) scalar(x *G.Node, err error) *G.Node {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	w := &weigh{of: x.Shape(), c: make([]float64, x.Shape().TotalSize())}
	for i := range w.c {
		w.c[i] = b.normal()
	}
	s, err := apply(w, x)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// check compares the gradients of cost by the named inputs with central
// differences, which it takes with a step relative to the input and holds to
// tol of the gradient plus floor of the cost. It runs the machine and Gorgonia's
// own tape machine.
func (b *bench) check(cost *G.Node, tol float64, names ...string) {
	t := b.t
	t.Helper()
	var wrt G.Nodes
	for _, n := range names {
		wrt = append(wrt, b.inputs[n].node)
	}
	grads, err := G.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(b.g, append(G.Nodes{cost}, grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	value, err := Elements[float64](cost.Value())
	if err != nil {
		t.Fatal(err)
	}
	run := func() float64 {
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return value[0]
	}
	run()
	if n := m.NonFinite(); n != nil {
		t.Fatalf("%v is not finite", n)
	}
	got := make([][]float64, len(grads))
	for i, n := range grads {
		e, err := Elements[float64](n.Value())
		if err != nil {
			t.Fatal(err)
		}
		got[i] = append([]float64(nil), e...)
	}
	for i, name := range names {
		x := b.inputs[name].data
		for k := range x {
			x0 := x[k]
			h := 1e-5 * max(1, math.Abs(x0))
			d := func(h float64) float64 {
				x[k] = x0 + h
				up := run()
				x[k] = x0 - h
				down := run()
				x[k] = x0
				return (up - down) / (2 * h)
			}
			// Richardson's extrapolation of two central differences.
			want := (4*d(h) - d(2*h)) / 3
			scale := math.Abs(want) + math.Abs(run())*1e-3
			if math.Abs(got[i][k]-want) > tol*max(scale, 1e-3) {
				t.Errorf("the gradient by %s[%d] = %g is %.10g, differences give %.10g", name, k, x0, got[i][k], want)
			}
		}
	}

	// The tape machine, on the same graph, gives the same bits.
	tape := G.NewTapeMachine(b.g)
	defer tape.Close()
	before := run()
	if err := tape.RunAll(); err != nil {
		t.Fatal(err)
	}
	if value[0] != before {
		t.Errorf("the tape machine gives %v, the machine %v", value[0], before)
	}
	for i, n := range grads {
		e, _ := Elements[float64](n.Value())
		for k := range e {
			if e[k] != got[i][k] {
				t.Fatalf("gradient %d, element %d: the tape machine gives %v, the machine %v", i, k, e[k], got[i][k])
			}
		}
	}
}

func TestBadShapes(t *testing.T) {
	b := newBench(t, 8)
	x, w, bias := b.input("x", b.normal, 4, 3), b.input("w", b.normal, 2, 5), b.input("b", b.normal, 2)
	if _, err := NewDense[float64](0, true, x, w, bias); err == nil {
		t.Error("a layer of 5 inputs takes 3")
	}
	y, err := NewDense[float64](0, true, b.input("x5", b.normal, 4, 5), w, bias)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := G.Sum(y)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewMachine(b.g, sum); err == nil {
		t.Error("an op from elsewhere is planned")
	}
}
