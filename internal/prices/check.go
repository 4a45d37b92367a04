package prices

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"paspo/internal/count"
)

// maxGap is how long a file of daily prices may have no line.
const maxGap = 10 * 24 * time.Hour

// table puts quotes in order and finds everything that is wrong with them. What it returns
// is as if all had been repaired.
func (raw *rawTable) table(name string, o Options) (*Table, []Problem, error) {
	if len(raw.quotes) == 0 {
		return nil, nil, errors.New("it has no prices")
	}
	problems := raw.sort()
	rows := raw.byDate(&problems)
	n := len(raw.tickers)
	t := &Table{Name: name, Tickers: raw.tickers, Column: raw.column, Left: raw.left}

	// The last line that gave a price of each ticker, and that price.
	last := make([]float64, n)
	for i := range last {
		last[i] = math.NaN()
	}
	complete := false
	for _, q := range rows {
		row := make([]float64, n)
		for i, p := range q.prices {
			text, bad := q.bad[i]
			switch {
			case bad:
				problems = append(problems, Problem{Value, q.at(i), raw.tickers[i], fmt.Sprintf("the price is %s on %s: a number from %g to %g is allowed", text, day(q.date), least, most)})
			case math.IsNaN(p):
				problems = append(problems, Problem{Missing, q.line, raw.tickers[i], fmt.Sprintf("there is no price on %s", day(q.date))})
			default:
				last[i] = p
			}
			row[i] = last[i]
		}
		// Dates before all tickers have had a price are left out.
		if complete = complete || !slices.ContainsFunc(row, math.IsNaN); complete {
			t.Dates, t.Prices = append(t.Dates, q.date), append(t.Prices, row)
		}
	}
	rows = rows[len(rows)-len(t.Dates):]
	if len(t.Dates) == 0 {
		for i, p := range last {
			if math.IsNaN(p) {
				return nil, nil, fmt.Errorf("%s has no price anywhere", raw.tickers[i])
			}
		}
	}
	problems = append(problems, t.gaps(rows, o.Every)...)
	problems = append(problems, t.jumps(rows, o.JumpShare, slices.Contains(o.Repair, Jump))...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return t, problems, nil
}

// sort sorts by date and says which lines are out of place. In a long file every ticker
// counts on its own.
func (raw *rawTable) sort() (problems []Problem) {
	newest := map[int]time.Time{}
	for _, q := range raw.quotes {
		ticker, name := 0, ""
		if raw.long {
			ticker = int(q.prices[0])
			name = raw.tickers[ticker]
		}
		if before, ok := newest[ticker]; ok && q.date.Before(before) {
			problems = append(problems, Problem{Order, q.line, name, fmt.Sprintf("%s comes after %s", day(q.date), day(before))})
			continue
		}
		newest[ticker] = q.date
	}
	slices.SortStableFunc(raw.quotes, func(a, b quote) int { return cmp.Or(a.date.Compare(b.date), cmp.Compare(a.clock, b.clock)) })
	return problems
}

// byDate joins the quotes of a day. Where a price is given twice, that of the later time counts, or
// the later line of one time.
func (raw *rawTable) byDate(problems *[]Problem) (rows []quote) {
	for _, q := range raw.quotes {
		same := len(rows) > 0 && rows[len(rows)-1].date.Equal(q.date)
		twice := func(ticker string, before int) {
			*problems = append(*problems, Problem{Duplicate, q.line, ticker, fmt.Sprintf("%s was given in line %d already", day(q.date), before)})
		}
		if !raw.long {
			if same {
				twice("", rows[len(rows)-1].line)
				rows = rows[:len(rows)-1]
			}
			rows = append(rows, q)
			continue
		}
		if !same {
			n := len(raw.tickers)
			rows = append(rows, quote{line: q.line, date: q.date, prices: nans(n), bad: map[int]string{}, lines: make([]int, n)})
		}
		row, i := &rows[len(rows)-1], int(q.prices[0])
		if _, bad := row.bad[i]; bad || !math.IsNaN(row.prices[i]) {
			twice(raw.tickers[i], row.at(i))
		}
		row.lines[i] = q.line
		delete(row.bad, i)
		row.prices[i] = q.prices[1]
		if text, bad := q.bad[1]; bad {
			row.bad[i] = text
		}
	}
	return rows
}

func nans(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = math.NaN()
	}
	return all
}

// daily says whether prices are of days, not of weeks or months.
func (t *Table) daily() bool { return len(t.Dates) > 1 && t.spacing() <= 4 }

// spacing returns the median of the days between dates, 0 where there are fewer than two.
func (t *Table) spacing() float64 {
	var between []time.Duration
	for i := 1; i < len(t.Dates); i++ {
		between = append(between, t.Dates[i].Sub(t.Dates[i-1]))
	}
	if len(between) == 0 {
		return 0
	}
	slices.Sort(between)
	return between[len(between)/2].Hours() / 24
}

// gaps finds where a file has no line: for more than maxGap in daily prices, and in any of the weeks or
// months that prices are taken by.
func (t *Table) gaps(rows []quote, every string) (problems []Problem) {
	if _, err := t.Resample(every); err != nil { // an error of its own, or no period
		every = ""
	}
	daily := t.daily()
	for i := range len(t.Dates) - 1 {
		before, after := t.Dates[i], t.Dates[i+1]
		d, skipped := after.Sub(before), 0
		if every == Week || every == Month {
			skipped = period(after, every) - period(before, every) - 1
		}
		var long string
		switch {
		case daily && d > maxGap:
			long = fmt.Sprintf("for %d days", int(d.Hours()/24))
		case skipped > 0:
			long = "in " + count.Of(skipped, every)
		default:
			continue
		}
		problems = append(problems, Problem{Kind: Gap, Line: rows[i+1].line, Text: fmt.Sprintf("no price %s, between %s and %s", long, day(before), day(after))})
	}
	return problems
}

// usual are ratios of shares after and before a split, and that of a unit to its hundredth.
// A move near to one of them is taken for it where it is near to other whole numbers as well.
var usual = []float64{1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100}

// apart is a ratio that no price reaches on its own between two lines.
const apart = 20

// ratio returns the usual ratio, or else the whole number from 2 to 100, that is within 3 %
// of a move, and 0 where there is none.
func ratio(move float64) float64 {
	fits := func(k float64) bool { return math.Abs(move-math.Log(k)) <= 0.03 }
	if i := slices.IndexFunc(usual, fits); i >= 0 {
		return usual[i]
	}
	if k := math.Round(math.Exp(move)); k >= 2 && k <= 100 && fits(k) {
		return k
	}
	return 0
}

// jumps finds moves that look like splits or other units: in daily prices those beyond a
// share that have a ratio, and always those beyond apart. Where they are to be repaired prices
// before are brought to the units of those after; a move that has no ratio is left.
func (t *Table) jumps(rows []quote, share float64, mend bool) (problems []Problem) {
	if share <= 0 {
		return nil
	}
	daily := t.daily() // in a week or a month prices move further on their own
	for j, name := range t.Tickers {
		for i := 1; i < len(t.Dates); i++ {
			before, after := t.Prices[i-1][j], t.Prices[i][j]
			move := math.Abs(math.Log(after / before))
			k := ratio(move)
			if move <= math.Log(apart) && !(daily && move > math.Log1p(share) && k > 0) {
				continue
			}
			looks := fmt.Sprintf("which looks like a split of 1:%g or other units", k)
			if k == 0 {
				looks = fmt.Sprintf("which is beyond a factor of %d and no split of 1:2 to 1:100: mending leaves it", apart)
			}
			problems = append(problems, Problem{Jump, rows[i].at(j), name, fmt.Sprintf("the price goes from %g to %g on %s, %s", before, after, day(t.Dates[i]), looks)})
			if !mend || k == 0 {
				continue
			}
			if after > before {
				k = 1 / k
			}
			for e := range i {
				t.Prices[e][j] /= k
			}
		}
	}
	return problems
}
