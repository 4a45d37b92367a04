package prices

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const wide = `Date,A,B
2024-01-30,10,100
2024-01-31,11,100
2024-02-01,12,90
2024-02-29,12.5,95
2024-03-01,12.5,96
`

const long = `date,ticker,price
2024-01-30,A,10
2024-01-30,B,100
2024-01-31,A,11
2024-01-31,B,100
2024-02-01,B,90
2024-02-01,A,12
2024-02-29,A,12.5
2024-02-29,B,95
2024-03-01,A,12.5
2024-03-01,B,96
`

var noGap = Options{Repair: []Kind{Gap}, JumpShare: 0.6}

func read(t *testing.T, text string, o Options) (*Table, []Problem) {
	t.Helper()
	table, repaired, err := Parse("p.csv", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return table, repaired
}

// Wide, long and compressed files say the same.
func TestForms(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(wide)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	for _, text := range []string{wide, long, z.String(), "\ufeff" + wide, strings.ReplaceAll(wide, "\n", "\r\n")} {
		table, _ := read(t, text, noGap)
		if !slices.Equal(table.Tickers, []string{"A", "B"}) || len(table.Dates) != 5 || table.Prices[2][1] != 90 {
			t.Errorf("%+v", table)
		}
		months, err := table.Resample(Month)
		if err != nil {
			t.Fatal(err)
		}
		r := months.Returns()
		if len(r) != 2 || math.Abs(r[0][0]-1.5/11) > 1e-15 || math.Abs(r[0][1]+0.05) > 1e-15 || r[1][0] != 0 {
			t.Errorf("monthly returns %v", r)
		}
		weeks, err := table.Resample(Week)
		if err != nil || len(weeks.Dates) != 2 || day(weeks.Dates[0]) != "2024-02-01" {
			t.Errorf("weeks %v, %v", weeks, err)
		}
	}
	if _, err := (&Table{}).Resample("year"); err == nil {
		t.Error("a period that is none")
	}
}

// A long file may have other columns. Of several that may be the prices one is named, and never taken
// on its own.
func TestColumns(t *testing.T) {
	lines := "\n2024-01-30,A,9,11,8,10,9.5,7\n2024-01-30,B,90,110,80,100,95,7\n2024-01-31,A,9,11,8,11,10.5,7\n2024-01-31,B,90,110,80,101,96,7\n"
	for _, c := range []struct {
		head, column string
		price        float64
		want         string
	}{
		{"date,symbol,open,high,low,close,other,volume", "", 10, ""},
		{"Date,Ticker,Open,High,Low,X,Adj_Close,Volume", "", 9.5, ""},
		{"date,symbol,open,high,low,Close,Adj Close,volume", "", 0, `p.csv:1: the columns are date, symbol, open, high, low, Close, Adj Close, volume: the prices may be Close or Adj Close; name which by --price "Adj Close"`},
		{"date,symbol,open,high,low,Close,Adj Close,volume", "adj_close", 9.5, ""},
		{"date,symbol,open,high,low,close,nav,volume", "NAV", 9.5, ""},
		{"date,symbol,open,high,low,close,nav,volume", "last", 0, "p.csv:1: the columns are date, symbol, open, high, low, close, nav, volume: none is called last, which --price names"},
		{"date,symbol,open,high,low,bid,nav,volume", "", 0, "p.csv:1: the columns are date, symbol, open, high, low, bid, nav, volume: none is called price, close or adj close; --price COLUMN says"},
	} {
		o := noGap
		o.Column = c.column
		table, _, err := Parse("p.csv", []byte(c.head+lines), o)
		if c.want != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.head, err, c.want)
			}
			o.AnyColumn = true
			if table, _, err = Parse("p.csv", []byte(c.head+lines), o); err != nil || len(table.Tickers) != 2 {
				t.Errorf("tickers of %s: %v", c.head, err)
			}
			continue
		}
		if err != nil || len(table.Left) != 5 || table.Prices[0][0] != c.price || len(table.Dates) != 2 || table.Column == "" {
			t.Errorf("%s: %v, %+v", c.head, err, table)
		}
	}
	for text, want := range map[string]string{
		"date,open,high,low,close,volume\n2024-01-30,9,11,8,10,7\n": "p.csv:1: the columns date, open, high, low, close, volume are of one ticker",
		"date,ticker,symbol\n2024-01-30,A,A\n":                      "p.csv:1: the columns are date, ticker, symbol: none is called price",
	} {
		if _, _, err := Parse("p.csv", []byte(text), noGap); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	o := noGap
	o.Column = "close"
	if _, _, err := Parse("p.csv", []byte(wide), o); err == nil || !strings.Contains(err.Error(), "it has a column a ticker") {
		t.Error(err)
	}
}

// Prices count by the day that is written, in all forms of times and zones. Several times of a day are
// duplicates, of which the latest counts.
func TestTimes(t *testing.T) {
	want, _ := read(t, "date,A,B\n2024-01-30,1,2\n2024-01-31,1,2\n", DefaultOptions())
	for _, clock := range []string{
		"", " 16:00", "T16:00", " 16:00:00", "T16:00:00.123456", " 00:00:00-05:00", "T23:59:59+09:00", " 16:00:00 UTC", "T16:00:00Z", " 16:00:00-0500", " 16:00:00-05", " 19:03:58-04:56:02",
	} {
		got, _ := read(t, fmt.Sprintf("date,A,B\n2024-01-30%s,1,2\n2024-01-31%[1]s,1,2\n", clock), DefaultOptions())
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", clock, got)
		}
		text := fmt.Sprintf("date,ticker,price\n2024-01-30%s,A,1\n2024-01-30 17:30:00,B,2\n2024-01-31T01:00:00+09:00,B,2\n2024-01-31%[1]s,A,1\n", clock)
		if got, _ = read(t, text, DefaultOptions()); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", clock, got)
		}
	}
	for _, wrong := range []string{"2024-01-30x", "2024-01-30 24:00", "2024-01-30 16:60", "2024-01-30 16", "2024-01-30T16:00:00 EST", "2024-01-30 4:00 PM", "2024-01-3016:00", "30 Jan 2024", "2024-02-30"} {
		if _, _, err := Parse("p.csv", []byte("date,A\n"+wrong+",1\n"), DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("p.csv:2: the date is %q", wrong)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	text := "date,A\n2024-01-30 16:00,1\n2024-01-30 10:00,2\n"
	if _, _, err := Parse("p.csv", []byte(text), DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), "p.csv:2: 2024-01-30 was given in line 3 already") {
		t.Error(err)
	}
	o := DefaultOptions()
	o.Repair = []Kind{Duplicate}
	if got, _ := read(t, text, o); got.Prices[0][0] != 1 || len(got.Dates) != 1 {
		t.Errorf("%+v", got)
	}
}

// The index that pandas writes is no ticker: without a name it is left out where there is a date, and else is the date.
func TestIndex(t *testing.T) {
	want, _ := read(t, "date,A,B\n2024-01-30,1,2\n2024-01-31,1,2\n", DefaultOptions())
	for text, left := range map[string]int{
		",date,A,B\n0,2024-01-30,1,2\n1,2024-01-31,1,2\n":                                              1,
		",A,B\n2024-01-30 00:00:00-05:00,1,2\n2024-01-31 00:00:00-05:00,1,2\n":                         0,
		",date,ticker,price\n4,2024-01-30,A,1\n7,2024-01-30,B,2\n8,2024-01-31,A,1\n9,2024-01-31,B,2\n": 1,
	} {
		got, _ := read(t, text, DefaultOptions())
		if len(got.Left) != left {
			t.Errorf("%q leaves out %q", text, got.Left)
		}
		if got.Left = nil; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if _, _, err := Parse("p.csv", []byte(",A,B\n0,1,2\n"), DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), `p.csv:2: the date is "0"`) {
		t.Error(err)
	}
}

// A long file may say the currency, and has one.
func TestCurrencies(t *testing.T) {
	lines := "date,ticker,price,currency\n2024-01-30,A,1,USD\n2024-01-30,B,1,"
	if table, _ := read(t, lines+"USD\n", DefaultOptions()); len(table.Left) > 0 {
		t.Errorf("%q", table.Left)
	}
	if _, _, err := Parse("p.csv", []byte(lines+"EUR\n"), DefaultOptions()); err == nil || err.Error() != `p.csv:3: B: the currency is "EUR", in line 2 it is "USD": prices in one currency are allowed` {
		t.Error(err)
	}
	o := DefaultOptions()
	o.AnyColumn = true
	if table, _ := read(t, "date,ticker,currency,price\n2024-01-30,A,EUR,1\n2024-01-30,B,USD,2\n", o); !slices.Equal(table.Tickers, []string{"A", "B"}) {
		t.Errorf("%+v", table)
	}
}

// Every problem names its line and ticker, is an error, and is repaired where an option says so.
func TestProblems(t *testing.T) {
	days := "2024-01-01,1,10\n2024-01-02,1.1,10\n2024-01-03,1.2,10\n"
	for _, c := range []struct {
		kind Kind
		text string
		want string
		at   func(*Table) float64 // of the repaired table
		is   float64
	}{
		{Order, "date,A,B\n2024-01-01,1,10\n2024-01-03,1.2,10\n2024-01-02,1.1,10\n", "p.csv:4: 2024-01-02 comes after 2024-01-03",
			func(t *Table) float64 { return t.Prices[1][0] / t.Prices[2][0] }, 1.1 / 1.2},
		{Duplicate, "date,A,B\n" + days + "2024-01-03,1.3,10\n", "p.csv:5: 2024-01-03 was given in line 4 already",
			func(t *Table) float64 { return t.Prices[2][0] }, 1.3},
		{Duplicate, "date,ticker,price\n2024-01-01,A,1\n2024-01-01,A,2\n", "p.csv:3: A: 2024-01-01 was given in line 2 already",
			func(t *Table) float64 { return t.Prices[0][0] }, 2},
		{Value, "date,A,B\n" + days + "2024-01-04,-1,10\n", "p.csv:5: A: the price is -1 on 2024-01-04: a number from 1e-15 to 1e+15 is allowed",
			func(t *Table) float64 { return t.Prices[3][0] }, 1.2},
		{Value, "date,A,B\n" + days + "2024-01-04,1e16,10\n", "p.csv:5: A: the price is 1e16 on 2024-01-04: a number from 1e-15 to 1e+15 is allowed",
			func(t *Table) float64 { return t.Prices[3][0] }, 1.2},
		{Value, "date,A,B\n" + days + "2024-01-04,1e-320,10\n", "p.csv:5: A: the price is 1e-320 on 2024-01-04: a number from 1e-15 to 1e+15 is allowed",
			func(t *Table) float64 { return t.Prices[3][0] }, 1.2},
		{Missing, "date,A,B\n" + days + "2024-01-04,1,\n", "p.csv:5: B: there is no price on 2024-01-04",
			func(t *Table) float64 { return t.Prices[3][1] }, 10},
		{Missing, "date,ticker,price\n2024-01-01,A,1\n2024-01-02,A,1\n2024-01-02,B,5\n", "p.csv:2: B: there is no price on 2024-01-01",
			func(t *Table) float64 { return float64(len(t.Dates)) }, 1},
		{Duplicate, "date,ticker,price\n2024-01-01,B,1\n2024-01-01,A,1\n2024-01-01,A,2\n", "p.csv:4: A: 2024-01-01 was given in line 3 already",
			func(t *Table) float64 { return t.Prices[0][1] }, 2},
		{Value, "date,ticker,price\n2024-01-01,A,1\n2024-01-02,A,1\n2024-01-01,B,3\n2024-01-02,B,0\n", "p.csv:5: B: the price is 0 on 2024-01-02",
			func(t *Table) float64 { return t.Prices[1][1] }, 3},
		{Jump, "date,ticker,price\n2024-01-01,A,1\n2024-01-02,A,1\n2024-01-01,B,3\n2024-01-02,B,1\n", "p.csv:5: B: the price goes from 3 to 1",
			func(t *Table) float64 { return t.Prices[0][1] }, 1},
		{Gap, "date,A,B\n" + days + "2024-02-04,1,10\n", "p.csv:5: no price for 32 days, between 2024-01-03 and 2024-02-04",
			func(t *Table) float64 { return float64(len(t.Dates)) }, 4},
		{Jump, "date,A,B\n" + days + "2024-01-04,0.61,10\n2024-01-05,0.6,10\n", "p.csv:5: A: the price goes from 1.2 to 0.61 on 2024-01-04, which looks like a split of 1:2",
			func(t *Table) float64 { return t.Prices[0][0] }, 0.5},
		{Jump, "date,A,B\n" + days + "2024-01-04,1.2,100\n", "p.csv:5: B: the price goes from 10 to 100",
			func(t *Table) float64 { return t.Prices[2][1] }, 100},
	} {
		_, _, err := Parse("p.csv", []byte(c.text), DefaultOptions())
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(err.Error(), "--repair "+string(c.kind)) {
			t.Errorf("%s: %v, want %s", c.kind, err, c.want)
		}
		o := DefaultOptions()
		o.Repair = []Kind{c.kind}
		table, repaired, err := Parse("p.csv", []byte(c.text), o)
		if err != nil || len(repaired) == 0 || repaired[0].Kind != c.kind {
			t.Errorf("%s: %v, repaired %v", c.kind, err, repaired)
			continue
		}
		if x := c.at(table); math.Abs(x-c.is) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.kind, x, c.is)
		}
	}
	o := DefaultOptions()
	o.JumpShare = 0
	read(t, "date,A\n2024-01-01,1\n2024-01-02,2\n", o)
}

// Every whole ratio up to 100 is found in daily prices, either way and with the move of a day
// on top, and mending brings prices before to the units of those after. What is further apart
// is found at any spacing, and left where it is no ratio.
func TestJumpRatios(t *testing.T) {
	mend := DefaultOptions()
	mend.Repair = []Kind{Jump}
	for k := 2.; k <= 100; k++ {
		for _, up := range []bool{false, true} {
			r := k
			if up {
				r = 1 / k
			}
			text := fmt.Sprintf("date,A\n2024-01-01,%g\n2024-01-02,%g\n2024-01-03,3.01\n", 3*r, 3.03*r)
			if _, _, err := Parse("p.csv", []byte(text), DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), "p.csv:4: A: the price goes from") {
				t.Errorf("1:%g: %v", k, err)
			}
			table, repaired := read(t, text, mend)
			if math.Abs(math.Log(table.Prices[0][0]/3)) > 0.04 || len(repaired) != 1 {
				t.Errorf("1:%g: %v, %v", k, table.Prices, repaired)
			}
		}
	}
	// A split of 3:2 is no larger than moves of its own: it is found where smaller moves are looked at.
	for _, r := range []float64{1.5, 1 / 1.5} {
		text := fmt.Sprintf("date,A\n2024-01-01,%g\n2024-01-02,%g\n2024-01-03,3.01\n", 3*r, 3.03*r)
		read(t, text, DefaultOptions())
		smaller := mend
		smaller.JumpShare = 0.4
		if table, repaired := read(t, text, smaller); math.Abs(math.Log(table.Prices[0][0]/3)) > 0.01 || len(repaired) != 1 {
			t.Errorf("3:2: %v, %v", table.Prices, repaired)
		}
	}
	// 99 is near enough to 100, as a unit with the move of a day.
	if table, _ := read(t, "date,A\n2024-01-01,100\n2024-01-02,9900\n", mend); table.Prices[0][0] != 10_000 {
		t.Error(table.Prices)
	}
	for text, left := range map[string]float64{
		"date,A\n2024-01-31,1\n2024-02-29,104\n2024-03-31,100\n": 1,
		"date,A\n2024-01-31,1000\n2024-02-29,1\n2024-03-31,1\n":  1000,
		"date,A\n2024-01-31,1\n2024-02-29,50\n2024-03-31,50\n":   50,
		"date,A\n2024-01-01,1\n2024-01-02,5000\n":                1,
	} {
		_, _, err := Parse("p.csv", []byte(text), DefaultOptions())
		if err == nil || !strings.Contains(err.Error(), "3: A: the price goes from") || (left < 50 || left > 50) != strings.Contains(err.Error(), "mending leaves it") {
			t.Errorf("%q: %v", text, err)
		}
		if table, _ := read(t, text, mend); table.Prices[0][0] != left {
			t.Errorf("%q: %v", text, table.Prices)
		}
	}
	read(t, "date,A\n2024-01-31,1\n2024-02-29,10\n2024-03-31,1\n", DefaultOptions()) // months
	read(t, "date,A\n2024-01-01,1\n2024-01-02,1.55\n", DefaultOptions())
}

func TestNoPrices(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "p.csv:1: the file is empty",
		"date,A\n":                           "p.csv: it has no prices",
		"A,B\n1,2\n":                         `p.csv:1: the names are "A,B"`,
		"date;A;B\n":                         `p.csv:1: the names are "date;A;B": "date" and a ticker a column, or "date,ticker,price", separated by commas, not by ";", and points for decimals, are allowed`,
		"date\tA\n":                          `p.csv:1: the names are "date\tA": "date" and a ticker a column, or "date,ticker,price", separated by commas, not by "\t"`,
		"1," + strings.Repeat("2,", 99):      `p.csv:1: the names are "1,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,..": "date"`,
		"\xff\xfed\x00a\x00t\x00e\x00":       "p.csv: it is UTF-16: CSV in UTF-8 is allowed",
		"PK\x03\x04\x14":                     "p.csv: it is a workbook of Excel or another archive",
		"date,A\x00\n":                       "p.csv: it has bytes of 0",
		"date,A\n2024-01-01,\"1,5\"\n":       `p.csv:2: A: the price is "1,5": a number, with a point for decimals and nothing between thousands, is allowed`,
		"date,A\n2024-01-01,1_000\n":         `p.csv:2: A: the price is "1_000": a number, with a point for decimals and nothing between thousands, is allowed`,
		"date,A\n2024-01-01,0x10\n":          `p.csv:2: A: the price is "0x10": a number is allowed`,
		"date,A\r2024-01-01,1\r2024,2\r":     `p.csv:3: the date is "2024"`,
		"date,A,A\n":                         `p.csv:1: column 3 is called "A"`,
		"date,A\n01/02/2024,1\n":             `p.csv:2: the date is "01/02/2024"`,
		"date,A\n2024-01-01,x\n":             `p.csv:2: A: the price is "x"`,
		"date,A\n2024-01-01,1,2\n":           "p.csv:2: the number of fields is 3: 2 are allowed, as in the first line",
		"date,A\n2024-01-01,\n":              "p.csv: A has no price anywhere",
		"\x1f\x8bno":                         "p.csv: it cannot be decompressed",
		"date,ticker,price\n2024-01-01,,1\n": "p.csv:2: the ticker is empty",
	} {
		if _, _, err := Parse("p.csv", []byte(text), DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Parquet says the same as CSV, in either form. Problems name the row.
func TestParquet(t *testing.T) {
	const dir = "../parquet/testdata/"
	want, _, err := Read(dir+"table.csv", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "[wlf]*-*.parquet")
	if err != nil || len(files) != 11 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		got, _, err := Read(file, DefaultOptions())
		if err != nil {
			t.Error(err)
			continue
		}
		if filtered := strings.Contains(file, "filtered-"); slices.Contains(got.Left, "__index_level_0__") != filtered {
			t.Errorf("%s leaves out %q", file, got.Left)
		}
		got.Left, got.Column = nil, ""
		if got.Name = want.Name; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, want %+v", file, got, want)
		}
	}
	for name, want := range map[string]string{
		"missing":  ":4: B: there is no price on 2024-02-02; --repair missing reads them, repaired where that is possible",
		"negative": ":1: A: the price is -2 on 2024-01-30: a number from 1e-15 to 1e+15 is allowed",
		"boolean":  `: it cannot be read as Parquet: column "A" has a type`,
	} {
		file := dir + name + ".parquet"
		if _, _, err := Read(file, DefaultOptions()); err == nil || !strings.HasPrefix(err.Error(), file+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Of the daily prices of twenty stocks over thirty-three years that come with skfolio (see examples/portfolio) the
// first hundred days are committed. They have the one move that looks like a split.
func TestStocks(t *testing.T) {
	const file = "testdata/stocks.csv"
	_, _, err := Read(file, DefaultOptions())
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Line != 71 || e.Problems[0].Ticker != "RRC" {
		t.Errorf("%v", err)
	}
	o := DefaultOptions()
	o.Repair = []Kind{Jump}
	table, _, err := Read(file, o)
	if err != nil {
		t.Fatal(err)
	}
	months, err := table.Resample(Month)
	if err != nil || len(table.Dates) != 100 || len(table.Tickers) != 20 || len(months.Dates) != 5 {
		t.Errorf("%d days of %d tickers, %d months, %v", len(table.Dates), len(table.Tickers), len(months.Dates), err)
	}
}

// These are the largest moves of a day in all of those years, with a day before and after. Crashes are no splits.
func TestLargestMoves(t *testing.T) {
	for _, c := range []struct {
		text  string
		split float64 // share from which on the move is taken for a split, 1 where it is for none
	}{
		{"date,RRC\n1990-04-09,3.322\n1990-04-10,1.107\n1990-04-11,1.107\n", 0.6},
		{"date,AAPL\n2000-09-28,0.812\n2000-09-29,0.391\n2000-10-02,0.368\n", 1},
		{"date,BBY\n2000-11-08,14.491\n2000-11-09,8.871\n2000-11-10,9.113\n", 1},
		{"date,AMD\n1992-06-17,7.25\n1992-06-18,4.5\n1992-06-19,4.688\n", 1},
		{"date,BBY\n2002-08-07,12.783\n2002-08-08,8.114\n2002-08-09,8.823\n", 1},
		{"date,RRC\n1998-10-16,2.207\n1998-10-19,3.387\n1998-10-20,3.501\n", 0.4},
		{"date,AMD\n2016-04-21,2.62\n2016-04-22,3.99\n2016-04-25,3.45\n", 0.4},
		{"date,BBY\n1991-12-18,0.49\n1991-12-19,0.323\n1991-12-20,0.323\n", 0.4},
		{"date,AMD\n2002-10-02,5.37\n2002-10-03,3.63\n2002-10-04,3.51\n", 0.4},
		{"date,PG\n2000-03-06,23.401\n2000-03-07,16.325\n2000-03-08,15.523\n", 1},
		{"date,UNH\n1996-07-10,4.491\n1996-07-11,3.146\n1996-07-12,3.362\n", 1},
	} {
		for _, share := range []float64{0.6, 0.4} {
			o := DefaultOptions()
			o.JumpShare = share
			_, _, err := Parse("f", []byte(c.text), o)
			var e *Error
			if found := errors.As(err, &e); found != (share <= c.split && c.split < 1) || found && (len(e.Problems) != 1 || e.Problems[0].Line != 3) {
				t.Errorf("from %g on: %v\n%s", share, err, c.text)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(wide))
	f.Add([]byte(long))
	f.Add([]byte("date,A\n2024-01-01,1e-300\n2024-01-02,1e15\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := DefaultOptions()
		o.Repair = Kinds()
		table, _, err := Parse("f", data, o)
		if err != nil {
			if strings.Contains(strings.TrimSuffix(err.Error(), "\n"), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			return
		}
		for i, row := range table.Prices {
			if i > 0 && !table.Dates[i].After(table.Dates[i-1]) {
				t.Fatalf("date %d does not rise", i)
			}
			for _, x := range row {
				if !(x > 0) {
					t.Fatalf("a price of %v", x)
				}
			}
		}
	})
}

// Prices that are further apart than the periods they are to be of would make a year of a few
// weeks: they are refused. Holidays, and months of other lengths, are none of that.
func TestSpacing(t *testing.T) {
	for days, allowed := range map[int][]string{1: {Day, Week, Month}, 4: {Day, Week, Month}, 7: {Week, Month}, 31: {Month}, 91: nil} {
		table := &Table{Name: "p.csv", Tickers: []string{"A"}}
		for i := range 24 {
			table.Dates = append(table.Dates, time.Date(2020, 1, 1+i*days, 0, 0, 0, 0, time.UTC))
			table.Prices = append(table.Prices, []float64{1})
		}
		for _, every := range []string{Day, Week, Month} {
			_, err := table.Resample(every)
			if slices.Contains(allowed, every) != (err == nil) || err != nil && !strings.Contains(err.Error(), "days apart in the median") {
				t.Errorf("%d days by the %s: %v", days, every, err)
			}
		}
	}
}

// A period of those that prices are taken by without a price is a gap, whatever the days between prices: its
// return and the next would be taken for that of one. A week with any day is none, nor are first or last days of
// a month that are other ones.
func TestHoles(t *testing.T) {
	at := func(begin string, days ...int) string {
		first, err := time.Parse(time.DateOnly, begin)
		if err != nil {
			t.Fatal(err)
		}
		text := "date,A\n"
		for _, k := range days {
			text += day(first.AddDate(0, 0, k)) + ",1\n"
		}
		return text
	}
	steps := func(n, step int, left func(k int) bool) (days []int) {
		for k := range n {
			if !left(k) {
				days = append(days, k*step)
			}
		}
		return days
	}
	between := func(first, last int) func(int) bool {
		return func(k int) bool { return k >= first && k <= last || k < 0 }
	}
	weekend := func(k int) bool { return k%7 > 4 }                                                            // from a Monday
	golden := at("2023-08-28", steps(70, 1, func(k int) bool { return weekend(k) || k >= 33 && k <= 41 })...) // 10 days, 30 September to 9 October
	months := "date,A\n1994-01-31,1\n1994-02-28,1\n1994-06-30,1\n1994-07-29,1\n2000-01-31,1\n"
	for _, c := range []struct {
		name, text, every string
		want              []string
	}{
		{"months", months, Month, []string{"4: no price in 3 months, between 1994-02-28 and 1994-06-30", "6: no price in 65 months, between 1994-07-29 and 2000-01-31"}},
		{"months without periods", months, "", nil},
		{"a month of two ends", "date,A\n2024-01-31,1\n2024-03-01,1\n2024-03-29,1\n", Month, []string{"3: no price in 1 month, between 2024-01-31 and 2024-03-01"}},
		{"first days", "date,A\n2024-01-02,1\n2024-02-01,1\n2024-03-01,1\n2024-04-02,1\n", Month, nil},
		{"over years", "date,A\n1969-11-30,1\n1969-12-31,1\n1970-01-30,1\n1970-03-31,1\n", Month, []string{"5: no price in 1 month, between 1970-01-30 and 1970-03-31"}},
		{"weeks", at("2014-12-26", steps(40, 7, between(20, 23))...), Week, []string{"22: no price in 4 weeks, between 2015-05-08 and 2015-06-12"}},
		{"weeks by the month", at("2014-12-26", steps(40, 7, between(20, 21))...), Month, nil},
		{"weeks on other days", at("2014-12-26", 0, 6, 14, 20, 28, 35, 41, 49, 56, 63), Week, nil}, // Fridays, or a day before
		{"weeks before 1970", at("1969-12-08", steps(12, 7, between(3, 3))...), Week, []string{"5: no price in 1 week, between 1969-12-22 and 1970-01-05"}},
		{"a closed week of days", golden, Week, []string{"27: no price in 1 week, between 2023-09-29 and 2023-10-09"}},
		{"a closed week of days by the month", golden, Month, nil},
		{"a week of one day", strings.Replace(golden, "2023-10-09", "2023-10-04,1\n2023-10-09", 1), Week, nil},
		{"days", at("2024-01-01", steps(90, 1, between(30, 45))...), Week, []string{"32: no price for 17 days, between 2024-01-30 and 2024-02-16"}},
		{"days by the day", at("2024-01-01", steps(60, 1, weekend)...), Day, nil},
		{"quarters", at("2020-01-31", steps(12, 91, between(99, 99))...), Month, nil}, // which Resample refuses
		{"long", "date,ticker,price\n2024-01-31,A,1\n2024-01-31,B,1\n2024-04-30,A,1\n2024-04-30,B,1\n", Month, []string{"4: no price in 2 months, between 2024-01-31 and 2024-04-30"}},
	} {
		o := DefaultOptions()
		o.Every = c.every
		_, _, err := Parse("p.csv", []byte(c.text), o)
		var e *Error
		if (err != nil) != (len(c.want) > 0) || err != nil && !errors.As(err, &e) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for i := range c.want {
			if i < len(e.Problems) && e.Problems[i].Kind == Gap {
				got = append(got, fmt.Sprintf("%d: %s", e.Problems[i].Line, e.Problems[i]))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		o.Repair = []Kind{Gap}
		if _, repaired := read(t, c.text, o); len(repaired) != len(c.want) {
			t.Errorf("%s: repaired %v", c.name, repaired)
		}
	}
}

// The number of a period is that of its ISO week, and of its month.
func TestPeriod(t *testing.T) {
	first := time.Date(1960, 1, 1, 5, 0, 0, 0, time.UTC)
	for k := range 30 * 366 {
		a, b := first.AddDate(0, 0, k), first.AddDate(0, 0, k+1)
		ay, aw := a.ISOWeek()
		by, bw := b.ISOWeek()
		if week := period(b, Week) - period(a, Week); week < 0 || week > 1 || (week == 0) != (ay == by && aw == bw) {
			t.Fatalf("%v: %d weeks", a, week)
		}
		if month := period(b, Month) - period(a, Month); (month == 0) != (a.Month() == b.Month()) || month > 1 {
			t.Fatalf("%v: %d months", a, month)
		}
		if period(b, Day)-period(a, Day) != 1 {
			t.Fatal(a)
		}
	}
}

// Prices of several hours of a day by the day are its last ones.
func TestHours(t *testing.T) {
	table := &Table{Name: "p.csv", Tickers: []string{"A"}}
	for i := range 6 {
		table.Dates = append(table.Dates, time.Date(2020, 1, 1+i/2, 10+6*(i%2), 0, 0, 0, time.UTC))
		table.Prices = append(table.Prices, []float64{float64(1 + i)})
	}
	days, err := table.Resample(Day)
	if err != nil || len(days.Prices) != 3 || days.Prices[0][0] != 2 || days.Prices[2][0] != 6 {
		t.Errorf("%+v, %v", days, err)
	}
}
