package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Kind is what the cells of a column are.
type Kind int

// Text is a string, Integer a number of 64 bits, Number one of float64.
const (
	Text Kind = iota
	Integer
	Number
)

// Column is one of a table that is written. An empty cell is null.
type Column struct {
	Name  string
	Kind  Kind
	Cells []string
}

// KindOf returns the narrowest kind that holds all cells: an integer that no float64 is makes a
// column text, where not all are integers of 64 bits.
func KindOf(cells []string) Kind {
	for _, k := range []Kind{Integer, Number} {
		if k == Number && slices.ContainsFunc(cells, rounded) {
			break
		}
		if _, err := (&Column{Kind: k, Cells: cells}).page(); err == nil {
			return k
		}
	}
	return Text
}

// rounded says whether a cell is an integer that no float64 is.
func rounded(cell string) bool {
	x, ok := new(big.Int).SetString(strings.ReplaceAll(cell, "_", ""), 10)
	if !ok {
		return false
	}
	_, accuracy := new(big.Float).SetInt(x).Float64()
	return accuracy != big.Exact
}

// Encodings, the converted type of strings, and what a column that may be null is.
const (
	encodingPlain, encodingRuns = int32(0), int32(3)

	convertedString = int32(0)
	optional        = int32(1)
)

// Write writes a table of one row group, whose pages are plain and uncompressed. The columns have
// equally many cells. It is an error if a cell is not of its column's kind.
func Write(out io.Writer, columns []Column) error {
	file := []byte(magic)
	schema, chunks := []any{fields{{4, "table"}, {5, int32(len(columns))}}}, []any{}
	rows := int64(0)
	for i := range columns {
		c := &columns[i]
		page, err := c.page()
		if err != nil {
			return err
		}
		rows = int64(len(c.Cells))
		physical := []int32{bytesType, int64Type, doubleType}[c.Kind]
		element := fields{{1, physical}, {3, optional}, {4, c.Name}}
		if c.Kind == Text {
			element = append(element, field{6, convertedString}, field{10, fields{{logicalString, fields{}}}})
		}
		schema = append(schema, element)
		at, size := int64(len(file)), int32(len(page))
		file = fields{
			{1, int32(0)}, {2, size}, {3, size},
			{5, fields{{1, int32(rows)}, {2, encodingPlain}, {3, encodingRuns}, {4, encodingRuns}}},
		}.append(file)
		file = append(file, page...)
		whole := int64(len(file)) - at
		chunks = append(chunks, fields{{2, at}, {3, fields{
			{1, physical}, {2, []any{encodingPlain, encodingRuns}}, {3, []any{c.Name}}, {4, int32(0)},
			{5, rows}, {6, whole}, {7, whole}, {9, at},
		}}})
	}
	group := fields{{1, chunks}, {2, int64(len(file) - len(magic))}, {3, rows}}
	footer := fields{{1, int32(1)}, {2, schema}, {3, rows}, {4, []any{group}}, {6, "paspo"}}.append(nil)
	file = append(file, footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	_, err := out.Write(append(file, magic...))
	return err
}

// page returns which cells are there, a bit each, and the values of those.
func (c *Column) page() ([]byte, error) {
	groups := (len(c.Cells) + 7) / 8
	there := make([]byte, groups)
	var values []byte
	for i, cell := range c.Cells {
		if cell == "" {
			continue
		}
		there[i/8] |= 1 << (i % 8)
		var err error
		switch c.Kind {
		case Text:
			values = append(binary.LittleEndian.AppendUint32(values, uint32(len(cell))), cell...)
		case Integer:
			var x int64
			x, err = strconv.ParseInt(cell, 10, 64)
			values = binary.LittleEndian.AppendUint64(values, uint64(x))
		case Number:
			var x float64
			x, err = strconv.ParseFloat(cell, 64)
			values = binary.LittleEndian.AppendUint64(values, math.Float64bits(x))
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %q is none of its numbers", c.Name, cell)
		}
	}
	// A single run of bits that are packed.
	levels := append(binary.AppendUvarint(nil, uint64(groups)<<1|1), there...)
	page := binary.LittleEndian.AppendUint32(nil, uint32(len(levels)))
	page = append(append(page, levels...), values...)
	if len(page) > math.MaxInt32 {
		return nil, fmt.Errorf("column %q takes %d bytes: at most %d are allowed", c.Name, len(page), math.MaxInt32)
	}
	return page, nil
}

// append writes a struct, whose fields are in the order of their numbers.
func (f fields) append(b []byte) []byte {
	last := int64(0)
	for _, x := range f {
		b = append(b, byte(x.id-last)<<4|kindOf(x.value))
		b = appendValue(b, x.value)
		last = x.id
	}
	return append(b, stop)
}

// kindOf returns the type of the compact protocol that a value is written as.
func kindOf(value any) byte {
	switch value.(type) {
	case int32:
		return int32s
	case int64:
		return int64s
	case string:
		return binaries
	case []any:
		return lists
	}
	return structs
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case int32:
		return binary.AppendVarint(b, int64(v))
	case int64:
		return binary.AppendVarint(b, v)
	case string:
		return append(binary.AppendUvarint(b, uint64(len(v))), v...)
	case []any:
		kind := byte(structs)
		if len(v) > 0 {
			kind = kindOf(v[0])
		}
		if len(v) < 15 {
			b = append(b, byte(len(v))<<4|kind)
		} else {
			b = binary.AppendUvarint(append(b, 15<<4|kind), uint64(len(v)))
		}
		for _, x := range v {
			b = appendValue(b, x)
		}
		return b
	}
	return value.(fields).append(b)
}
