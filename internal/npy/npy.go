package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Array is an array in C order.
type Array struct {
	Shape []int
	Data  []float64
}

// maxHeader is the largest header that is read, in bytes. NumPy's own limit is
// 10 000.
const maxHeader = 1 << 16

// MaxBytes returns the largest size in bytes of a section with at most so many numbers.
func MaxBytes(numbers int) int { return 8*numbers + maxHeader + 12 }

// Parse reads an array of at most so many floating-point numbers of up to 64 bits, integers
// or truth values, in versions 1.0 to 3.0 of the format. Errors are of one line.
func Parse(section []byte, most int) (*Array, error) {
	const magic = "\x93NUMPY"
	if len(section) < 10 || string(section[:6]) != magic {
		return nil, fmt.Errorf("it is not in the .npy format")
	}
	major, minor := section[6], section[7]
	if major < 1 || major > 3 || minor != 0 {
		return nil, fmt.Errorf("version %d.%d of the .npy format; 1.0, 2.0 and 3.0 are read", major, minor)
	}
	length, begin := uint64(binary.LittleEndian.Uint16(section[8:])), uint64(10)
	if major > 1 {
		if len(section) < 12 {
			return nil, fmt.Errorf("it ends within its header")
		}
		length, begin = uint64(binary.LittleEndian.Uint32(section[8:])), 12
	}
	if begin+length > uint64(len(section)) {
		return nil, fmt.Errorf("it ends within its header")
	}
	if length > maxHeader {
		return nil, fmt.Errorf("its header has %d bytes (at most %d)", length, maxHeader)
	}
	h, err := parseHeader(string(section[begin:begin+length]), major < 3)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h.array(section[begin+length:], most)
}

// header is the dictionary at the begin of an .npy section.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// parseHeader reads a header, a literal of Python. Long integers of Python 2, such
// as 3L, are taken where they can be.
func parseHeader(s string, long bool) (h header, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case refusal:
			err = e.error
		default:
			panic(e)
		}
	}()
	p := &literalParser{s: s, long: long}
	v := p.value()
	if p.next() != 0 || p.at < len(s) {
		p.fail("it goes on after its end")
	}
	dict, ok := v.(map[string]any)
	if !ok {
		return h, fmt.Errorf("a dictionary is expected")
	}
	keys := []string{"descr", "fortran_order", "shape"}
	for _, k := range keys {
		if _, ok := dict[k]; !ok {
			return h, fmt.Errorf("%s is missing", k)
		}
	}
	for k := range dict {
		if !slices.Contains(keys, k) {
			return h, fmt.Errorf("unknown key %.80q; descr, fortran_order and shape are expected", k)
		}
	}
	descr := single(dict["descr"])
	if names := fields(descr); names != nil {
		return h, fmt.Errorf("its elements are records of %.80q; numbers are expected", names)
	}
	if h.descr, ok = descr.(string); !ok {
		return h, fmt.Errorf("descr is no text: a type of numbers, like '<f8', is expected")
	}
	if h.fortran, ok = dict["fortran_order"].(bool); !ok {
		return h, fmt.Errorf("fortran_order is neither True nor False")
	}
	shape, ok := dict["shape"].(tuple)
	for _, v := range shape {
		size, whole := v.(int64)
		ok = ok && whole
		h.shape = append(h.shape, int(size))
	}
	if !ok {
		return h, fmt.Errorf("shape is no tuple of integers, like (2, 3)")
	}
	return h, nil
}

// fields returns the first names of a type of records, such as [('a', '<f8'), ('b', '<i4')],
// nil of any other.
func fields(descr any) []string {
	list, _ := descr.([]any)
	var names []string
	for _, f := range list[:min(len(list), 5)] {
		field, _ := f.(tuple)
		if len(field) < 2 {
			return nil
		}
		name, ok := field[0].(string)
		if titled, _ := field[0].(tuple); len(titled) == 2 {
			name, ok = titled[1].(string)
		}
		if !ok {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// single returns the type of a tuple of one and a shape of one number, such as
// ('<f8', (1,)), which makes no other array than the type itself, and other types as they are.
func single(descr any) any {
	pair, ok := descr.(tuple)
	if !ok || len(pair) != 2 {
		return descr
	}
	shape, ok := pair[1].(tuple)
	if !ok {
		shape = tuple{pair[1]}
	}
	for _, v := range shape {
		if v != int64(1) {
			return descr
		}
	}
	return single(pair[0])
}

// oneNumber matches a type of one number: an order of bytes, which may stand after the
// count too, a count or shape of one, as in 1f8 and (1,)f8, and a name.
var oneNumber = regexp.MustCompile(`^([<>=|]?)(?:1|\((?:1(?:,1)*,?)?\))?([<>=|]?)([a-zA-Z?]+)(?:0*([0-9]+))?$`)

// dtypes are other names of types than those that NumPy writes.
var dtypes = map[string]string{
	"?": "b1", "bool": "b1", "e": "f2", "float16": "f2", "f": "f4", "float32": "f4", "single": "f4",
	"d": "f8", "float": "f8", "float64": "f8", "double": "f8",
	"int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "int": "i8", "longlong": "i8",
	"uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "uint": "u8", "ulonglong": "u8",
	"b": "i1", "h": "i2", "i": "i4", "l": "i8", "q": "i8", "p": "i8",
	"B": "u1", "H": "u2", "I": "u4", "L": "u8", "Q": "u8", "P": "u8",
}

// numberTypes are what the bits of a number of a type come to.
var numberTypes = map[string]func(bits uint64) float64{
	"f8": math.Float64frombits,
	"f4": func(bits uint64) float64 { return float64(math.Float32frombits(uint32(bits))) },
	"f2": func(bits uint64) float64 { return half(uint16(bits)) },
	"i8": func(bits uint64) float64 { return float64(int64(bits)) },
	"i4": func(bits uint64) float64 { return float64(int32(bits)) },
	"i2": func(bits uint64) float64 { return float64(int16(bits)) },
	"i1": func(bits uint64) float64 { return float64(int8(bits)) },
	"u8": unsigned, "u4": unsigned, "u2": unsigned, "u1": unsigned,
	"b1": func(bits uint64) float64 { return float64(min(bits, 1)) },
}

func unsigned(bits uint64) float64 { return float64(bits) }

// decoder returns the size of a number and how it is read.
func (h *header) decoder() (size int, number func([]byte) float64, err error) {
	var name string
	big := false
	if m := oneNumber.FindStringSubmatch(h.descr); m != nil && (m[1] == "" || m[2] == "" || m[1] == m[2]) {
		big = strings.HasPrefix(m[1]+m[2], ">")
		name = m[3] + m[4]
	}
	if other, ok := dtypes[name]; ok {
		name = other
	}
	value, ok := numberTypes[name]
	if !ok {
		return 0, nil, fmt.Errorf("type %.80q; floating-point numbers of up to 64 bits, integers or truth values are expected", h.descr)
	}
	size = int(name[1] - '0')
	return size, func(b []byte) float64 {
		bits := uint64(0)
		for i := range size {
			if !big {
				i = size - 1 - i
			}
			bits = bits<<8 | uint64(b[i])
		}
		return value(bits)
	}, nil
}

// half returns the value of a float16.
func half(b uint16) float64 {
	sign, exp, frac := 1-2*float64(b>>15), int(b>>10&31), float64(b&1023)
	switch {
	case exp == 31 && frac == 0:
		return math.Inf(int(sign))
	case exp == 31:
		return math.NaN()
	case exp == 0:
		return sign * math.Ldexp(frac, -24)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

func (h *header) array(raw []byte, most int) (*Array, error) {
	size, number, err := h.decoder()
	if err != nil {
		return nil, err
	}
	count := 1
	for _, s := range h.shape {
		if s < 0 || s > 0 && count > most/s {
			return nil, fmt.Errorf("shape %v is too large (at most %d numbers)", h.shape, most)
		}
		count *= s
	}
	if len(raw) != size*count {
		return nil, fmt.Errorf("shape %v needs %d bytes, but there are %d", h.shape, size*count, len(raw))
	}
	a := &Array{Shape: h.shape, Data: make([]float64, count)}
	for i := range a.Data {
		a.Data[i] = number(raw[i*size:])
	}
	if h.fortran && len(h.shape) == 2 {
		a.Data = transposed(a.Data, h.shape[0], h.shape[1])
	}
	return a, nil
}

// transposed returns the m x n matrix in C order that data holds in Fortran order.
func transposed(data []float64, m, n int) []float64 {
	out := make([]float64, len(data))
	for i := range m {
		for j := range n {
			out[i*n+j] = data[j*m+i]
		}
	}
	return out
}

type tuple []any

// refusal is an error of a header, on its way to parseHeader.
type refusal struct{ error }

// literalParser reads those literals of Python that headers hold: dictionaries with
// text for keys, tuples, lists (as []any), text, integers, True, False and None.
type literalParser struct {
	s     string
	at    int
	long  bool
	depth int
}

func (p *literalParser) fail(format string, args ...any) {
	panic(refusal{fmt.Errorf("byte %d: %w", p.at, fmt.Errorf(format, args...))})
}

// next skips space and comments and returns the next byte, 0 at the end.
func (p *literalParser) next() byte {
	for p.at < len(p.s) {
		switch rest := p.s[p.at:]; {
		case strings.IndexByte(" \t\n\r\f", rest[0]) >= 0:
			p.at++
			continue
		case strings.HasPrefix(rest, "\\\n"): // the line goes on
			p.at += 2
			continue
		case rest[0] == '#':
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				p.at += end
			} else {
				p.at = len(p.s)
			}
			continue
		}
		break
	}
	if p.at == len(p.s) {
		return 0
	}
	return p.s[p.at]
}

// taken skips a byte if it is next.
func (p *literalParser) taken(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *literalParser) value() any {
	const deepest = 20
	if p.depth++; p.depth > deepest {
		p.fail("more than %d brackets within one another", deepest)
	}
	defer func() { p.depth-- }()
	switch c := p.next(); {
	case c == '{':
		return p.dict()
	case c == '(' || c == '[':
		return p.list()
	case c == '\'' || c == '"':
		return p.text(false)
	case c == '-' || c == '+' || '0' <= c && c <= '9':
		return p.integer()
	case letter(c):
		return p.word()
	case c == 0:
		p.fail("it ends too early")
	}
	p.fail("a value is expected")
	return nil
}

func (p *literalParser) dict() any {
	p.at++
	out := map[string]any{}
	for !p.taken('}') {
		key, ok := p.value().(string)
		if !ok {
			p.fail("a key is no text")
		}
		if _, twice := out[key]; twice {
			p.fail("the key %.80q is given twice", key)
		}
		if !p.taken(':') {
			p.fail("a colon is expected")
		}
		out[key] = p.value()
		if !p.taken(',') && p.next() != '}' {
			p.fail("a comma or } is expected")
		}
	}
	return out
}

// list reads a list, a tuple, or a value in parentheses.
func (p *literalParser) list() any {
	end := byte(')')
	if p.s[p.at] == '[' {
		end = ']'
	}
	p.at++
	var all []any
	comma := false
	for !p.taken(end) {
		all = append(all, p.value())
		if comma = p.taken(','); !comma && p.next() != end {
			p.fail("a comma or %c is expected", end)
		}
	}
	switch {
	case end == ']':
		return all
	case len(all) == 1 && !comma:
		return all[0]
	}
	return tuple(all)
}

// text reads text and what follows it, which belongs to it. In raw text a backslash is one.
func (p *literalParser) text(raw bool) string {
	var all strings.Builder
	for {
		quote := p.s[p.at : p.at+1]
		if triple := strings.Repeat(quote, 3); strings.HasPrefix(p.s[p.at:], triple) {
			quote = triple
		}
		for p.at += len(quote); !strings.HasPrefix(p.s[p.at:], quote); {
			switch c := p.s[p.at:]; {
			case c == "", c[0] == '\n' && len(quote) == 1:
				p.fail("text that is not ended")
			case c[0] == '\\' && len(c) > 1 && raw:
				all.WriteString(c[:2])
				p.at += 2
			case c[0] == '\\':
				p.escape(&all)
			default:
				all.WriteByte(c[0])
				p.at++
			}
		}
		p.at += len(quote)
		if c := p.next(); c != '\'' && c != '"' {
			return all.String()
		}
		raw = false
	}
}

// escape reads what a backslash begins in text. One before anything else than below is a
// backslash in Python.
func (p *literalParser) escape(to *strings.Builder) {
	rest := p.s[p.at+1:]
	if rest == "" {
		p.fail("text that is not ended")
	}
	number := func(begin, end, base int) {
		v, err := strconv.ParseUint(rest[begin:min(end, len(rest))], base, 32)
		if err != nil || len(rest) < end || v > unicode.MaxRune {
			p.fail("an escape that is none of Python's")
		}
		to.WriteRune(rune(v))
		p.at += 1 + end
	}
	const letters, meaning = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
	switch c := rest[0]; {
	case c == 'x':
		number(1, 3, 16)
	case c == 'u':
		number(1, 5, 16)
	case c == 'U':
		number(1, 9, 16)
	case c == 'N':
		p.fail("a character by its name, which is not read")
	case '0' <= c && c <= '7':
		end := 1
		for end < 3 && end < len(rest) && '0' <= rest[end] && rest[end] <= '7' {
			end++
		}
		number(0, end, 8)
	case c == '\n': // the line goes on
		p.at += 2
	case strings.IndexByte(letters, c) >= 0:
		to.WriteByte(meaning[strings.IndexByte(letters, c)])
		p.at += 2
	default:
		to.WriteByte('\\')
		p.at++
	}
}

// integer reads an integer, in base 10 or after 0x, 0o or 0b in another one.
func (p *literalParser) integer() int64 {
	sign := ""
	if c := p.s[p.at]; c == '-' || c == '+' {
		sign = string(c)
		p.at++
		p.next()
	}
	word := p.run(true)
	digits := word
	if p.long && len(digits) > 1 {
		digits = strings.TrimSuffix(strings.TrimSuffix(digits, "L"), "l")
	}
	// Python has the integers of Go but for octal ones without an o.
	v, err := strconv.ParseInt(sign+digits, 0, 64)
	if octal := len(digits) > 1 && digits[0] == '0' && !letter(digits[1]); err != nil || octal && v != 0 {
		p.fail("%.80q is no integer", sign+word)
	}
	return v
}

// run reads letters and underscores, and digits where they may be among them.
func (p *literalParser) run(digits bool) string {
	begin := p.at
	for p.at < len(p.s) && (p.s[p.at] == '_' || letter(p.s[p.at]) || digits && '0' <= p.s[p.at] && p.s[p.at] <= '9') {
		p.at++
	}
	return p.s[begin:p.at]
}

func (p *literalParser) word() any {
	word := p.run(false)
	switch word {
	case "True":
		return true
	case "False":
		return false
	case "None":
		return nil
	case "u", "U", "r", "R":
		if p.at < len(p.s) && (p.s[p.at] == '\'' || p.s[p.at] == '"') {
			return p.text(word == "r" || word == "R")
		}
	}
	p.fail("%.80q is no value", word)
	return nil
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
