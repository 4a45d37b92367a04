package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"paspo/internal/rng"
	"paspo/lp"
)

func newCheck() *cobra.Command {
	var f polytopeFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE|PRESET",
		Short: "Check constraints: bounding box, feasible share, redundant rows",
		Long: `Check constraints and print the entities with the range of each (by linear
programs), the rows, the share of the simplex that is feasible, the rows that
could be left out, and the closed form of the intervals: how many pieces the lower
and the upper end of each entity have and its own limits need, how they were found, and whether limits may
follow the state. Constraints that contradict one another are named, and the
exit status is 1.`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			p, err := f.read(args[0])
			var empty *lp.EmptyError
			if errors.As(err, &empty) {
				if asJSON {
					writeJSON(out, map[string]any{"name": args[0], "empty": true, "conflict": empty.Conflict, "amount": empty.Amount})
				}
				writeConflict(cmd.ErrOrStderr(), args[0], empty.Conflict)
				if empty.Barely() {
					fmt.Fprintf(cmd.ErrOrStderr(), "They exclude one another by a scaled %.2g only: do the numbers have too few digits?\n", empty.Amount)
				}
				return &exitError{code: 1}
			}
			if err != nil {
				return err
			}
			c, err := check(args[0], p)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, c)
			}
			return c.write(out)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeConflict names constraints that contradict one another in at most 5
// lines.
func writeConflict(w io.Writer, name string, conflict []string) {
	const most = 5
	fmt.Fprintf(w, "train: %s is empty, no allocation satisfies all of:\n", name)
	for i, c := range conflict {
		if i == most-2 && len(conflict) > most-1 {
			fmt.Fprintf(w, "  %s; and %d more\n", c, len(conflict)-i-1)
			return
		}
		fmt.Fprintf(w, "  %s\n", c)
	}
}

// checked is what check finds out.
type checked struct {
	Name     string   `json:"name"`
	Empty    bool     `json:"empty"`
	Entities []string `json:"entities"`
	Box      []ranged `json:"box"`
	Rows     []line   `json:"rows"`

	// Points is the number of points where the polytope is their hull and the
	// facets of that are too many to be among the rows.
	Points int `json:"points_without_facets,omitempty"`

	FeasibleShare share    `json:"feasible_share"`
	Redundant     []string `json:"redundant"`

	// The closed form, or why there is none and what takes its place.
	Intervals intervals `json:"intervals"`
}

type ranged struct {
	Entity string  `json:"entity"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// line is one row: the sum of coefficient times entity, and its limits.
type line struct {
	Name      string `json:"name"`
	Expr      string `json:"expr"`
	Redundant bool   `json:"redundant"`
}

type share struct {
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"stderr"`
	Of       string  `json:"of"`

	text string
}

type intervals struct {
	Method string       `json:"method"`
	Form   *lp.Compiled `json:"closed_form,omitempty"`
	Reason string       `json:"reason,omitempty"`
}

// checkIntervals finds out how the intervals of p are answered.
func checkIntervals(p *lp.Polytope) (intervals, error) {
	c := lp.DefaultSolverConfig()
	c.Workers = 1
	s, reason, err := newSolver(p, c, "explicit")
	if err != nil {
		return intervals{}, err
	}
	defer s.Close()
	found := intervals{Method: s.Method()}
	if reason != nil {
		found.Reason = strings.TrimPrefix(reason.Error(), "lp: ")
	}
	if d, ok := s.(lp.Describer); ok {
		found.Form = d.Compiled()
	}
	return found, nil
}

func (v *intervals) write(b *strings.Builder, width int) {
	if v.Form == nil {
		fmt.Fprintf(b, "closed form: none, %s; intervals by %s\n", v.Reason, v.Method)
		return
	}
	fmt.Fprintf(b, "closed form: %s\n", v.Form)
	for _, e := range v.Form.Entities {
		fmt.Fprintf(b, "  %-*s  %4d of %4d below, %4d of %4d above", width, e.Entity, e.NeededLower, e.Lower, e.NeededUpper, e.Upper)
		if e.How != v.Form.How {
			fmt.Fprintf(b, ", %s", e.How)
		}
		b.WriteByte('\n')
	}
}

// sharePoints is what the feasible share is estimated from.
const sharePoints = 1_000_000

func check(name string, p *lp.Polytope) (*checked, error) {
	c := &checked{Name: name, Entities: p.Entities(), Redundant: []string{}, Rows: []line{}}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		return nil, err
	}
	for i, e := range c.Entities {
		c.Box = append(c.Box, ranged{e, lo[i], hi[i]})
	}
	redundant, err := lp.RedundantRows(p)
	if err != nil {
		return nil, err
	}
	isRedundant := map[int]bool{}
	for _, k := range redundant {
		isRedundant[k] = true
	}
	n := p.Dim()
	e, f, names := p.Equalities()
	for k, v := range f {
		c.Rows = append(c.Rows, line{names[k], expression(e[k*n:(k+1)*n], c.Entities) + " = " + number(v), false})
	}
	if p.HullOnly() {
		c.Points = len(p.Points())
	}
	a, b, names := p.Inequalities()
	for k, v := range b {
		c.Rows = append(c.Rows, line{names[k], expression(a[k*n:(k+1)*n], c.Entities) + " <= " + number(v), isRedundant[k]})
		if isRedundant[k] {
			c.Redundant = append(c.Redundant, names[k])
		}
	}
	if c.Intervals, err = checkIntervals(p); err != nil {
		return nil, err
	}
	s, err := lp.FeasibleShare(p, sharePoints, rng.New(1, "check"))
	if err != nil {
		return nil, err
	}
	c.FeasibleShare = share{s.Estimate, s.StdErr, s.Of, s.String()}
	return c, nil
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// expression writes a row as people write it.
func expression(coef []float64, entities []string) string {
	var b strings.Builder
	for j, x := range coef {
		if x == 0 {
			continue
		}
		switch {
		case b.Len() == 0 && x < 0:
			b.WriteByte('-')
		case x < 0:
			b.WriteString(" - ")
		case b.Len() > 0:
			b.WriteString(" + ")
		}
		if x := math.Abs(x); x != 1 {
			b.WriteString(number(x) + "*")
		}
		b.WriteString(entities[j])
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// mostRows is the number of rows that are printed.
const mostRows = 20

func (c *checked) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d entities, %d rows\n", c.Name, len(c.Entities), len(c.Rows))
	width := 0
	for _, e := range c.Entities {
		width = max(width, len(e))
	}
	for _, r := range c.Box {
		fmt.Fprintf(&b, "  %-*s  %10.6g .. %-10.6g\n", width, r.Entity, r.Lo, r.Hi)
	}
	b.WriteString("rows\n")
	for i, r := range c.Rows {
		if i == mostRows {
			fmt.Fprintf(&b, "  ... and %d more; --json prints all\n", len(c.Rows)-i)
			break
		}
		fmt.Fprintf(&b, "  %s: %s\n", r.Name, r.Expr)
	}
	if c.Points > 0 {
		fmt.Fprintf(&b, "  hull of the points: %d points, whose facets are beyond the budget; linear programs over their weights answer instead\n", c.Points)
	}
	fmt.Fprintf(&b, "feasible share: %s\n", c.FeasibleShare.text)
	switch n := len(c.Redundant); {
	case n == 0:
		b.WriteString("redundant rows: none\n")
	case n > mostRows:
		fmt.Fprintf(&b, "redundant rows: %d of %d\n", n, len(c.Rows))
	default:
		fmt.Fprintf(&b, "redundant rows: %s\n", strings.Join(c.Redundant, ", "))
	}
	c.Intervals.write(&b, width)
	_, err := io.WriteString(w, b.String())
	return err
}
