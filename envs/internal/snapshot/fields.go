package snapshot

// Fields is the state of an environment whose snapshots all have the same length. Writing and
// reading go by one list, so that neither forgets a field.
type Fields struct {
	Kind uint64 // of the snapshot, with its version
	Of   string // what it is a snapshot of, such as "a market"
	List []Field
}

// Field is a count or a vector of an environment.
type Field struct {
	name   string
	count  *int // nil for a vector
	most   int
	vector []float64
}

// Count is a number from 0 to most.
func Count(name string, x *int, most int) Field { return Field{name: name, count: x, most: most} }

// Vector is as many numbers as x has.
func Vector(name string, x []float64) Field { return Field{name: name, vector: x} }

// Marshal writes the fields.
func (f Fields) Marshal() []byte {
	var w Writer
	w.Word(f.Kind)
	for _, x := range f.List {
		if x.count != nil {
			w.Int(*x.count)
		} else {
			w.Floats(x.vector)
		}
	}
	return w.B
}

// Unmarshal sets the fields to what Marshal wrote, or none of them where there is an error.
func (f Fields) Unmarshal(b []byte) error {
	r := Reader{B: b}
	r.Header(f.Kind, f.Of)
	counts, vectors := make([]int, len(f.List)), make([][]float64, len(f.List))
	for i, x := range f.List {
		if x.count != nil {
			counts[i] = r.Int(x.name, 0, x.most)
		} else {
			vectors[i] = r.Floats(x.name, len(x.vector), len(x.vector))
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	for i, x := range f.List {
		if x.count != nil {
			*x.count = counts[i]
		} else {
			copy(x.vector, vectors[i])
		}
	}
	return nil
}
