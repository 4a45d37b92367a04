package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"paspo/envs"
	"paspo/internal/cells"
	"paspo/internal/stats"
)

// Table compares policies on the same episodes.
type Table struct {
	Title    string `json:"title"`
	Episodes int    `json:"episodes"`

	// From and To name the rows whose means are 0 % and 100 % of a share, in expected returns
	// where they are known. They are empty where no best policy is known.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`

	Rows []Row `json:"rows"`
}

// Row holds the results of one policy. A number that does not exist is NaN here and null in JSON.
type Row struct {
	Policy string `json:"policy"`
	Return Number `json:"return"` // mean
	StdErr Number `json:"stderr"`

	// Expected is the mean of sums of expected rewards (see envs.Expecter), which is less noisy
	// than Return. Share is measured in it where it is known.
	Expected Number `json:"expected_return"`
	Share    *Share `json:"share,omitempty"`

	Actions     int    `json:"actions"`
	MaxResidual Number `json:"max_residual"`
	Violations  int    `json:"violations"`
	Relaxed     int    `json:"relaxed,omitempty"` // states whose limits were relaxed

	episodes []float64 // estimates of the return of each episode, which shares are computed from
}

// Share is a share of the way from one policy to another, with its 95 % confidence interval.
type Share struct {
	Share Number `json:"share"`
	Low   Number `json:"low"`
	High  Number `json:"high"`
}

// Number is a float64 that JSON can hold: null where it is not finite.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(x)
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

func (n Number) has() bool { return !math.IsNaN(float64(n)) }

// Row returns the row of a policy.
func (t *Table) Row(policy string) (*Row, bool) {
	for i := range t.Rows {
		if t.Rows[i].Policy == policy {
			return &t.Rows[i], true
		}
	}
	return nil, false
}

// share sets the shares of the way from the uniform policy, possibly projected, to the policy to.
func (t *Table) share(to string, seed uint64) {
	f := t.drawn()
	g, ok := t.Row(to)
	if f == nil || !ok || !(stats.Mean(g.episodes) > stats.Mean(f.episodes)) {
		return
	}
	t.From, t.To = f.Policy, to
	var between []*Row
	var policies [][]float64
	for i := range t.Rows {
		if r := &t.Rows[i]; r != f && r != g {
			between, policies = append(between, r), append(policies, r.episodes)
		}
	}
	for i, s := range envs.SharesOfWay(policies, f.episodes, g.episodes, seed) {
		between[i].Share = &Share{Number(s.Share), Number(s.Low), Number(s.High)}
	}
}

// Write writes the table for people to read.
func (t *Table) Write(w io.Writer) error {
	expected := slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Expected.has() })
	lines := [][]string{{"policy", "return", "s.e."}}
	if expected {
		lines[0] = append(lines[0], "expected")
	}
	if t.To != "" {
		lines[0] = append(lines[0], "share", "95 % interval")
	}
	for _, r := range t.Rows {
		line := []string{r.Policy, r.Return.text(), r.StdErr.text()}
		if expected {
			line = append(line, r.Expected.text())
		}
		switch {
		case t.To == "":
		case r.Policy == t.From:
			line = append(line, percent(0))
		case r.Policy == t.To:
			line = append(line, percent(1))
		case r.Share != nil:
			line = append(line, percent(r.Share.Share), percent(r.Share.Low)+" .. "+percent(r.Share.High))
		}
		lines = append(lines, line)
	}
	if _, err := fmt.Fprintf(w, "%s\n%s", t.Title, align(lines)); err != nil {
		return err
	}
	if expected && t.To != "" {
		fmt.Fprintf(w, "shares are of the column expected, by the environment's model, and %s is the best by it: a return can be above\n", t.To)
	}
	actions, violations, residual := t.Residuals()
	_, err := fmt.Fprintf(w, "largest residual %.2g, violations (> 1e-6): %d of %d actions\n", residual, violations, actions)
	return err
}

// align returns lines with their cells in columns, the first column aligned left and the others
// right.
func align(lines [][]string) string {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, c := range line {
			width[i] = max(width[i], cells.Width(c))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		for i, c := range line {
			if i == 0 {
				b.WriteString(cells.Pad(c, width[i]))
			} else {
				b.WriteString("  " + cells.PadLeft(c, width[i]))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Residuals returns the numbers of actions and of violations of all rows, and the largest residual.
func (t *Table) Residuals() (actions, violations int, residual float64) {
	residual = math.Inf(-1)
	for _, r := range t.Rows {
		actions += r.Actions
		violations += r.Violations
		if r.MaxResidual.has() {
			residual = max(residual, float64(r.MaxResidual))
		}
	}
	return actions, violations, residual
}

func (n Number) text() string {
	if !n.has() {
		return "-"
	}
	return fixed(float64(n), 4)
}

func percent(n Number) string {
	if !n.has() {
		return "-"
	}
	return fixed(100*float64(n), 1) + " %"
}

// fixed formats x with so many decimals, and with an exponent where it would be long.
func fixed(x float64, decimals int) string {
	if math.Abs(x) < 1e12 {
		return strconv.FormatFloat(x, 'f', decimals, 64)
	}
	return strconv.FormatFloat(x, 'e', decimals, 64)
}
