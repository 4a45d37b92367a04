package export

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"paspo/internal/onnx"
)

// tensor holds elements of any type as float64, booleans as 0 and 1.
type tensor struct {
	dims []int
	data []float64
}

// node and model are the parts of a file that parse reads.
type node struct {
	op              string
	inputs, outputs []string
	ints            map[string]int64
}

type model struct {
	nodes     []node
	constants map[string]tensor
	outputs   []string
	metadata  map[string]string
	opset     uint64
}

// fields calls f with the fields of a message.
func fields(t *testing.T, b []byte, f func(num protowire.Number, v uint64, data []byte)) {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		var v uint64
		var data []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d has type %d", num, typ)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		f(num, v, data)
	}
}

// parse reads a file by the field numbers of onnx.proto.
func parse(t *testing.T, file []byte) *model {
	t.Helper()
	m := &model{constants: map[string]tensor{}, metadata: map[string]string{}}
	fields(t, file, func(num protowire.Number, v uint64, data []byte) {
		switch num {
		case 7:
			fields(t, data, func(num protowire.Number, _ uint64, data []byte) {
				switch num {
				case 1:
					m.nodes = append(m.nodes, parseNode(t, data))
				case 5:
					name, x := parseTensor(t, data)
					m.constants[name] = x
				case 12:
					fields(t, data, func(num protowire.Number, _ uint64, data []byte) {
						if num == 1 {
							m.outputs = append(m.outputs, string(data))
						}
					})
				}
			})
		case 8:
			fields(t, data, func(_ protowire.Number, v uint64, _ []byte) { m.opset = v })
		case 14:
			var pair [2]string
			fields(t, data, func(num protowire.Number, _ uint64, data []byte) { pair[num-1] = string(data) })
			m.metadata[pair[0]] = pair[1]
		}
	})
	return m
}

func parseNode(t *testing.T, b []byte) node {
	n := node{ints: map[string]int64{}}
	fields(t, b, func(num protowire.Number, _ uint64, data []byte) {
		switch num {
		case 1:
			n.inputs = append(n.inputs, string(data))
		case 2:
			n.outputs = append(n.outputs, string(data))
		case 4:
			n.op = string(data)
		case 5:
			name, x := "", int64(0)
			fields(t, data, func(num protowire.Number, v uint64, data []byte) {
				switch num {
				case 1:
					name = string(data)
				case 3:
					x = int64(v)
				}
			})
			n.ints[name] = x
		}
	})
	return n
}

func parseTensor(t *testing.T, b []byte) (name string, x tensor) {
	var typ onnx.Type
	var raw []byte
	fields(t, b, func(num protowire.Number, v uint64, data []byte) {
		switch num {
		case 1:
			x.dims = append(x.dims, int(v))
		case 2:
			typ = onnx.Type(v)
		case 8:
			name = string(data)
		case 9:
			raw = data
		}
	})
	size := map[onnx.Type]int{onnx.Float32: 4, onnx.Int64: 8, onnx.Bool: 1, onnx.Float64: 8}[typ]
	for e := range slices.Chunk(raw, size) {
		var v float64
		switch typ {
		case onnx.Float32:
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(e)))
		case onnx.Float64:
			v = math.Float64frombits(binary.LittleEndian.Uint64(e))
		case onnx.Int64:
			v = float64(int64(binary.LittleEndian.Uint64(e)))
		case onnx.Bool:
			v = float64(e[0])
		}
		x.data = append(x.data, v)
	}
	if len(x.data) != elements(x.dims) {
		t.Fatalf("constant %s has %d elements for %v", name, len(x.data), x.dims)
	}
	return name, x
}

func elements(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// run computes the outputs, by the definitions of the operators.
func (m *model) run(inputs map[string]tensor) (out map[string]tensor, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	v := map[string]tensor{}
	for name, x := range m.constants {
		v[name] = x
	}
	for name, x := range inputs {
		v[name] = x
	}
	for _, n := range m.nodes {
		in := make([]tensor, len(n.inputs))
		for i, name := range n.inputs {
			x, ok := v[name]
			if !ok {
				return nil, fmt.Errorf("%s reads %s, which nothing has computed", n.op, name)
			}
			in[i] = x
		}
		for i, x := range n.apply(in) {
			if _, twice := v[n.outputs[i]]; twice {
				return nil, fmt.Errorf("%s is computed twice", n.outputs[i])
			}
			v[n.outputs[i]] = x
		}
	}
	out = map[string]tensor{}
	for _, name := range m.outputs {
		out[name] = v[name]
	}
	return out, nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// most and least ignore a NaN, as some programs do that run graphs.
func most(a, b float64) float64 {
	if b > a || a != a {
		return b
	}
	return a
}

func least(a, b float64) float64 { return -most(-a, -b) }

var elementwise = map[string]func(x []float64) float64{
	"Add": func(x []float64) float64 { return x[0] + x[1] },
	"Sub": func(x []float64) float64 { return x[0] - x[1] },
	"Mul": func(x []float64) float64 { return x[0] * x[1] },
	"Div": func(x []float64) float64 { return x[0] / x[1] },
	"Min": func(x []float64) float64 { return least(x[0], x[1]) },
	"Max": func(x []float64) float64 { return most(x[0], x[1]) },
	"Where": func(x []float64) float64 {
		if x[0] != 0 {
			return x[1]
		}
		return x[2]
	},
	"LessOrEqual": func(x []float64) float64 { return truth(x[0] <= x[1]) },
	"Greater":     func(x []float64) float64 { return truth(x[0] > x[1]) },
	"Xor":         func(x []float64) float64 { return truth(x[0] != x[1]) },
	"Not":         func(x []float64) float64 { return truth(x[0] == 0) },
	"IsNaN":       func(x []float64) float64 { return truth(math.IsNaN(x[0])) },
	"IsInf":       func(x []float64) float64 { return truth(math.IsInf(x[0], 0)) },
	"Neg":         func(x []float64) float64 { return -x[0] },
	"Abs":         func(x []float64) float64 { return math.Abs(x[0]) },
	"Exp":         func(x []float64) float64 { return math.Exp(x[0]) },
	"Relu":        func(x []float64) float64 { return most(0, x[0]) },
	"Identity":    func(x []float64) float64 { return x[0] },
}

var reductions = map[string]func(a, b float64) float64{
	"ReduceMax": most,
	"ReduceMin": least,
	"ReduceSum": func(a, b float64) float64 { return a + b },
}

func (n *node) apply(in []tensor) []tensor {
	if f, ok := elementwise[n.op]; ok {
		return []tensor{broadcast(f, in)}
	}
	if f, ok := reductions[n.op]; ok { // of the columns of a matrix
		x, cols := in[0], in[0].dims[1]
		y := tensor{dims: []int{x.dims[0], 1}}
		if keep, ok := n.ints["keepdims"]; ok && keep == 0 {
			y.dims = y.dims[:1]
		}
		for row := range slices.Chunk(x.data, cols) {
			s := row[0]
			for _, e := range row[1:] {
				s = f(s, e)
			}
			y.data = append(y.data, s)
		}
		return []tensor{y}
	}
	switch n.op {
	case "MatMul":
		return []tensor{product(in[0], in[1], false)}
	case "Gemm":
		return []tensor{broadcast(elementwise["Add"], []tensor{product(in[0], in[1], n.ints["transB"] != 0), in[2]})}
	case "Cast":
		x := tensor{dims: in[0].dims, data: slices.Clone(in[0].data)}
		if onnx.Type(n.ints["to"]) == onnx.Float32 {
			for i, e := range x.data {
				x.data[i] = float64(float32(e))
			}
		}
		return []tensor{x}
	case "Shape":
		return []tensor{{[]int{1}, []float64{float64(in[0].dims[0])}}}
	case "Expand":
		shape := tensor{}
		for _, d := range in[1].data {
			shape.dims = append(shape.dims, int(d))
		}
		shape.data = make([]float64, elements(shape.dims))
		return []tensor{broadcast(elementwise["Identity"], []tensor{in[0], shape})}
	case "Unsqueeze":
		return []tensor{{slices.Insert(slices.Clone(in[0].dims), int(in[1].data[0]), 1), in[0].data}}
	case "Gather":
		x := tensor{dims: []int{in[0].dims[0], len(in[1].data)}}
		for row := range slices.Chunk(in[0].data, in[0].dims[1]) {
			for _, j := range in[1].data {
				x.data = append(x.data, row[int(j)])
			}
		}
		return []tensor{x}
	case "Split":
		out := make([]tensor, len(in[1].data))
		for row := range slices.Chunk(in[0].data, in[0].dims[1]) {
			for i, w := range in[1].data {
				out[i].dims = []int{in[0].dims[0], int(w)}
				out[i].data = append(out[i].data, row[:int(w)]...)
				row = row[int(w):]
			}
		}
		return out
	case "Concat":
		axis := int(n.ints["axis"])
		x := tensor{dims: slices.Clone(in[0].dims)}
		x.dims[axis] = 0
		for _, p := range in {
			if !slices.Equal(p.dims[:axis], x.dims[:axis]) {
				panic(fmt.Sprintf("Concat of %v and %v", x.dims, p.dims))
			}
			x.dims[axis] += p.dims[axis]
		}
		for r := range elements(x.dims[:axis]) {
			for _, p := range in {
				w := elements(p.dims[axis:])
				x.data = append(x.data, p.data[r*w:(r+1)*w]...)
			}
		}
		return []tensor{x}
	}
	panic("no operator " + n.op)
}

func product(a, b tensor, transposed bool) tensor {
	m, k, n := a.dims[0], a.dims[1], b.dims[1]
	if transposed {
		n = b.dims[0]
	}
	if k*n != len(b.data) {
		panic(fmt.Sprintf("product of %v and %v", a.dims, b.dims))
	}
	y := tensor{[]int{m, n}, make([]float64, m*n)}
	for i := range m {
		for j := range n {
			for x := range k {
				if transposed {
					y.data[i*n+j] += a.data[i*k+x] * b.data[j*k+x]
				} else {
					y.data[i*n+j] += a.data[i*k+x] * b.data[x*n+j]
				}
			}
		}
	}
	return y
}

// broadcast applies f to the elements of tensors of shapes that agree where they are
// not 1, aligned at their last dimensions.
func broadcast(f func([]float64) float64, in []tensor) tensor {
	var y tensor
	for _, x := range in {
		for len(y.dims) < len(x.dims) {
			y.dims = slices.Insert(y.dims, 0, 1)
		}
	}
	for _, x := range in {
		for d, size := range x.dims {
			to := &y.dims[len(y.dims)-len(x.dims)+d]
			if *to != size && *to != 1 && size != 1 {
				panic(fmt.Sprintf("shapes %v and %v", y.dims, x.dims))
			}
			*to = max(*to, size)
		}
	}
	y.data = make([]float64, elements(y.dims))
	v := make([]float64, len(in))
	for i := range y.data {
		for k, x := range in {
			at, rest, step := 0, i, 1
			for d := len(y.dims) - 1; d >= 0; d-- {
				index := rest % y.dims[d]
				rest /= y.dims[d]
				if e := d - len(y.dims) + len(x.dims); e >= 0 {
					if x.dims[e] > 1 {
						at += index * step
					}
					step *= x.dims[e]
				}
			}
			v[k] = x.data[at]
		}
		y.data[i] = f(v)
	}
	return y
}
