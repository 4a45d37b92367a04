package parquet

import "encoding/binary"

// fields are those of a struct of Thrift's compact protocol. Values are int64 (booleans are 0 or
// 1), []byte, []any or fields; floating-point numbers are left out.
type fields []field

type field struct {
	id    int64
	value any
}

func (f fields) get(id int64) any {
	for _, x := range f {
		if x.id == id {
			return x.value
		}
	}
	return nil
}

func (f fields) has(id int64) bool { return f.get(id) != nil }

// number returns an integer, or what stands for one that is not there.
func (f fields) number(id, missing int64) int64 {
	if x, ok := f.get(id).(int64); ok {
		return x
	}
	return missing
}

func (f fields) text(id int64) string {
	x, _ := f.get(id).([]byte)
	return string(x)
}

func (f fields) sub(id int64) fields {
	x, _ := f.get(id).(fields)
	return x
}

func (f fields) list(id int64) []any {
	x, _ := f.get(id).([]any)
	return x
}

// Types of the compact protocol.
const (
	stop = iota
	yes
	no
	int8s
	int16s
	int32s
	int64s
	double
	binaries
	lists
	sets
	maps
	structs
)

// scanner reads bytes. Where these end or are none of what is read, it panics with a corrupt,
// which Read recovers.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) take(n int) []byte {
	if n < 0 || n > len(s.data)-s.at {
		corrupted("the data end early")
	}
	s.at += n
	return s.data[s.at-n : s.at : s.at]
}

func (s *scanner) uvarint() uint64 {
	x, n := binary.Uvarint(s.data[s.at:])
	if n <= 0 {
		corrupted("the data end early")
	}
	s.at += n
	return x
}

// count reads a length of what takes at least a byte each.
func (s *scanner) count() int {
	n := s.uvarint()
	if n > uint64(len(s.data)-s.at) {
		corrupted("a length of %d is more than the data", n)
	}
	return int(n)
}

func (s *scanner) zigzag() int64 {
	x := s.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// structure reads a struct.
func (s *scanner) structure(depth int) (all fields) {
	if depth > 16 {
		corrupted("structs are nested too deep")
	}
	id := int64(0)
	for {
		head := s.take(1)[0]
		if head == stop {
			return all
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = s.zigzag()
		}
		x := s.value(head&15, depth)
		if x != nil {
			all = append(all, field{id, x})
		}
	}
}

func (s *scanner) value(kind byte, depth int) any {
	switch kind {
	case yes:
		return int64(1)
	case no:
		return int64(0)
	case int8s:
		return int64(int8(s.take(1)[0]))
	case int16s, int32s, int64s:
		return s.zigzag()
	case double:
		s.take(8)
		return nil
	case binaries:
		return s.take(s.count())
	case lists, sets:
		head := s.take(1)[0]
		n := int(head >> 4)
		if n == 15 {
			n = s.count()
		}
		var all []any
		for range n {
			if kind := head & 15; kind == yes || kind == no {
				all = append(all, int64(s.take(1)[0]&1)) // elements have a byte, fields none
			} else {
				all = append(all, s.value(kind, depth+1))
			}
		}
		return all
	case maps:
		n := s.count()
		if n == 0 {
			return nil
		}
		kinds := s.take(1)[0]
		for range n {
			s.value(kinds>>4, depth+1)
			s.value(kinds&15, depth+1)
		}
		return nil
	case structs:
		return s.structure(depth + 1)
	}
	corrupted("a type is %d", kind)
	return nil
}
