package prices

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
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
	column  string // see Table
}

// lines are those of a table after its names. next returns io.EOF after the last; its errors
// begin with a line.
type lines struct {
	head []string
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
	return &lines{slices.Clone(head), func() ([]string, int, error) {
		record, err := r.Read()
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			return nil, 0, fmt.Errorf("%d: the number of fields is %d: %d are allowed, as in the first line", line, len(record), columns)
		}
		if err != nil {
			return nil, 0, csvError(err)
		}
		line, _ := r.FieldPos(0)
		return record, line, nil
	}}, nil
}

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
// be anywhere, or be an index that pandas has given no name.
func parquetLines(data []byte) (*lines, error) {
	t, err := parquet.Read(data, limits.Prices)
	if err != nil {
		return nil, fmt.Errorf(" %w", err)
	}
	head, order := t.Names(), []int{}
	first := slices.IndexFunc(head, func(name string) bool { return strings.EqualFold(name, "date") })
	if i := slices.Index(head, "__index_level_0__"); first < 0 && i >= 0 && t.Times(i) {
		first, head[i] = i, "date"
	}
	for i := range head {
		if i != first {
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
	return &lines{named, func() ([]string, int, error) {
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
	t := &rawTable{}
	if d, k := column("date"), column("ticker", "symbol"); d >= 0 && k >= 0 && len(head) > 2 {
		p, err := priceColumn(head, o)
		if err != nil {
			return nil, err
		}
		if t.long = true; len(head) > 3 {
			t.column = head[p]
		}
		return t, t.readLong(r, d, k, p)
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
		if slices.Contains(named, plain(h)) || o.AnyColumn && !slices.Contains([]string{"date", "ticker", "symbol"}, plain(h)) {
			found, names = append(found, i), append(names, h)
		}
	}
	all := strings.Join(head, ", ")
	switch {
	case len(found) == 1 || len(found) > 1 && o.AnyColumn:
		return found[0], nil
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
		if q.date, err = date(record[0]); err != nil {
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

func (t *rawTable) readLong(r *lines, d, k, p int) error {
	at := map[string]int{}
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
		if q.date, err = date(record[d]); err != nil {
			return fmt.Errorf("%d: %s: %w", line, name, err)
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

func date(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("the date is %q: a form such as 2024-12-31 is allowed", text)
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
