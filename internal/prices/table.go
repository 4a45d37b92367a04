package prices

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Table is prices by date and ticker, without gaps and with dates that rise.
type Table struct {
	Name    string // of the file
	Tickers []string
	Dates   []time.Time
	Prices  [][]float64 // dates x tickers, all above 0
	Column  string      // of a long file with more columns than it takes, that of the prices
	Left    []string    // columns that are none of its tickers, prices or dates
}

// Periods of Resample.
const (
	Day   = "day"
	Week  = "week"
	Month = "month"
)

// Periods returns the names that Resample takes.
func Periods() []string { return []string{Day, Week, Month} }

// PerYear returns about how many periods a year has, 0 where the name is none of theirs.
func PerYear(every string) float64 {
	return map[string]float64{Day: 252, Week: 52, Month: 12}[every]
}

// period returns the number of the day, week or month of a date.
func period(d time.Time, every string) int {
	const seconds = 24 * 60 * 60
	day := int(math.Floor(float64(d.Unix()) / seconds))
	switch every {
	case Week:
		return int(math.Floor(float64(day+3) / 7)) // 1 January 1970 was a Thursday
	case Month:
		return 12*d.Year() + int(d.Month())
	}
	return day
}

// Resample keeps the last date of every period; weeks are those of ISO 8601.
// The last period may not have ended.
func (t *Table) Resample(every string) (*Table, error) {
	if PerYear(every) == 0 {
		return nil, fmt.Errorf("every is %q: one of day, week, month is allowed", every)
	}
	out := &Table{Name: t.Name, Tickers: t.Tickers}
	for i, d := range t.Dates {
		if i+1 < len(t.Dates) && period(d, every) == period(t.Dates[i+1], every) {
			continue
		}
		out.Dates = append(out.Dates, d)
		out.Prices = append(out.Prices, t.Prices[i])
	}
	// Prices that are further apart would be taken for those of shorter periods, and a year's
	// growth for that of many years. Holidays are longer than a day, months differ, and a few
	// dates tell nothing.
	const few = 8
	if most, days := map[string]float64{Day: 4, Week: 11, Month: 46}[every], out.spacing(); days > most && len(out.Dates) > few {
		return nil, fmt.Errorf("%s: the dates are %g days apart in the median: at most %g are allowed by the %s", t.Name, days, most, every)
	}
	return out, nil
}

// Choose returns the table with the given tickers in their order.
func (t *Table) Choose(tickers []string) (*Table, error) {
	at := make([]int, len(tickers))
	for i, name := range tickers {
		if at[i] = slices.Index(t.Tickers, name); at[i] < 0 {
			return nil, fmt.Errorf("%s has no ticker %s", t.Name, name)
		}
	}
	out := &Table{Name: t.Name, Tickers: slices.Clone(tickers), Dates: t.Dates}
	for _, row := range t.Prices {
		chosen := make([]float64, len(at))
		for i, j := range at {
			chosen[i] = row[j]
		}
		out.Prices = append(out.Prices, chosen)
	}
	return out, nil
}

// Returns returns p_t / p_(t-1) - 1 by date, from the second one on, and ticker.
func (t *Table) Returns() [][]float64 {
	var all [][]float64
	for i := 1; i < len(t.Prices); i++ {
		row := make([]float64, len(t.Tickers))
		for j := range row {
			row[j] = t.Prices[i][j]/t.Prices[i-1][j] - 1
		}
		all = append(all, row)
	}
	return all
}
