package parquet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"paspo/internal/limits"
)

const (
	magic      = "PAR1"
	mostFooter = 8 << 20
)

// Is says whether data are those of a Parquet file.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }

// Table is a flat table.
type Table struct {
	Rows    int
	columns []*column
}

// column is one of its columns. Values are bits of a fixed size up to eight bytes, or bytes.
type column struct {
	name     string
	physical int64
	size     int // of a value of physical type FIXED_LEN_BYTE_ARRAY, in bytes
	optional bool
	write    func(vector, int) string
	times    bool
	index    bool // of pandas
	vector
	there []bool // by row, of an optional column
}

type vector struct {
	bits  []uint64
	bytes [][]byte
}

func (v *vector) len() int { return max(len(v.bits), len(v.bytes)) }

// corrupt is what is wrong with a file.
type corrupt struct{ error }

func corrupted(format string, args ...any) { panic(corrupt{fmt.Errorf(format, args...)}) }

// Read reads a file. Errors name the column. Pages are decompressed to at most as many bytes as
// most, and the table has at most an eighth as many cells.
func Read(data []byte, most int) (t *Table, err error) {
	where := ""
	defer func() {
		switch r := recover().(type) {
		case nil:
		case corrupt:
			t, err = nil, fmt.Errorf("it cannot be read as Parquet: %s%w", where, r.error)
		default:
			panic(r)
		}
	}()
	if !Is(data) || len(data) < 12 {
		corrupted("it does not begin with %s, or ends early", magic)
	}
	tail := data[len(data)-8:]
	if string(tail[4:]) != magic {
		corrupted("it does not end with %s: it is cut off, or encrypted", magic)
	}
	size := int(binary.LittleEndian.Uint32(tail))
	if size > len(data)-12 {
		corrupted("its footer would be longer than the file")
	}
	if size > mostFooter {
		corrupted("its footer is too large: at most %s is allowed", limits.Bytes(mostFooter))
	}
	footer := (&scanner{data: data[len(data)-8-size : len(data)-8]}).structure(0)
	t = schema(footer.list(2), notesOf(footer.list(5)))
	rows := footer.number(3, -1)
	if rows < 0 || rows > int64(most/8/len(t.columns)) {
		corrupted("it has %d rows of %d columns: at most %d numbers are allowed", rows, len(t.columns), most/8)
	}
	r := &pages{data: data, left: most}
	for _, g := range footer.list(4) {
		group, _ := g.(fields)
		n, chunks := group.number(3, -1), group.list(1)
		if n < 0 || n > rows-int64(t.Rows) || len(chunks) != len(t.columns) {
			corrupted("a row group has %d rows of %d columns", n, len(chunks))
		}
		for i, c := range t.columns {
			where = fmt.Sprintf("column %q: ", c.name)
			chunk, _ := chunks[i].(fields)
			r.read(c, chunk.sub(3), int(n))
		}
		where = ""
		t.Rows += int(n)
	}
	if int64(t.Rows) != rows {
		corrupted("it has %d rows, and its footer says %d", t.Rows, rows)
	}
	return t, nil
}

// Names returns those of the columns.
func (t *Table) Names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// Times says whether a column has dates or times.
func (t *Table) Times(column int) bool { return t.columns[column].times }

// Index says whether a column is the index of a table of pandas, which numbers or names its rows.
func (t *Table) Index(column int) bool { return t.columns[column].index }

// Text returns a cell as text, nothing where it is null: a date as 2024-12-31, a time as RFC 3339
// has it, in UTC or the zone that pandas has noted, unless it is midnight, a number with as many digits as it needs.
func (t *Table) Text(row, column int) string {
	c := t.columns[column]
	if c.optional && !c.there[row] {
		return ""
	}
	return c.write(c.vector, row)
}

// Physical types.
const (
	int32Type = 1 + iota
	int64Type
	int96Type
	floatType
	doubleType
	bytesType
	fixedType
)

// notes are what pandas has noted of columns, by name.
type notes struct {
	zones map[string]string
	index map[string]bool
}

func notesOf(list []any) notes {
	all := notes{map[string]string{}, map[string]bool{}}
	for _, n := range list {
		note, _ := n.(fields)
		if note.text(1) != "pandas" {
			continue
		}
		var pandas struct {
			Columns []struct {
				Name     string                     `json:"field_name"`
				Metadata map[string]json.RawMessage `json:"metadata"`
			}
			Index []any `json:"index_columns"` // names, or ranges that have no column
		}
		if err := json.Unmarshal([]byte(note.text(2)), &pandas); err != nil {
			corrupted("what pandas has noted is no JSON of its form: %w", err)
		}
		for _, c := range pandas.Columns {
			var zone string
			if err := json.Unmarshal(c.Metadata["timezone"], &zone); err == nil {
				all.zones[c.Name] = zone
			}
		}
		for _, x := range pandas.Index {
			if name, ok := x.(string); ok {
				all.index[name] = true
			}
		}
	}
	return all
}

// unnamed is how pandas calls an index without a name.
var unnamed = regexp.MustCompile(`^__index_level_\d+__$`)

// schema returns the columns. Times are in the zone of their column, or in UTC.
func schema(elements []any, pandas notes) *Table {
	if len(elements) < 2 {
		corrupted("it has no columns")
	}
	t := &Table{}
	for _, e := range elements[1:] {
		s, _ := e.(fields)
		c := &column{name: s.text(4), physical: s.number(1, -1), size: int(s.number(2, 0)), optional: s.number(3, 0) == 1}
		if s.number(5, 0) > 0 || s.number(3, 0) > 1 {
			corrupted("column %q has lists or structs: a flat table is allowed", c.name)
		}
		c.index = pandas.index[c.name] || unnamed.MatchString(c.name)
		zone, err := time.LoadLocation(pandas.zones[c.name])
		if err != nil {
			corrupted("column %q has times of the zone %q, which is unknown here: UTC is allowed anywhere", c.name, pandas.zones[c.name])
		}
		if c.write, c.times, err = writer(s, zone); err != nil {
			corrupted("column %q %w", c.name, err)
		}
		t.columns = append(t.columns, c)
	}
	return t
}

// Converted types, which were there before logical ones, and fields of the latter.
const (
	convertedDecimal, convertedDate, convertedMillis, convertedMicros = 5, 6, 9, 10

	logicalString, logicalEnum, logicalDecimal, logicalDate, logicalTimestamp, logicalInteger, logicalNull = 1, 4, 5, 6, 8, 10, 11
)

var errType = errors.New("has a type that is none of numbers, decimals, dates, timestamps and strings")

// writer returns what writes a value of a column, and whether that is a date or a time.
func writer(s fields, zone *time.Location) (write func(vector, int) string, times bool, err error) {
	physical, converted, logical := s.number(1, -1), s.number(6, -1), s.sub(10)
	for _, f := range logical {
		switch f.id {
		case logicalString, logicalEnum, logicalDecimal, logicalDate, logicalTimestamp, logicalInteger, logicalNull:
		default:
			return nil, false, errType
		}
	}
	unsigned := logical.has(logicalInteger) && logical.sub(logicalInteger).number(2, 1) == 0
	switch decimal := logical.has(logicalDecimal) || converted == convertedDecimal; {
	case decimal:
		scale := s.number(7, 0)
		if logical.has(logicalDecimal) {
			scale = logical.sub(logicalDecimal).number(1, 0)
		}
		if scale < 0 || scale > 1000 {
			return nil, false, fmt.Errorf("has decimals of scale %d: 0 to 1000 is allowed", scale)
		}
		switch physical {
		case int32Type, int64Type:
			return func(v vector, i int) string { return point(big.NewInt(int64(v.bits[i])), int(scale)) }, false, nil
		case bytesType, fixedType:
			return func(v vector, i int) string { return point(signed(v.bytes[i]), int(scale)) }, false, nil
		}
	case physical == int32Type && (logical.has(logicalDate) || converted == convertedDate):
		return func(v vector, i int) string { return moment(time.Unix(86400*int64(v.bits[i]), 0), time.UTC) }, true, nil
	case physical == int64Type && (logical.has(logicalTimestamp) || converted == convertedMillis || converted == convertedMicros):
		unit := int64(1e6)
		switch in := logical.sub(logicalTimestamp).sub(2); {
		case in.has(3):
			unit = 1e9
		case in.has(1) || in == nil && converted == convertedMillis:
			unit = 1e3
		}
		return func(v vector, i int) string {
			x := int64(v.bits[i])
			return moment(time.Unix(x/unit, x%unit*(1e9/unit)), zone)
		}, true, nil
	case physical == int96Type: // nanoseconds of a Julian day
		return func(v vector, i int) string {
			day := int64(binary.LittleEndian.Uint32(v.bytes[i][8:])) - 2440588
			return moment(time.Unix(86400*day, int64(binary.LittleEndian.Uint64(v.bytes[i]))), zone)
		}, true, nil
	case logical.has(logicalDate) || logical.has(logicalTimestamp) || converted == 7 || converted == 8:
	case physical == int32Type && unsigned:
		return func(v vector, i int) string { return strconv.FormatUint(uint64(uint32(v.bits[i])), 10) }, false, nil
	case physical == int64Type && unsigned:
		return func(v vector, i int) string { return strconv.FormatUint(v.bits[i], 10) }, false, nil
	case physical == int32Type || physical == int64Type:
		return func(v vector, i int) string { return strconv.FormatInt(int64(v.bits[i]), 10) }, false, nil
	case physical == floatType:
		return func(v vector, i int) string {
			return strconv.FormatFloat(float64(math.Float32frombits(uint32(v.bits[i]))), 'g', -1, 32)
		}, false, nil
	case physical == doubleType:
		return func(v vector, i int) string { return strconv.FormatFloat(math.Float64frombits(v.bits[i]), 'g', -1, 64) }, false, nil
	case physical == bytesType:
		return func(v vector, i int) string { return string(v.bytes[i]) }, false, nil
	}
	return nil, false, errType
}

// signed returns the number of two's complement, the largest byte first.
func signed(b []byte) *big.Int {
	x := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 128 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return x
}

// point writes x / 10^scale.
func point(x *big.Int, scale int) string {
	text := new(big.Int).Abs(x).String()
	if scale > 0 {
		text = strings.Repeat("0", max(0, scale+1-len(text))) + text
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if x.Sign() < 0 {
		return "-" + text
	}
	return text
}

func moment(t time.Time, zone *time.Location) string {
	if t = t.In(zone); t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}
