package ops

import (
	"fmt"
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

func TestDenseGradient(t *testing.T) {
	for _, heads := range []int{0, 1, 3} {
		for _, relu := range []bool{false, true} {
			t.Run(fmt.Sprint(heads, relu), func(t *testing.T) {
				b := newBench(t, 1)
				const m, n, k = 5, 4, 3
				h := max(heads, 1)
				w, bias := []int{n, k}, []int{n}
				if heads > 0 {
					w, bias = []int{h, n, k}, []int{h, n}
				}
				x := b.input("x", b.normal, m, h*k)
				y, err := NewDense[float64](heads, relu, x, b.input("w", b.normal, w...), b.input("b", b.normal, bias...))
				b.check(b.scalar(y, err), 1e-6, "x", "w", "b")
			})
		}
	}
}

func TestMaskedGradient(t *testing.T) {
	for _, heads := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(heads), func(t *testing.T) {
			b := newBench(t, 2)
			const m, n, l = 6, 3, 4
			y, err := NewMasked[float64](heads, true, b.input("latent", b.normal, m, l), b.input("prefix", b.normal, m, heads+1),
				b.input("w", b.normal, heads, n, l+heads-1), b.input("b", b.normal, heads, n))
			b.check(b.scalar(y, err), 1e-6, "latent", "w", "b")
		})
	}
}

// Head i of the masked layer is a plain layer on latent and a_<i.
func TestMaskedSeesItsPrefixAlone(t *testing.T) {
	b := newBench(t, 3)
	const m, n, l, h = 5, 3, 4, 4
	latent, prefix := b.input("latent", b.normal, m, l), b.input("prefix", b.normal, m, h)
	w, bias := b.input("w", b.normal, h, n, l+h-1), b.input("b", b.normal, h, n)
	y, err := NewMasked[float64](h, false, latent, prefix, w, bias)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := NewMachine(b.g, y)
	if err != nil {
		t.Fatal(err)
	}
	machine.RunAll()
	got, _ := Elements[float64](y.Value())
	wd, bd := b.inputs["w"].data, b.inputs["b"].data
	for r := range m {
		for i := range h {
			for j := range n {
				want := bd[i*n+j]
				row := wd[(i*n+j)*(l+h-1):]
				for k := range l {
					want += row[k] * b.inputs["latent"].data[r*l+k]
				}
				for k := range i {
					want += row[l+k] * b.inputs["prefix"].data[r*h+k]
				}
				if g := got[r*h*n+i*n+j]; math.Abs(g-want) > 1e-12 {
					t.Fatalf("row %d, head %d, output %d: %g, want %g", r, i, j, g, want)
				}
			}
		}
	}
}

// The logits cover alpha and beta from 1e-3 to 1e5.
func TestBetaTermsGradient(t *testing.T) {
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 200}} {
		for _, span := range [][2]float64{{-0.5, 0.5}, {math.Log(1e-3), math.Log(1e-2)}, {math.Log(1e4), math.Log(1e5)}, {math.Log(1e-3), math.Log(1e5)}} {
			t.Run(fmt.Sprintf("%v %.2v", s, span), func(t *testing.T) {
				b := newBench(t, 4)
				const m, h = 12, 3
				logits := b.input("logits", func() float64 { return span[0] + (span[1]-span[0])*b.r.Float64() }, m, 2*h)
				logX, log1mX := b.input("logX", b.normal, m, h), b.input("log1mX", b.normal, m, h)
				mask := b.input("mask", func() float64 { return float64(b.r.IntN(4) / 2 % 2) }, m, h)
				width := b.input("logWidth", b.normal, m, h)
				for k := range b.inputs["logX"].data {
					// Points that such a distribution gives.
					x := s.typical(b.inputs["logits"].data[2*k:], b.r.Float64())
					b.inputs["logX"].data[k], b.inputs["log1mX"].data[k] = math.Log(x), math.Log1p(-x)
					if b.inputs["mask"].data[k] == 0 {
						// What a fixed entity stores, or anything else, is not read.
						b.inputs["logX"].data[k], b.inputs["logWidth"].data[k] = math.Inf(-1), math.NaN()
					}
				}
				y, err := NewBetaTerms[float64](s, logits, logX, log1mX, width, mask)
				b.check(b.scalar(y, err), 1e-6, "logits")
			})
		}
	}
}

// What trains, in float32 arrays and vectors, is what is checked, in float64.
func TestBetaTermsOfBothTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	const rows, heads, n = 13, 5, 13 * 5
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 50}} {
		in := make([][]float32, 5)
		for i := range in {
			in[i] = make([]float32, 2*n)
			for k := range in[i] {
				in[i][k] = float32(3 * r.NormFloat64())
			}
		}
		for k := range n {
			x := r.Float64()
			in[1][k], in[2][k], in[4][k] = float32(math.Log(x)), float32(math.Log1p(-x)), float32(r.IntN(2))
		}
		wide := make([][]float64, 5)
		for i := range in {
			for _, x := range in[i] {
				wide[i] = append(wide[i], float64(x))
			}
		}
		terms, slopes := make([]float32, 2*rows), make([]float64, 4*n)
		EvalBetaTerms(s, rows, heads, in[0], in[1], in[2], in[3], in[4], terms, slopes)
		want, wantSlopes := make([]float64, 2*rows), make([]float64, 4*n)
		EvalBetaTerms(s, rows, heads, wide[0], wide[1], wide[2], wide[3], wide[4], want, wantSlopes)
		for i := range want {
			if math.Abs(float64(terms[i])-want[i]) > 1e-6*(1+math.Abs(want[i])) {
				t.Errorf("%v: term %d is %g, want %g", s, i, terms[i], want[i])
			}
		}
		for i := range wantSlopes {
			if math.Abs(slopes[i]-wantSlopes[i]) > 1e-11*(1+math.Abs(wantSlopes[i])) {
				t.Errorf("%v: slope %d is %g, want %g", s, i, slopes[i], wantSlopes[i])
			}
		}
	}
	terms := []float32{1, 2}
	EvalBetaTerms(Shape{}, 1, 0, nil, nil, nil, nil, nil, terms, nil)
	if terms[0] != 0 || terms[1] != 0 {
		t.Errorf("an action of no heads has the terms %v", terms)
	}
}

// typical is a point near the mean of the distribution, moved by u.
func (s Shape) typical(logits []float64, u float64) float64 {
	a, _ := s.At(logits[0])
	c, _ := s.At(logits[1])
	mean := a / (a + c)
	sd := math.Sqrt(mean * (1 - mean) / (a + c + 1))
	return min(max(mean+(2*u-1)*sd, 1e-9), 1-1e-9)
}

func TestShape(t *testing.T) {
	for _, s := range []Shape{{Min: 1e-6}, {Min: 1e-6, Max: 100}, {Max: 1e4}} {
		for _, y := range []float64{1e-3, 0.5, 1, 20, 99} {
			l := s.Inverse(y)
			got, dy := s.At(l)
			if math.Abs(got-y) > 1e-12*y {
				t.Errorf("%v: y(Inverse(%g)) is %g", s, y, got)
			}
			const h = 1e-6
			up, _ := s.At(l + h)
			down, _ := s.At(l - h)
			if want := (up - down) / (2 * h); math.Abs(dy-want) > 1e-6*want {
				t.Errorf("%v: the slope at %g is %g, differences give %g", s, y, dy, want)
			}
		}
		if s.Max > 0 {
			if y, dy := s.At(1000); y != s.Max || math.IsNaN(dy) {
				t.Errorf("%v: y(1000) is %g with slope %g", s, y, dy)
			}
		}
	}
}

func TestLossGradient(t *testing.T) {
	b := newBench(t, 5)
	const m = 40
	terms, value := b.input("terms", b.normal, m, 2), b.input("value", b.normal, m, 1)
	in := &LossInputs{
		Terms: terms, Value: value,
		// Ratios on both sides of the clip range, for advantages of both signs.
		Old: b.input("old", b.normal, m), Advantage: b.input("adv", b.normal, m), Target: b.input("target", b.normal, m),
		Weight: b.input("weight", func() float64 { return float64(b.r.IntN(2)) / 20 }, m), Coef: b.input("coef", b.normal, 3),
	}
	copy(b.inputs["coef"].data, []float64{0.3, 0.5, 0.01})
	cases := map[string]int{}
	for r, old := range b.inputs["old"].data {
		rho, a := ratio(b.inputs["terms"].data[2*r], old), b.inputs["adv"].data[r]
		cases[fmt.Sprint(rho > 1.3, rho < 0.7, a > 0)]++
	}
	if len(cases) != 6 {
		t.Fatalf("the cases %v are not all", cases)
	}
	loss, err := NewLoss[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	b.check(loss, 1e-6, "terms", "value")
}

// The loss and its diagnostics by hand.
func TestLossValue(t *testing.T) {
	b := newBench(t, 6)
	in := &LossInputs{
		Terms: b.input("terms", b.normal, 3, 2), Value: b.input("value", b.normal, 3, 1),
		Old: b.input("old", b.normal, 3), Advantage: b.input("adv", b.normal, 3), Target: b.input("target", b.normal, 3),
		Weight: b.input("weight", b.normal, 3), Coef: b.input("coef", b.normal, 3),
	}
	set := func(name string, x ...float64) { copy(b.inputs[name].data, x) }
	set("terms", math.Log(1.5), 2, math.Log(0.5), 4, 1e4, 1e4)
	set("value", 1, 2, 1e4)
	set("old", 0, 0, 0)
	set("adv", 2, -1, 5)
	set("target", 0, 4, 0)
	set("weight", 0.5, 0.5, 0)
	set("coef", 0.3, 0.5, 0.1)
	loss, err := NewLoss[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	diag, err := NewLossDiagnostics[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(b.g, loss, diag)
	if err != nil {
		t.Fatal(err)
	}
	m.RunAll()
	// Ratios 1.5 and 0.5: min(3, 2.6) = 2.6 and min(-0.5, -0.7) = -0.7.
	want := [...]float64{-(2.6 - 0.7) / 2, (1. + 4) / 2, 3, (0.5 - math.Log(1.5) - 0.5 - math.Log(0.5)) / 2, 1, 0.5}
	got, _ := Elements[float64](diag.Value())
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-12 {
			t.Errorf("diagnostic %d is %g, want %g", i, got[i], w)
		}
	}
	l, _ := Elements[float64](loss.Value())
	if w := want[0] + 0.5*want[1] - 0.1*want[2]; math.Abs(l[0]-w) > 1e-12 {
		t.Errorf("the loss is %g, want %g", l[0], w)
	}
}

// A ratio far out neither overflows nor loses its pull.
func TestSurrogateOfExtremeRatios(t *testing.T) {
	for _, a := range []float32{-1, 1} {
		rho := ratio[float32](500, 0)
		v, slope := surrogate(rho, float64(a), 0.3)
		if math.IsInf(float64(float32(v)), 0) || math.IsInf(float64(float32(slope)), 0) || math.IsNaN(v) {
			t.Errorf("advantage %g: value %g, slope %g", a, v, slope)
		}
		if a < 0 && slope >= 0 || a > 0 && slope != 0 {
			t.Errorf("advantage %g: the slope is %g", a, slope)
		}
	}
	if rho := ratio[float32](-500, 0); rho != math.Exp(-500) {
		t.Errorf("a ratio of exp(-500) is %g", rho)
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	b := newBench(t, 7)
	x := b.input("x", b.normal, 4, 3)
	y, err := NewDense[float64](0, true, x, b.input("w", b.normal, 2, 3), b.input("b", b.normal, 2))
	cost := b.scalar(y, err)
	grads, err := G.Grad(cost, b.inputs["w"].node)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(b.g, cost, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	m.RunAll()
	if n := testing.AllocsPerRun(100, func() { m.RunAll() }); n != 0 {
		t.Errorf("a run allocates %v times", n)
	}
	// The layer, the scalar, its gradient, that before the activation and that of
	// w; neither that of x nor that of b.
	if m.Len() != 5 {
		t.Errorf("a run has %d ops: %v", m.Len(), m.Nodes())
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
