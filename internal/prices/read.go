package prices

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/parquet"
)

// Read reads a file. Problems are those that options have repaired; others are an *Error. What
// is no table of prices, as a date that is none, is an error with its line that no option
// mends.
func Read(path string, o Options) (*Table, []Problem, error) {
	data, err := limits.ReadFile(path, limits.Prices)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read prices from %s: %w", path, atomicfile.Cause(err))
	}
	return Parse(path, data, o)
}

// Parse is Read of what a file of that name holds.
func Parse(name string, data []byte, o Options) (*Table, []Problem, error) {
	data, err := unpacked(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	raw, err := parse(data, o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s:%w", name, err)
	}
	t, problems, err := raw.table(name, o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	var repaired, left []Problem
	for _, p := range problems {
		if slices.Contains(o.Repair, p.Kind) {
			repaired = append(repaired, p)
		} else {
			left = append(left, p)
		}
	}
	if len(left) > 0 {
		return nil, repaired, &Error{Name: name, Problems: left}
	}
	return t, repaired, nil
}

// ReadTold is Read, and tells of the first problems that were repaired and which of several
// columns the prices are.
func ReadTold(path string, o Options, to io.Writer) (*Table, error) {
	t, repaired, err := Read(path, o)
	if err != nil {
		return nil, err
	}
	tell(to, repaired, path, "repaired")
	if t.Column != "" {
		fmt.Fprintf(to, "%s: the prices are those of the column %s\n", path, t.Column)
	}
	if len(t.Left) > 0 {
		fmt.Fprintf(to, "%s: left out: %s\n", path, strings.Join(t.Left, ", "))
	}
	return t, nil
}

func tell(to io.Writer, problems []Problem, path, what string) {
	const most = 20
	for i, p := range problems {
		if i == most {
			fmt.Fprintf(to, "%s: %d more\n", what, len(problems)-most)
			break
		}
		fmt.Fprintf(to, "%s: %s:%d: %s\n", what, path, p.Line, p)
	}
}

func unpacked(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(z, limits.Prices+1))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("it cannot be decompressed: %w", err)
	case len(data) > limits.Prices:
		return nil, fmt.Errorf("it is too large: at most %s, decompressed, is allowed", limits.Bytes(limits.Prices))
	}
	return data, nil
}

// quote is what a file says of one day. Missing and bad prices are NaN.
type quote struct {
	line   int
	date   time.Time
	clock  time.Duration // into the day
	prices []float64
	bad    map[int]string // what stands in the place of a price, by ticker
	lines  []int          // of a day of a long file, by ticker; 0 where it has none
}

// at returns the line of a price, or of the first one of its day where it has none.
func (q *quote) at(ticker int) int {
	if q.lines != nil && q.lines[ticker] > 0 {
		return q.lines[ticker]
	}
	return q.line
}

type rawTable struct {
	tickers []string
	quotes  []quote // of a long file, one price each
	long    bool
	column  string   // see Table
	left    []string // see Table
}

// lines are those of a table after its names. next returns io.EOF after the last; its errors
// begin with a line.
type lines struct {
	head []string
	left []string // names of columns that are no part of it
	next func() (record []string, line int, err error)
}

func csvLines(data []byte) (*lines, error) {
	if err := text(data); err != nil {
		return nil, err
	}
	if !bytes.Contains(data, []byte("\n")) { // lines may end in a carriage return alone
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.TrimLeadingSpace, r.ReuseRecord = true, true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("1: the file is empty: a line of names is needed")
	}
	if err != nil {
		return nil, csvError(err)
	}
	columns := len(head)
	head = slices.Clone(head)
	var left []string
	skip := 0
	if strings.TrimSpace(head[0]) == "" && len(head) > 1 { // the index of pandas, which has no name
		if slices.ContainsFunc(head, isDate) {
			head, left, skip = head[1:], []string{"the first column, which has no name"}, 1
		} else {
			head[0] = "date"
		}
	}
	return &lines{head, left, func() ([]string, int, error) {
		record, err := r.Read()
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			return nil, 0, fmt.Errorf("%d: the number of fields is %d: %d are allowed, as in the first line", line, len(record), columns)
		}
		if err != nil {
			return nil, 0, csvError(err)
		}
		line, _ := r.FieldPos(0)
		return record[skip:], line, nil
	}}, nil
}

// isDate says whether a column is that of the dates.
func isDate(name string) bool { return strings.EqualFold(strings.TrimSpace(name), "date") }

// text says what a file is that is not UTF-8 text, as far as its first bytes tell.
func text(data []byte) error {
	for begin, what := range map[string]string{"PK\x03\x04": "a workbook of Excel or another archive", "\xd0\xcf\x11\xe0": "a workbook of Excel", "\xff\xfe": "UTF-16", "\xfe\xff": "UTF-16"} {
		if bytes.HasPrefix(data, []byte(begin)) {
			return fmt.Errorf(" it is %s: CSV in UTF-8 is allowed, gzip or not, or Parquet", what)
		}
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return errors.New(" it has bytes of 0, which text has not: CSV in UTF-8 is allowed, gzip or not, or Parquet")
	}
	return nil
}

// parquetLines takes rows for lines, from 1 on. The date of a wide table comes first: it may
// be anywhere, or be the index of pandas, which is the date where it is of dates and no column is called
// so. Any other index is left out: it is no ticker.
func parquetLines(data []byte) (*lines, error) {
	t, err := parquet.Read(data, limits.Prices)
	if err != nil {
		return nil, fmt.Errorf(" %w", err)
	}
	head, order := t.Names(), []int{}
	first := slices.IndexFunc(head, isDate)
	ofDates := func(i int) bool {
		if t.Times(i) || t.Rows == 0 {
			return t.Times(i)
		}
		_, _, err := date(t.Text(0, i))
		return err == nil
	}
	for i := 0; i < len(head) && first < 0; i++ {
		if t.Index(i) && !isTicker(head[i]) && ofDates(i) {
			first, head[i] = i, "date"
		}
	}
	var left []string
	for i, name := range head {
		switch {
		case i == first:
		case t.Index(i) && !isTicker(name):
			left = append(left, name)
		default:
			order = append(order, i)
		}
	}
	if first >= 0 {
		order = slices.Insert(order, 0, first)
	}
	record, row := make([]string, len(order)), 0
	named := make([]string, len(order))
	for k, i := range order {
		named[k] = head[i]
	}
	return &lines{named, left, func() ([]string, int, error) {
		if row == t.Rows {
			return nil, 0, io.EOF
		}
		for k, i := range order {
			record[k] = t.Text(row, i)
		}
		row++
		return record, row, nil
	}}, nil
}

// Errors of parse begin with a line, "12: ..", or with a blank where they are of no line.
func parse(data []byte, o Options) (*rawTable, error) {
	read := csvLines
	if parquet.Is(data) {
		read = parquetLines
	}
	r, err := read(data)
	if err != nil {
		return nil, err
	}
	head := r.head
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	column := func(names ...string) int {
		return slices.IndexFunc(head, func(h string) bool { return slices.Contains(names, plain(h)) })
	}
	t := &rawTable{left: r.left}
	if d, k := column("date"), slices.IndexFunc(head, isTicker); d >= 0 && k >= 0 && len(head) > 2 {
		p, err := priceColumn(head, o)
		if err != nil {
			return nil, err
		}
		if t.long = true; len(head) > 3 {
			t.column = head[p]
		}
		c := slices.IndexFunc(head, isCurrency)
		if c == p || o.AnyColumn {
			c = -1
		}
		for i, name := range head {
			if i != d && i != k && i != p && i != c {
				t.left = append(t.left, name)
			}
		}
		return t, t.readLong(r, d, k, p, c)
	}
	if len(head) < 2 || strings.ToLower(head[0]) != "date" {
		names := strings.Join(head, ",")
		what := ""
		for _, by := range []string{";", "\t", "|"} {
			if strings.Count(names, by) > strings.Count(names, ",") {
				what = fmt.Sprintf(", not by %q, and points for decimals", by)
			}
		}
		if most := 60; len(names) > most {
			names = names[:most] + ".."
		}
		return nil, fmt.Errorf(`1: the names are %q: "date" and a ticker a column, or "date,ticker,price", separated by commas%s, are allowed`, names, what)
	}
	switch {
	case o.Column != "":
		return nil, fmt.Errorf(`1: it has a column a ticker, and none of them is the price of all: --price "" takes it as it is`)
	case column("open") >= 0 && column("high") >= 0 && column("low") >= 0 && column("close") >= 0:
		return nil, fmt.Errorf("1: the columns %s are of one ticker: a column a ticker, or one that says the ticker of the line, is needed", strings.Join(head, ", "))
	}
	for i, name := range head[1:] {
		if name == "" || slices.Contains(t.tickers, name) {
			return nil, fmt.Errorf("1: column %d is called %q: names that are distinct and not empty are allowed", i+2, name)
		}
		t.tickers = append(t.tickers, name)
	}
	return t, t.readWide(r)
}

// isTicker and isCurrency say whether a column of a long file is that of the tickers or of the currencies.
func isTicker(name string) bool   { return slices.Contains([]string{"ticker", "symbol"}, plain(name)) }
func isCurrency(name string) bool { return slices.Contains([]string{"currency", "ccy"}, plain(name)) }

// plain is the name of a column without its capitals and what stands in the place of blanks.
func plain(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" _.", r) }), " ")
}

// priceColumn finds the prices of a long file: the column that an option names, or the only one with
// a name of theirs. Of close and adj close nobody knows which is meant.
func priceColumn(head []string, o Options) (int, error) {
	named := []string{"price", "close", "adj close", "adjclose", "adjusted close"}
	if o.Column != "" {
		named = []string{plain(o.Column)}
	}
	var found []int
	var names []string
	for i, h := range head {
		if slices.Contains(named, plain(h)) {
			found, names = append(found, i), append(names, h)
		}
	}
	all := strings.Join(head, ", ")
	switch {
	case len(found) == 1 || len(found) > 1 && o.AnyColumn:
		return found[0], nil
	case o.AnyColumn:
		return slices.IndexFunc(head, func(h string) bool { return !isDate(h) && !isTicker(h) && !isCurrency(h) }), nil
	case len(found) > 1:
		return 0, fmt.Errorf("1: the columns are %s: the prices may be %s; name which by --price %q", all, strings.Join(names, " or "), names[len(names)-1])
	case o.Column != "":
		return 0, fmt.Errorf("1: the columns are %s: none is called %s, which --price names", all, o.Column)
	}
	return 0, fmt.Errorf("1: the columns are %s: none is called price, close or adj close; --price COLUMN says which the prices are", all)
}

func (t *rawTable) readWide(r *lines) error {
	for {
		record, line, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		q := quote{line: line, prices: make([]float64, len(t.tickers))}
		if q.date, q.clock, err = date(record[0]); err != nil {
			return fmt.Errorf("%d: %w", line, err)
		}
		for i, text := range record[1:] {
			if err := q.set(i, text); err != nil {
				return fmt.Errorf("%d: %s: %w", line, t.tickers[i], err)
			}
		}
		t.quotes = append(t.quotes, q)
	}
}

// readLong reads a file by the columns of the date, the ticker, the price and, where it is not below 0, the currency.
func (t *rawTable) readLong(r *lines, d, k, p, c int) error {
	at := map[string]int{}
	currency, first := "", 0
	for {
		record, line, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimSpace(record[k])
		if name == "" {
			return fmt.Errorf("%d: the ticker is empty", line)
		}
		i, known := at[name]
		if !known {
			i = len(t.tickers)
			at[name] = i
			t.tickers = append(t.tickers, name)
		}
		q := quote{line: line, prices: []float64{float64(i), 0}}
		if q.date, q.clock, err = date(record[d]); err != nil {
			return fmt.Errorf("%d: %s: %w", line, name, err)
		}
		if c >= 0 {
			switch text := strings.TrimSpace(record[c]); {
			case first == 0:
				currency, first = text, line
			case text != currency:
				return fmt.Errorf("%d: %s: the currency is %q, in line %d it is %q: prices in one currency are allowed", line, name, text, first, currency)
			}
		}
		if err := q.set(1, record[p]); err != nil {
			return fmt.Errorf("%d: %s: %w", line, name, err)
		}
		t.quotes = append(t.quotes, q)
	}
}

// least and most are what a price can be. The return of a lower one could round to -1.
const least, most = 1e-15, 1e15

// set reads a price. What is no number at all is an error.
func (q *quote) set(i int, text string) error {
	text = strings.TrimSpace(text)
	q.prices[i] = math.NaN()
	switch strings.ToLower(text) {
	case "", "na", "n/a", "nan", "null", "none":
		return nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "_xX") { // which are for programs
		what := ""
		if strings.ContainsAny(text, ",_") {
			what = ", with a point for decimals and nothing between thousands,"
		}
		return fmt.Errorf("the price is %q: a number%s is allowed", text, what)
	}
	if !(x >= least && x <= most) {
		if q.bad == nil {
			q.bad = map[int]string{}
		}
		q.bad[i] = text
		return nil
	}
	q.prices[i] = x
	return nil
}

// clocks are what may follow a date: a time and a zone.
var clocks = regexp.MustCompile(`^[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?))?$`)

// date reads a date, and the time of the day that may follow it. Both are as written: prices count by the
// day of their own market, whatever its zone.
func date(text string) (day time.Time, clock time.Duration, err error) {
	text = strings.TrimSpace(text)
	wrong := fmt.Errorf("the date is %q: a form such as 2024-12-31, or 2024-12-31 16:00:00-05:00, is allowed", text)
	n := min(len(text), len(time.DateOnly))
	if day, err = time.Parse(time.DateOnly, text[:n]); err != nil {
		return day, 0, wrong
	}
	if text = text[n:]; text == "" {
		return day, 0, nil
	}
	m := clocks.FindStringSubmatch(text)
	if m == nil {
		return day, 0, wrong
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		x, _ := strconv.Atoi(m[1+i]) // digits, or nothing
		if x >= 60 || unit == time.Hour && x >= 24 {
			return day, 0, wrong
		}
		clock += time.Duration(x) * unit
	}
	return day, clock, nil
}

// csvError begins the error of a line with it. io.EOF is none.
func csvError(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	var e *csv.ParseError
	if errors.As(err, &e) {
		return fmt.Errorf("%d: %w", e.Line, e.Err)
	}
	return fmt.Errorf("1: %w", err)
}
