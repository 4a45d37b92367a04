package prices

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind is a kind of problem of prices that can be repaired.
type Kind string

// Kinds of problems.
const (
	Order     Kind = "order"     // a date before the one above it: lines are sorted
	Duplicate Kind = "duplicate" // a date, of a ticker, twice: the later line counts
	Value     Kind = "value"     // a price that is none, such as 0: it counts as missing
	Missing   Kind = "missing"   // no price: that of the day before holds, and dates before the first of all are left out
	Gap       Kind = "gap"       // no line for long, or in a period: nothing is put there
	Jump      Kind = "jump"      // a move that looks like a split or other units: prices before it are adjusted
)

// Kinds returns the kinds of problems.
func Kinds() []Kind { return []Kind{Order, Duplicate, Value, Missing, Gap, Jump} }

// Problem is one thing that is wrong.
type Problem struct {
	Kind   Kind
	Line   int // of the file
	Ticker string
	Text   string
}

// UnmarshalText reads a kind.
func (k *Kind) UnmarshalText(text []byte) error {
	if *k = Kind(text); !slices.Contains(Kinds(), *k) {
		return fmt.Errorf("%q is no kind of problem: all, or some of %s are allowed", string(text), join(Kinds()))
	}
	return nil
}

// Options choose the problems that are repaired.
type Options struct {
	Repair []Kind `json:"repair,omitempty"`

	// JumpShare is how far a price moves between two lines for the move to be held against
	// splits: 0.6 for up to 1.6 times or down to 1/1.6. 0 looks at no move.
	JumpShare float64 `json:"jump"`

	// Column names that of the prices in a long file; empty for the only one that is called price,
	// close or adj close. AnyColumn takes the first one there is, where only tickers are wanted.
	Column    string `json:"price,omitempty"`
	AnyColumn bool   `json:"-"`

	// Every is the period that prices are taken by, one of Periods, whose holes are gaps. Empty for none.
	Every string `json:"-"`
}

// DefaultOptions mends nothing.
func DefaultOptions() Options { return Options{JumpShare: 0.6} }

// ParseRepair reads kinds that commas separate, or all.
func ParseRepair(text string) (kinds []Kind, err error) {
	if text == "all" {
		return Kinds(), nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		var k Kind
		if err := k.UnmarshalText([]byte(name)); err != nil {
			return nil, err
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func join(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// Error says that a file has problems that no option mends.
type Error struct {
	Name     string
	Problems []Problem // those that are not repaired
}

// Error names the first problem, and how many there are of which kind.
func (e *Error) Error() string {
	first := e.Problems[0]
	text := fmt.Sprintf("%s:%d: %s", e.Name, first.Line, first)
	var kinds []Kind
	for _, k := range Kinds() {
		if slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Kind == k }) {
			kinds = append(kinds, k)
		}
	}
	if n := len(e.Problems) - 1; n > 0 {
		text += fmt.Sprintf("; %d more", n)
	}
	return text + fmt.Sprintf("; --repair %s reads them, repaired where that is possible", strings.ReplaceAll(join(kinds), ", ", ","))
}

// Others lists the first of the problems that Error does not name.
func (e *Error) Others(to io.Writer) { tell(to, e.Problems[1:], e.Name, "also wrong") }

func (p Problem) String() string {
	if p.Ticker == "" {
		return p.Text
	}
	return p.Ticker + ": " + p.Text
}

func day(t time.Time) string { return t.Format(time.DateOnly) }
