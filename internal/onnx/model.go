package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// OpSet is the version of the operators that graphs use.
const OpSet = 18

// irVersion is the version of the format that came with that operator set.
const irVersion = 8

// Type is the type of the elements of a tensor.
type Type int32

// The element types of this package, by their numbers in the format.
const (
	Float32 Type = 1
	Int64   Type = 7
	Bool    Type = 9
	Float64 Type = 11
)

// Dim is one dimension of an input or output: a size, or a name where that is open.
type Dim struct {
	Size int
	Name string
}

// Value is an input or an output of a graph.
type Value struct {
	Name string
	Type Type
	Dims []Dim
	Doc  string
}

// Tensor is a constant. Data holds its elements row-major and little-endian.
type Tensor struct {
	Name string
	Type Type
	Dims []int
	Data []byte
}

// Attribute is a number or a list of numbers that an operator is given.
type Attribute struct {
	Name string
	Int  int64
	Ints []int64 // in place of Int where it is not nil
}

// Node applies an operator.
type Node struct {
	Op              string
	Inputs, Outputs []string
	Attributes      []Attribute
}

// Model is a graph and what belongs to it.
type Model struct {
	Producer, ProducerVersion string
	Name, Doc                 string
	Metadata                  [][2]string // keys and values

	Nodes           []Node // in an order in which they can be computed
	Constants       []Tensor
	Inputs, Outputs []Value
}

// Field numbers of the messages, as onnx.proto has them.
const (
	modelIRVersion       = 1
	modelProducer        = 2
	modelProducerVersion = 3
	modelDoc             = 6
	modelGraph           = 7
	modelOpSet           = 8
	modelMetadata        = 14

	opSetDomain  = 1
	opSetVersion = 2

	entryKey   = 1
	entryValue = 2

	graphNode     = 1
	graphName     = 2
	graphConstant = 5
	graphInput    = 11
	graphOutput   = 12

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOp        = 4
	nodeAttribute = 5

	attributeName = 1
	attributeInt  = 3
	attributeInts = 8
	attributeType = 20

	attributeIsInt  = 2
	attributeIsInts = 7

	tensorDims = 1
	tensorType = 2
	tensorName = 8
	tensorRaw  = 9

	valueName = 1
	valueType = 2
	valueDoc  = 3

	typeTensor = 1

	tensorTypeElement = 1
	tensorTypeShape   = 2

	shapeDim = 1

	dimSize = 1
	dimName = 2
)

// Marshal returns the content of the file.
func (m *Model) Marshal() []byte {
	b := appendInt(nil, modelIRVersion, irVersion)
	b = appendString(b, modelProducer, m.Producer)
	b = appendString(b, modelProducerVersion, m.ProducerVersion)
	b = appendString(b, modelDoc, m.Doc)
	b = appendMessage(b, modelGraph, m.graph())
	b = appendMessage(b, modelOpSet, appendInt(appendMessage(nil, opSetDomain, nil), opSetVersion, OpSet))
	for _, e := range m.Metadata {
		b = appendMessage(b, modelMetadata, appendString(appendString(nil, entryKey, e[0]), entryValue, e[1]))
	}
	return b
}

func (m *Model) graph() []byte {
	var b []byte
	for i := range m.Nodes {
		b = appendMessage(b, graphNode, m.Nodes[i].marshal())
	}
	b = appendString(b, graphName, m.Name)
	for i := range m.Constants {
		b = appendMessage(b, graphConstant, m.Constants[i].marshal())
	}
	for i := range m.Inputs {
		b = appendMessage(b, graphInput, m.Inputs[i].marshal())
	}
	for i := range m.Outputs {
		b = appendMessage(b, graphOutput, m.Outputs[i].marshal())
	}
	return b
}

func (n *Node) marshal() []byte {
	var b []byte
	for _, s := range n.Inputs {
		b = appendString(b, nodeInput, s)
	}
	for _, s := range n.Outputs {
		b = appendString(b, nodeOutput, s)
	}
	b = appendString(b, nodeName, n.Outputs[0])
	b = appendString(b, nodeOp, n.Op)
	for _, a := range n.Attributes {
		x := appendString(nil, attributeName, a.Name)
		if a.Ints == nil {
			x = appendInt(appendInt(x, attributeInt, a.Int), attributeType, attributeIsInt)
		} else {
			for _, i := range a.Ints {
				x = appendInt(x, attributeInts, i)
			}
			x = appendInt(x, attributeType, attributeIsInts)
		}
		b = appendMessage(b, nodeAttribute, x)
	}
	return b
}

func (t *Tensor) marshal() []byte {
	var b []byte
	for _, d := range t.Dims {
		b = appendInt(b, tensorDims, int64(d))
	}
	b = appendInt(b, tensorType, int64(t.Type))
	b = appendString(b, tensorName, t.Name)
	return appendMessage(b, tensorRaw, t.Data)
}

func (v *Value) marshal() []byte {
	var shape []byte
	for _, d := range v.Dims {
		if d.Name != "" {
			shape = appendMessage(shape, shapeDim, appendString(nil, dimName, d.Name))
		} else {
			shape = appendMessage(shape, shapeDim, appendInt(nil, dimSize, int64(d.Size)))
		}
	}
	tensor := appendMessage(appendInt(nil, tensorTypeElement, int64(v.Type)), tensorTypeShape, shape)
	b := appendString(nil, valueName, v.Name)
	b = appendMessage(b, valueType, appendMessage(nil, typeTensor, tensor))
	return appendString(b, valueDoc, v.Doc)
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// appendString leaves out an empty string, which is the default of the field.
func appendString(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

// Builder adds nodes and constants to a model and names them.
type Builder struct {
	Model
	count map[string]int
	known map[string]string // content of a constant -> its name
}

// name returns one that nothing has yet.
func (b *Builder) name(of string) string {
	if b.count == nil {
		b.count, b.known = map[string]int{}, map[string]string{}
	}
	b.count[of]++
	return fmt.Sprintf("%s_%d", of, b.count[of])
}

// Input adds an input of a batch: the first dimension is open.
func (b *Builder) Input(name string, t Type, width int, doc string) string {
	b.Inputs = append(b.Inputs, Value{Name: name, Type: t, Dims: []Dim{{Name: batch}, {Size: width}}, Doc: doc})
	return name
}

// Output makes a value an output of a batch with the given other dimensions.
func (b *Builder) Output(name string, t Type, doc, value string, dims ...int) {
	b.Nodes = append(b.Nodes, Node{Op: "Identity", Inputs: []string{value}, Outputs: []string{name}})
	v := Value{Name: name, Type: t, Dims: []Dim{{Name: batch}}, Doc: doc}
	for _, d := range dims {
		v.Dims = append(v.Dims, Dim{Size: d})
	}
	b.Outputs = append(b.Outputs, v)
}

const batch = "batch"

// Op adds a node with one output and returns the output's name.
func (b *Builder) Op(op string, attributes []Attribute, inputs ...string) string {
	return b.Ops(op, 1, attributes, inputs...)[0]
}

// Ops adds a node with several outputs.
func (b *Builder) Ops(op string, outputs int, attributes []Attribute, inputs ...string) []string {
	n := Node{Op: op, Inputs: inputs, Attributes: attributes}
	for range outputs {
		n.Outputs = append(n.Outputs, b.name(op))
	}
	b.Nodes = append(b.Nodes, n)
	return n.Outputs
}

// Int returns the attributes of an operator that has one, a number.
func Int(name string, v int64) []Attribute { return []Attribute{{Name: name, Int: v}} }

// Prune leaves out constants that no node reads.
func (b *Builder) Prune() {
	read := map[string]bool{}
	for _, n := range b.Nodes {
		for _, name := range n.Inputs {
			read[name] = true
		}
	}
	b.Constants = slices.DeleteFunc(b.Constants, func(t Tensor) bool { return !read[t.Name] })
}

// constant adds a constant, or finds an equal one.
func (b *Builder) constant(t Type, data []byte, dims []int) string {
	content := fmt.Sprint(t, dims, " ") + string(data)
	if name, ok := b.known[content]; ok {
		return name
	}
	name := b.name("constant")
	b.known[content] = name
	b.Constants = append(b.Constants, Tensor{Name: name, Type: t, Dims: dims, Data: data})
	return name
}

// Doubles adds a constant of float64.
func (b *Builder) Doubles(v []float64, dims ...int) string {
	data := make([]byte, 0, 8*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
	}
	return b.constant(Float64, data, dims)
}

// Floats adds a constant of float32.
func (b *Builder) Floats(v []float32, dims ...int) string {
	data := make([]byte, 0, 4*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return b.constant(Float32, data, dims)
}

// Ints adds a list of int64.
func (b *Builder) Ints(v ...int64) string {
	data := make([]byte, 0, 8*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint64(data, uint64(x))
	}
	return b.constant(Int64, data, []int{len(v)})
}

// Bools adds a constant of booleans.
func (b *Builder) Bools(v []bool, dims ...int) string {
	data := make([]byte, len(v))
	for i, x := range v {
		if x {
			data[i] = 1
		}
	}
	return b.constant(Bool, data, dims)
}
