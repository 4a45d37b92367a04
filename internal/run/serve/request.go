package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"paspo/envs"
	"paspo/internal/jsonkeys"
	"paspo/lp"
)

// field is a field of a request.
type field int

const (
	fieldObs field = iota
	fieldB
	fieldTotal
	fieldLower
	fieldUpper
	fieldHoldings
	fieldA
	fieldID
	fields
)

var fieldNames = [fields]string{"obs", envs.LimitB, envs.LimitTotal, envs.LimitLower, envs.LimitUpper, envs.LimitHoldings, envs.LimitA, "id"}

// none is the limit that null stands for in a list of each field, NaN where null is not allowed.
var none = [fields]float64{
	math.NaN(), math.Inf(1), math.NaN(), math.Inf(-1), math.Inf(1), math.NaN(), math.NaN(), math.NaN(),
}

// request is a parsed line: an observation [..], or an object with one. Its memory is reused for
// other lines.
type request struct {
	lists [fieldID][]float64 // numbers of each field; of A row after row
	given [fields]bool
	id    []byte // as written in the line, nil without one

	own func(data []byte) ([]float64, error) // flattens an observation, nil where all are flat
	dim int                                  // components of a flattened one

	err      error
	action   []float64
	residual float64
	relaxed  float64 // by how much the limits of the observation are relaxed
}

// read parses a line. After an error only id is valid.
func (q *request) read(line []byte) error {
	q.reset()
	if q.readFast(line) && (q.own == nil || len(q.lists[fieldObs]) == q.dim) {
		return nil
	}
	q.reset()
	return q.readStrictly(line)
}

func (q *request) reset() {
	q.given, q.id, q.err = [fields]bool{}, nil, nil
	for i := range q.lists {
		q.lists[i] = q.lists[i][:0]
	}
}

// limits writes the limits that the line gives.
func (q *request) limits(to *lp.Limits) {
	for f, p := range [...]*[]float64{fieldB: &to.B, fieldTotal: &to.F, fieldLower: &to.Lower, fieldUpper: &to.Upper, fieldHoldings: &to.Holdings, fieldA: &to.A} {
		if p != nil && q.given[f] {
			*p = q.lists[f]
			if *p == nil {
				*p = []float64{} // nil would mean that it is not given
			}
		}
	}
}

// readStrictly parses every valid line, and returns an error that says what is wrong with others.
func (q *request) readStrictly(line []byte) error {
	if line[0] == '[' {
		q.given[fieldObs] = true
		return q.readObservation("the observation", line)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(line, &all); err != nil || all == nil {
		return fmt.Errorf(`%s: an observation [..] or {"obs":[..],"b":[..]} is allowed`, jsonProblem(err, line))
	}
	if err := jsonkeys.Check(line); err != nil {
		return err
	}
	// The id comes first, so that errors of other fields are answered with it.
	if raw, ok := all["id"]; ok {
		if !(raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') || !utf8.Valid(raw) {
			return fmt.Errorf("id is %s: a string or a number is allowed", cut(raw))
		}
		q.id, q.given[fieldID] = raw, true
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := field(slices.Index(fieldNames[:], name))
		var err error
		switch {
		case f == fieldID:
			continue
		case f < 0:
			return fmt.Errorf("unknown field %q: %s are allowed", name, strings.Join(fieldNames[:], ", "))
		case f == fieldObs:
			err = q.readObservation(name, all[name])
		case f == fieldA:
			q.lists[f], err = rows(name, all[name])
		default:
			q.lists[f], err = numbers(name, all[name], none[f])
		}
		if err != nil {
			return err
		}
		q.given[f] = true
	}
	if !q.given[fieldObs] {
		return errors.New("no obs: an observation is needed")
	}
	return nil
}

func (q *request) readObservation(what string, line []byte) (err error) {
	if q.own != nil {
		q.lists[fieldObs], err = q.own(line)
	} else {
		q.lists[fieldObs], err = Numbers(what, line)
	}
	return err
}

// rows reads rows of numbers, all of one length, as one list.
func rows(what string, line []byte) (all []float64, err error) {
	var rows []json.RawMessage
	if err := json.Unmarshal(line, &rows); err != nil || rows == nil {
		return nil, fmt.Errorf("%s is no JSON list of rows: %s", what, jsonProblem(err, line))
	}
	all = []float64{}
	for i, raw := range rows {
		row, err := Numbers(fmt.Sprintf("row %d of %s", i, what), raw)
		if err != nil {
			return nil, err
		}
		if i > 0 && i*len(row) != len(all) {
			return nil, fmt.Errorf("row %d of %s has %d numbers, row 0 has %d", i, what, len(row), len(all)/i)
		}
		all = append(all, row...)
	}
	return all, nil
}

// readFast parses lines of the usual form. It returns false for all others, which readStrictly
// parses, among them every line with an error. Both give the same result for a line that both parse.
func (q *request) readFast(line []byte) bool {
	s := scanner{b: line}
	if s.peek() == '[' {
		q.given[fieldObs] = true
		return s.list(&q.lists[fieldObs], math.NaN()) && s.peek() == 0 && s.at == len(line)
	}
	if !s.skip('{') {
		return false
	}
	for {
		key, ok := s.text()
		if !ok || !s.skip(':') {
			return false
		}
		f := field(slices.Index(fieldNames[:], unsafe.String(unsafe.SliceData(key), len(key))))
		if f < 0 || q.given[f] {
			return false
		}
		q.given[f] = true
		switch f {
		case fieldA:
			return false
		case fieldID:
			s.peek()
			from := s.at
			if _, ok := s.text(); !ok {
				if s.at = from; !s.number(nil) {
					return false
				}
			}
			q.id = line[from:s.at]
		default:
			if !s.list(&q.lists[f], none[f]) {
				return false
			}
		}
		if !s.skip(',') {
			break
		}
	}
	return s.skip('}') && s.peek() == 0 && s.at == len(line) && q.given[fieldObs]
}

// scanner reads JSON from the front.
type scanner struct {
	b  []byte
	at int
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.b); s.at++ {
		if c := s.b[s.at]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (s *scanner) skip(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// text reads a string of ASCII without escapes.
func (s *scanner) text() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	for from := s.at; s.at < len(s.b); s.at++ {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			return s.b[from : s.at-1], true
		case c == '\\' || c < ' ' || c > '~':
			return nil, false
		}
	}
	return nil, false
}

// list appends the numbers of a list.
func (s *scanner) list(to *[]float64, none float64) bool {
	if !s.skip('[') {
		return false
	}
	if s.skip(']') {
		return true
	}
	for {
		if s.peek() == 'n' {
			if math.IsNaN(none) || !strings.HasPrefix(unsafe.String(&s.b[s.at], len(s.b)-s.at), "null") {
				return false
			}
			s.at += 4
			*to = append(*to, none)
		} else if !s.number(to) {
			return false
		}
		if !s.skip(',') {
			return s.skip(']')
		}
	}
}

// tens are the powers of ten that a float64 holds exactly.
var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// number appends a finite JSON number. Where the mantissa is at most 2^53 and the power of ten is
// exact in float64, a single rounding gives the closest float64 (Clinger, How to read floating
// point numbers accurately, 1990).
func (s *scanner) number(to *[]float64) bool {
	b, i := s.b, s.at
	from := i
	digits := func(mantissa uint64) uint64 {
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			mantissa = 10*mantissa + uint64(b[i]-'0')
		}
		return mantissa
	}
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	first := i
	mantissa := digits(0)
	count := i - first
	if count == 0 || count > 1 && b[first] == '0' {
		return false
	}
	exponent := 0
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		mantissa = digits(mantissa)
		exponent = point - i
		if count -= exponent; exponent == 0 {
			return false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		minus := i < len(b) && b[i] == '-'
		if minus || i < len(b) && b[i] == '+' {
			i++
		}
		begin := i
		e := digits(0)
		if i == begin || i-begin > 4 {
			return false
		}
		if minus {
			exponent -= int(e)
		} else {
			exponent += int(e)
		}
	}
	s.at = i
	var x float64
	if count <= 19 && mantissa <= 1<<53 && -22 <= exponent && exponent <= 22 {
		if x = float64(mantissa); exponent < 0 {
			x /= tens[-exponent]
		} else {
			x *= tens[exponent]
		}
		if negative {
			x = -x
		}
	} else {
		var err error
		if x, err = strconv.ParseFloat(unsafe.String(&b[from], i-from), 64); err != nil {
			return false
		}
	}
	if to != nil {
		*to = append(*to, x)
	}
	return true
}
