package cli

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"paspo/envs"
	"paspo/envs/market"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/orders"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/walkforward"
	"paspo/lp"
	"paspo/lp/constraints"
)

// nothingLeft is the exit status where no allocation, or no orders, keep the limits.
const nothingLeft = 2

type decideFlags struct {
	prices           priceFlags
	holdings, latest string
	constraints      string
	lot              float64
	relax, json      bool
}

func newDecide() *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use:   "decide RUN",
		Short: "Say what to trade today",
		Long: `Print what the policy of a folder of ` + program + ` portfolio wants to hold, and orders in whole lots
that keep every limit, costs included. Holdings are CSV, "ticker,shares", with the amount of
money as that of ` + market.Cash + `. The last line of the prices is what is traded at; those before are
what the policy looks back on. Holdings below 0 are short. Where limits leave nothing the exit
status is 2.`,
		Args: exactly("the folder of a portfolio"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.decide(cmd, args[0])
			var empty *lp.EmptyError
			var lots *orders.LotError
			switch {
			case errors.As(err, &empty):
				return &exitError{nothingLeft, fmt.Errorf("the limits leave nothing: %w; relaxing all of them by a scaled %.2g leaves something", err, empty.Amount)}
			case errors.As(err, &lots) || errors.Is(err, errNothingLeft):
				return &exitError{nothingLeft, err}
			case err != nil:
				return err
			case f.json:
				return writeJSON(cmd.OutOrStdout(), d)
			}
			return d.write(cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.Var((*pathFlag)(&f.holdings), "holdings", "`FILE` of what is held: ticker,shares")
	flags.Var((*pathFlag)(&f.latest), "prices", "`FILE` of prices up to today")
	flags.Var((*pathFlag)(&f.constraints), "constraints", "constraints `FILE` of today: the closest allocation that it allows takes the place of the policy's")
	flags.Float64Var(&f.lot, "lot", 1, "shares that orders are multiples of; 0 for fractions")
	flags.BoolVar(&f.relax, "relax", false, "where limits on turnover leave nothing of the others, relax them by the least that leaves orders")
	f.prices.add(cmd)
	flags.BoolVar(&f.json, "json", false, "print the decision as JSON")
	flags.SortFlags = false
	return cmd
}

// decision is what to trade.
type decision struct {
	Date     string              `json:"date"` // of the prices
	Wealth   float64             `json:"wealth"`
	Fees     float64             `json:"fees"`
	Lines    []holding           `json:"lines"`
	Binds    []walkforward.Slack `json:"binds"`   // limits that what is held then is at
	Nearest  []walkforward.Slack `json:"nearest"` // those that it is closest to, beside
	Residual float64             `json:"residual"`
	Target   float64             `json:"target_residual"`
	Relaxed  float64             `json:"relaxed,omitempty"` // by how much limits that count from what is held had to be relaxed, as a share of the wealth
	Moved    float64             `json:"moved,omitempty"`   // how far the limits of today have moved the target, as the largest difference of a share

	Violations int `json:"violations"`
}

// holding is one entity.
type holding struct {
	Name   string  `json:"name"`
	Price  float64 `json:"price"`
	Held   float64 `json:"held"`
	Now    float64 `json:"weight_now"`
	Target float64 `json:"weight_target"`
	Order  float64 `json:"order"` // shares, below 0 for sales
	After  float64 `json:"held_after"`
	Weight float64 `json:"weight_after"`
}

func (f *decideFlags) decide(cmd *cobra.Command, dir string) (*decision, error) {
	switch {
	case f.holdings == "":
		return nil, errors.New("--holdings is missing: name a file of what is held")
	case f.latest == "":
		return nil, errors.New("--prices is missing: name a file of prices up to today")
	case !(f.lot >= 0) || math.IsInf(f.lot, 0):
		return nil, fmt.Errorf("--lot is %g: a number of at least 0 is allowed", f.lot)
	}
	settings, err := readWalk(dir)
	if err != nil {
		return nil, err
	}
	a, trained, err := agent.OpenRun(filepath.Join(dir, walkforward.PolicyDir), agent.Latest, config.DeviceCPU)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	problem, ok := a.Problem.(*market.Problem)
	if !ok {
		return nil, fmt.Errorf("%s is a run of %s: train portfolio makes those of market", dir, a.Config.Env.Name)
	}
	own := problem
	if f.constraints != "" {
		if problem, err = today(f.constraints, own); err != nil {
			return nil, err
		}
	}
	polytope := problem.Spec().Polytope

	// Prices: the last ones, and the returns that the policy looks back on.
	table, err := f.prices.read(f.latest, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	entities := polytope.Entities()
	known := table.Tickers
	if table, err = table.Choose(problem.Assets()); err == nil {
		table, err = table.Resample(settings.Every)
	}
	if err != nil {
		return nil, err
	}
	returns := table.Returns()
	if back := problem.Config().Lookback; len(returns) < back {
		return nil, fmt.Errorf("%s has returns of %d %ss: the policy looks back on %d", f.latest, len(returns), settings.Every, back)
	}
	var history []float64
	for _, row := range returns {
		history = append(history, row...)
	}
	task := orders.Task{Polytope: polytope, Cash: slices.Index(entities, market.Cash), Costs: problem.Costs(), Lot: f.lot}
	last := len(table.Prices) - 1
	for _, j := range problem.AssetOf() {
		price := 1.
		if j >= 0 {
			price = table.Prices[last][j]
		}
		task.Prices = append(task.Prices, price)
	}
	lower, _ := polytope.Bounds()
	if task.Held, err = readHoldings(f.holdings, entities, known, lower); err != nil {
		return nil, err
	}
	d := &decision{Date: table.Dates[last].Format(time.DateOnly)}
	h := make([]float64, len(entities))
	for i, q := range task.Held {
		d.Wealth += q * task.Prices[i]
	}
	if !(d.Wealth > 0) {
		return nil, fmt.Errorf("%s: what is held is worth %g: more than 0 is needed", f.holdings, d.Wealth)
	}
	for i, q := range task.Held {
		h[i] = q * task.Prices[i] / d.Wealth
	}

	// The policy's allocation.
	obs := make([]float64, problem.Spec().ObsDim)
	problem.Observe(h, history, obs)
	task.Target = make([]float64, len(entities))
	act := a.Allocator(trained, a.Rule(trained), a.Config.Seed)
	at := envs.States{Rows: 1, Obs: obs}
	if lim, _ := own.Limits().At(h); lim != nil {
		at.Limits = []lp.Limits{*lim}
	}
	if err := act(&at, task.Target); err != nil {
		return nil, err
	}
	task.Limits, d.Relaxed = problem.Limits().At(h)
	if d.Relaxed > 0 && !f.relax {
		return nil, nothingAt(polytope, h, d.Relaxed)
	}
	if f.constraints != "" {
		wanted := task.Target
		if task.Target, err = lp.ProjectWithin(polytope, task.Limits, wanted); err != nil {
			return nil, err
		}
		for i, x := range wanted {
			d.Moved = max(d.Moved, math.Abs(task.Target[i]-x))
		}
	}
	d.Target = polytope.Residual(task.Target, task.Limits)
	if !(d.Target <= 1e-9) {
		return nil, fmt.Errorf("the target breaks a limit by %.2g", d.Target)
	}
	o, err := d.round(task, h)
	if err != nil {
		return nil, err
	}
	d.Fees, d.Residual = o.Fees, o.Residual
	if !(o.Residual <= envs.Violation) {
		d.Violations++
	}
	for i, name := range entities {
		d.Lines = append(d.Lines, holding{name, task.Prices[i], task.Held[i], h[i], task.Target[i], o.Trades[i], o.Held[i], o.Weights[i]})
	}
	d.Binds, d.Nearest = slacks(polytope, o.Weights, h)
	return d, nil
}

// round finds orders. Under the least relaxation a single point is feasible, which whole lots miss: the relaxation
// grows by the wealth of a lot, and by twice as much again, until some do not.
func (d *decision) round(task orders.Task, h []float64) (*orders.Orders, error) {
	remainder := market.Remainder(h, task.Target, task.Costs)
	o, err := orders.Round(task, remainder)
	lot := 0.
	for i, p := range task.Prices {
		if i != task.Cash {
			lot = max(lot, task.Lot*p/d.Wealth)
		}
	}
	var lots *orders.LotError
	for more := lot; d.Relaxed > 0 && more < 1 && errors.As(err, &lots); more *= 2 {
		lim := *task.Limits
		lim.B = slices.Clone(lim.B)
		for k := range lim.B {
			lim.B[k] += more * heldWeight(task.Polytope, k)
		}
		wider := task
		wider.Limits = &lim
		if o, err = orders.Round(wider, remainder); err == nil {
			d.Relaxed += more
		}
	}
	return o, err
}

// heldWeight returns the largest weight with which a row counts from what is held.
func heldWeight(p *lp.Polytope, k int) (most float64) {
	for _, t := range p.Terms(k) {
		if t.Holding {
			most = max(most, t.Above, t.Below)
		}
	}
	return most
}

var errNothingLeft = errors.New("the limits leave nothing")

// nothingAt says what cannot hold together at holdings h, and by how much limits that count
// from them have to be relaxed.
func nothingAt(p *lp.Polytope, h []float64, by float64) error {
	var held []string
	_, b, names := p.Inequalities()
	for k := range b {
		if heldWeight(p, k) > 0 {
			held = append(held, names[k])
		}
	}
	what := ""
	if all := p.FindConflict(&lp.Limits{Holdings: h}); all != nil {
		what = ": no allocation satisfies all of " + strings.Join(all, "; ")
	}
	return fmt.Errorf("%w at what is held%s; --relax relaxes %s by the least that leaves something, %.3g of the wealth", errNothingLeft, what, strings.Join(held, ", "), by)
}

// today returns the problem under the limits of a file in the place of its own, over the same
// entities.
func today(file string, own *market.Problem) (*market.Problem, error) {
	entities := own.Spec().Polytope.Entities()
	p, err := constraints.ReadFileHeld(file, entities)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(p.Entities(), entities) {
		return nil, fmt.Errorf("%s: the entities are %s: those of the run are allowed, %s", file, strings.Join(p.Entities(), ", "), strings.Join(entities, ", "))
	}
	q, err := own.Constrain(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return q.(*market.Problem), nil
}

func readWalk(dir string) (s walkforward.Settings, err error) {
	if s, err = walkforward.ReadSettings(dir); err != nil {
		return s, err
	}
	if !runfolder.IsRun(filepath.Join(dir, walkforward.PolicyDir)) {
		return s, fmt.Errorf("%s has no trained policy: train portfolio did not end", dir)
	}
	return s, nil
}

// readHoldings reads what is held of every entity, nothing where the file does not say. It is
// below 0 at most where a lower bound is, or where it is cash: fees may leave an account overdrawn
// that limits keep above 0.
func readHoldings(path string, entities, known []string, lower []float64) ([]float64, error) {
	data, err := limits.ReadFile(path, limits.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot read holdings from %s: %w", path, atomicfile.Cause(err))
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord, r.TrimLeadingSpace = 2, true
	held, seen := make([]float64, len(entities)), map[string]int{}
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			what := ""
			if errors.Is(parse.Err, csv.ErrFieldCount) {
				what = `: "ticker,shares", separated by a comma, is needed`
			}
			return nil, fmt.Errorf("%s:%d: %w%s", path, parse.Line, parse.Err, what)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		n, _ := r.FieldPos(0)
		name := strings.TrimSpace(record[0])
		if first {
			if !strings.EqualFold(name, "ticker") || !strings.EqualFold(strings.TrimSpace(record[1]), "shares") {
				return nil, fmt.Errorf(`%s:%d: the names are %q: "ticker,shares" are allowed`, path, n, name+","+record[1])
			}
			continue
		}
		i := slices.Index(entities, name)
		if i < 0 {
			msg := fmt.Sprintf("%s:%d: %s is no entity of the limits", path, n, name)
			if lp.CheckName(name) != nil {
				msg = fmt.Sprintf("%s:%d: %q is no entity of the limits", path, n, name)
			}
			near := config.Nearest(name, entities)
			if k := slices.IndexFunc(entities, func(e string) bool { return strings.EqualFold(e, name) }); k >= 0 {
				near = entities[k]
			}
			if near != "" && !slices.Contains(known, name) {
				msg += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, errors.New(msg)
		}
		if before, twice := seen[name]; twice {
			return nil, fmt.Errorf("%s:%d: %s was given in line %d already", path, n, name, before)
		}
		seen[name] = n
		x, err := strconv.ParseFloat(strings.TrimSpace(record[1]), 64)
		least, why := 0., ", as the limits allow no shorts of it"
		if lower[i] < 0 || name == market.Cash {
			least, why = -1e15, ""
		}
		if err != nil || !(x >= least && x <= 1e15) {
			return nil, fmt.Errorf("%s:%d: %s: what is held is %q: a number from %g to 1e15 is allowed%s", path, n, name, record[1], least, why)
		}
		held[i] = x
	}
	return held, nil
}

// slacks returns the limits that an allocation is at, to a thousandth of the wealth, and the
// closest others.
func slacks(p *lp.Polytope, a, holdings []float64) (binds, near []walkforward.Slack) {
	const at, most = 1e-3, 3
	near = walkforward.Slacks(p, a, holdings)
	slices.SortStableFunc(near, func(a, b walkforward.Slack) int { return cmp.Compare(a.Slack, b.Slack) })
	for len(near) > 0 && near[0].Slack <= at {
		binds, near = append(binds, near[0]), near[1:]
	}
	return binds, near[:min(most, len(near))]
}

// percent returns a share in percent with two decimals, and 0 for what rounds to -0.
func percent(x float64) float64 { return math.Round(1e4*x)/1e2 + 0 }

func (d *decision) write(w io.Writer) error {
	fmt.Fprintf(w, "prices of %s; wealth %.2f\n\n", d.Date, d.Wealth)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tprice\theld\tweight\ttarget\torder\theld then\tweight then\t")
	for _, l := range d.Lines {
		order := ""
		switch {
		case l.Name == market.Cash:
			order = fmt.Sprintf("%+.2f", l.Order)
		case l.Order > 0:
			order = "buy " + strconv.FormatFloat(l.Order, 'g', 10, 64)
		case l.Order < 0:
			order = "sell " + strconv.FormatFloat(-l.Order, 'g', 10, 64)
		}
		fmt.Fprintf(tw, "%s\t%.6g\t%.10g\t%.2f %%\t%.2f %%\t%s\t%.10g\t%.2f %%\t\n", l.Name, l.Price, l.Held, percent(l.Now), percent(l.Target), order, l.After, percent(l.Weight))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	list := func(all []walkforward.Slack) string {
		words := make([]string, len(all))
		for i, s := range all {
			words[i] = fmt.Sprintf("%s (%.4f left)", s.Name, s.Slack)
		}
		return strings.Join(words, "; ")
	}
	fmt.Fprintf(w, "\nfees: %.2f\n", d.Fees)
	if d.Relaxed > 0 {
		fmt.Fprintf(w, "limits that count from what is held are relaxed by %.3g of the wealth, which the others ask for\n", d.Relaxed)
	}
	if d.Moved > 0 {
		fmt.Fprintf(w, "the limits of today move the policy's shares by %.4f at most\n", d.Moved)
	}
	if len(d.Binds) > 0 {
		fmt.Fprintf(w, "binds: %s\n", list(d.Binds))
	} else {
		fmt.Fprintln(w, "no limit binds")
	}
	if len(d.Nearest) > 0 {
		fmt.Fprintf(w, "closest besides: %s\n", list(d.Nearest))
	}
	_, err := fmt.Fprintf(w, "largest constraint residual: %.2g\n", d.Residual)
	return err
}
