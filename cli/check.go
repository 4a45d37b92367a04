package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"paspo/internal/cells"
	"paspo/internal/count"
	"paspo/internal/rng"
	"paspo/internal/run/progress"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
	"paspo/lp/uniform"
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
and the upper endpoint of each entity have and its own limits need, how they were found, and whether limits may
follow the state. Constraints that contradict one another are named, and the
exit status is 1. The text leaves out what is long; --json prints all. What takes
longer than two seconds is shown on standard error.`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			stages := progress.NewStages(cmd.ErrOrStderr(), "check")
			c, err := await(lp.WithProgress(cmd.Context(), stages.Show), func(ctx context.Context) (*checked, error) {
				stages.Show("reading", 0, 0)
				p, err := f.read(args[0])
				if err != nil {
					return nil, err
				}
				return check(ctx, args[0], p)
			})
			stages.Close()
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

// writeConflict names constraints that contradict one another, each of which it takes.
func writeConflict(w io.Writer, name string, conflict []string) {
	fmt.Fprintf(w, "%s: %s is empty, no allocation satisfies all of:\n", program, name)
	for i, c := range conflict {
		if i == mostRows {
			fmt.Fprintf(w, "  and %d more; --json has all\n", len(conflict)-i)
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
	Points   int     `json:"points"`
	Of       string  `json:"of"`

	text string
}

type intervals struct {
	Method string               `json:"method"`
	Form   *closedform.Compiled `json:"closed_form,omitempty"`
	Reason string               `json:"reason,omitempty"`
}

// checkIntervals finds out how the intervals of p are answered.
func checkIntervals(ctx context.Context, p *lp.Polytope) (intervals, error) {
	c := interval.DefaultConfig()
	c.Workers = 1
	c.Method = "explicit"
	s, err := interval.NewContext(ctx, p, c)
	var over *lp.BudgetError
	if errors.As(err, &over) {
		return intervals{Method: interval.Beyond(p), Reason: strings.TrimPrefix(over.Error(), "lp: ")}, nil
	}
	if err != nil {
		return intervals{}, err
	}
	defer s.Close()
	found := intervals{Method: s.Method()}
	if d, ok := s.(closedform.Describer); ok {
		found.Form = d.Compiled()
	}
	if p.HasTerms() {
		found.Reason = "since rows have convex terms, which make it one of a larger polytope"
	}
	return found, nil
}

func (v *intervals) write(b *strings.Builder, width int) {
	if v.Form == nil {
		fmt.Fprintf(b, "closed form: none, %s; intervals by %s\n", v.Reason, v.Method)
		return
	}
	fmt.Fprintf(b, "closed form: %s\n", v.Form)
	for i, e := range v.Form.Entities {
		if i == mostEntities {
			fmt.Fprintf(b, "  ... and %d more; --json prints all\n", len(v.Form.Entities)-i)
			break
		}
		fmt.Fprintf(b, "  %s  %4d of %4d below, %4d of %4d above", cells.Pad(e.Entity, width), e.NeededLower, e.Lower, e.NeededUpper, e.Upper)
		if e.How != v.Form.How {
			fmt.Fprintf(b, ", %s", e.How)
		}
		b.WriteByte('\n')
	}
}

// sharePoints is the number of points that the feasible share is estimated from: fewer
// where each takes many steps.
func sharePoints(p *lp.Polytope) int {
	const least, most, steps = 10_000, 1_000_000, 4_000_000_000
	_, rows, _ := p.Inequalities()
	each := p.Dim() * (20 + len(rows))
	if p.HullOnly() {
		each = 30 * p.Dim() * len(p.Points()) // some turns of a plane
	}
	return max(least, min(most, steps/each))
}

func check(ctx context.Context, name string, p *lp.Polytope) (*checked, error) {
	c := &checked{Name: name, Entities: p.Entities(), Redundant: []string{}, Rows: []line{}}
	lo, hi, err := lp.BoundingBoxContext(ctx, p)
	if err != nil {
		return nil, err
	}
	for i, e := range c.Entities {
		c.Box = append(c.Box, ranged{e, lo[i], hi[i]})
	}
	redundant, err := lp.RedundantRowsContext(ctx, p)
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
		c.Rows = append(c.Rows, line{names[k], constraints.Expression(e[k*n:(k+1)*n], c.Entities) + " = " + number(v), false})
	}
	if p.HullOnly() {
		c.Points = len(p.Points())
	}
	_, b, names := p.Inequalities()
	for k, v := range b {
		c.Rows = append(c.Rows, line{names[k], constraints.Inequality(p, k) + " <= " + number(v), isRedundant[k]})
		if isRedundant[k] {
			c.Redundant = append(c.Redundant, names[k])
		}
	}
	if c.Intervals, err = checkIntervals(ctx, p); err != nil {
		return nil, err
	}
	s, err := uniform.FeasibleShareContext(ctx, p, sharePoints(p), rng.New(1, "check"))
	if err != nil {
		return nil, err
	}
	c.FeasibleShare = share{s.Estimate, s.StdErr, s.Proposals, s.Of, s.String()}
	return c, nil
}

func number(x float64) string { return strconv.FormatFloat(x+0, 'g', -1, 64) } // not -0

// mostRows is the number of rows that are printed, mostEntities that of entities.
const mostRows, mostEntities = 20, 100

// shortened leaves out the middle of a row of many entities; its limit stays.
func shortened(expr string) string {
	const most = 1000
	if len(expr) <= most {
		return expr
	}
	head := strings.LastIndexByte(expr[:most], ' ')
	limit := strings.LastIndexByte(expr[:strings.LastIndexByte(expr, ' ')], ' ') // " <= 1"
	return expr[:max(0, head)] + " ..." + expr[limit:]
}

func (c *checked) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", c.Name, count.Of(len(c.Entities), "entity"), count.Of(len(c.Rows), "row"))
	width := 0
	for _, e := range c.Entities {
		width = max(width, cells.Width(e))
	}
	for i, r := range c.Box {
		if i == mostEntities {
			fmt.Fprintf(&b, "  ... and %d more; --json prints all\n", len(c.Box)-i)
			break
		}
		fmt.Fprintf(&b, "  %s  %10.6g .. %-10.6g\n", cells.Pad(r.Entity, width), r.Lo, r.Hi)
	}
	b.WriteString("rows\n")
	for i, r := range c.Rows {
		if i == mostRows {
			fmt.Fprintf(&b, "  ... and %d more; --json prints all\n", len(c.Rows)-i)
			break
		}
		fmt.Fprintf(&b, "  %s: %s\n", r.Name, shortened(r.Expr))
	}
	if c.Points > 0 {
		fmt.Fprintf(&b, "  hull of %s, too thin or of too many facets for rows; linear programs over their weights answer instead\n", count.Of(c.Points, "point"))
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
