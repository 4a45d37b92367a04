package decision

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"paspo/envs"
	"paspo/envs/market"
	"paspo/internal/orders"
	"paspo/internal/prices"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/walkforward"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Decision is what to trade. Weights are shares of the wealth, below 0 of what is short.
type Decision struct {
	Date     string              `json:"date"` // of the prices
	Wealth   float64             `json:"wealth"`
	Fees     float64             `json:"fees"`
	Lines    []Holding           `json:"lines"`
	Binds    []walkforward.Slack `json:"binds"`            // limits that what is held then is at
	Nearest  []walkforward.Slack `json:"nearest"`          // those that it is closest to, beside
	Breaks   []walkforward.Slack `json:"breaks,omitempty"` // limits that what is held before breaks
	Residual float64             `json:"residual"`
	Target   float64             `json:"target_residual"`
	Relaxed  float64             `json:"relaxed,omitempty"` // by how much limits that count from what is held had to be relaxed for the orders, as a share of the wealth
	Moved    float64             `json:"moved,omitempty"`   // how far the limits of today have moved the target, as the largest difference of a share

	Violations int `json:"violations"`

	// Until is the last date that the policy was trained on, where the prices end before it.
	Until string `json:"trained_until,omitempty"`

	Unclear []string `json:"unclear,omitempty"` // limits of today that look like percentages

	// Limits of the walk that those of today leave out or loosen, and those that orders break.
	Looser     []Looser            `json:"limits_looser_than_walk,omitempty"`
	BreaksWalk []walkforward.Slack `json:"breaks_of_walk,omitempty"`

	// Turnover is all differences of shares of the wealth, cash among them, and Counts what
	// limits count from what is held.
	Turnover float64 `json:"turnover"`
	Counts   []Count `json:"counted_from_held,omitempty"`

	// Exposure then, without cash.
	Gross float64 `json:"gross"`
	Long  float64 `json:"long"`
	Short float64 `json:"short"`

	own    map[string]float64 // limits that count from what is held, as stated
	says   func(name string) string
	shorts bool // something is short or may be
}

// Count is what a limit comes to.
type Count struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
}

// Holding is one entity.
type Holding struct {
	Name   string  `json:"name"`
	Price  float64 `json:"price"`
	Held   float64 `json:"held"`
	Now    float64 `json:"weight_now"`
	Target float64 `json:"weight_target"`
	Order  float64 `json:"order"` // shares, below 0 for sales
	After  float64 `json:"held_after"`
	Weight float64 `json:"weight_after"`
	Short  bool    `json:"short,omitempty"` // the order opens or extends a short position
}

// Options say what a decision is taken from.
type Options struct {
	Dir         string // folder of a walk (internal/walkforward), whose policy decides
	Holdings    string // file of what is held: ticker,shares
	Prices      string // file of prices up to today
	Constraints string // file of the limits of today, empty where they are the policy's own
	Beside      string // file of limits of today that come beside those

	// ReadPrices reads Prices. The walk's own were read with these options.
	ReadPrices func(path string, o prices.Options) (*prices.Table, error)

	Lot   float64 // shares that orders are multiples of, 0 for fractions
	Least float64 // amount below which orders are left out where limits are kept without them
	Relax bool    // limits that count from what is held, where an allocation or whole lots ask for it
}

// Decide returns what the policy of a walk would trade. Where no allocation satisfies the limits
// of a file the error is an *lp.EmptyError, where none does that can be reached from what is
// held it is ErrUnreachable, and where no orders in whole lots keep the limits it is an *orders.LotError.
func Decide(o Options) (*Decision, error) {
	settings, err := readWalk(o.Dir)
	if err != nil {
		return nil, err
	}
	a, trained, err := agent.OpenRun(filepath.Join(o.Dir, walkforward.PolicyDir), agent.Latest, config.DeviceCPU)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	problem, ok := a.Problem.(*market.Problem)
	if !ok {
		return nil, fmt.Errorf("%s is a run of %s: train portfolio makes those of market", o.Dir, a.Config.Env.Name)
	}
	own := problem
	d := &Decision{}
	if file := cmp.Or(o.Constraints, o.Beside); file != "" {
		p, err := today(file, o.Beside != "", own.Spec().Polytope)
		if err != nil {
			return nil, err
		}
		q, err := own.Constrain(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		problem = q.(*market.Problem)
		d.Unclear = constraints.Percentages(p)
		if d.Looser, err = looser(own.Spec().Polytope, p); err != nil {
			return nil, err
		}
	}
	polytope := problem.Spec().Polytope

	// Prices: the last ones, and the returns that the policy looks back on.
	table, err := o.ReadPrices(o.Prices, settings.Options)
	if err != nil {
		return nil, err
	}
	entities := polytope.Entities()
	known := table.Tickers
	for _, name := range problem.Assets() {
		if near := config.Nearest(name, known); near != "" && !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s has no ticker %s; the nearest is %s", o.Prices, name, near)
		}
	}
	if table, err = table.Choose(problem.Assets()); err == nil {
		table, err = table.Resample(settings.Every)
	}
	if err != nil {
		return nil, err
	}
	returns := table.Returns()
	if back := problem.Config().Lookback; len(returns) < back {
		return nil, fmt.Errorf("%s has returns of %d %ss: the policy looks back on %d, for which it takes prices of %d %ss up to today", o.Prices, len(returns), settings.Every, back, back+1, settings.Every)
	}
	var history []float64
	for _, row := range returns {
		history = append(history, row...)
	}
	task := orders.Task{Polytope: polytope, Cash: slices.Index(entities, market.Cash), Costs: problem.Costs(), Lot: o.Lot, Least: o.Least}
	last := len(table.Prices) - 1
	for _, j := range problem.AssetOf() {
		price := 1.
		if j >= 0 {
			price = table.Prices[last][j]
		}
		task.Prices = append(task.Prices, price)
	}
	// What the policy may be short of is to be bought back where limits of today allow no shorts.
	lower, _ := polytope.Bounds()
	lower = slices.Clone(lower)
	before, _ := own.Spec().Polytope.Bounds()
	for i := range lower {
		lower[i] = min(lower[i], before[i])
	}
	if task.Held, err = readHoldings(o.Holdings, entities, known, lower); err != nil {
		return nil, err
	}
	d.Date = table.Dates[last].Format(time.DateOnly)
	if until := problem.Until(); until > d.Date {
		d.Until = until
	}
	h := make([]float64, len(entities))
	for i, q := range task.Held {
		d.Wealth += q * task.Prices[i]
	}
	if !(d.Wealth > 0) {
		return nil, fmt.Errorf("%s: what is held is worth %g: more than 0 is needed", o.Holdings, d.Wealth)
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
	if d.Relaxed > 0 && !o.Relax {
		return nil, unreachable(polytope, h, d.Relaxed)
	}
	if problem != own {
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
	r, err := d.round(task, h, o.Relax)
	var lots *orders.LotError
	if errors.As(err, &lots) { // of the rows of a constraint nobody knows which is the second
		lots.Constraint = constraints.Stated(polytope, task.Limits, []string{lots.Constraint})[0]
		if held := heldRows(polytope); held != nil && !o.Relax {
			err = fmt.Errorf("%w; or --relax, which relaxes %s for them", err, strings.Join(held, ", "))
		}
	}
	if err != nil {
		return nil, err
	}
	d.Relaxed = beyond(polytope, r.Weights, h)
	d.Fees, d.Residual = r.Fees, r.Residual
	if !(r.Residual <= envs.Violation) {
		d.Violations++
	}
	for i, name := range entities {
		d.Lines = append(d.Lines, Holding{name, task.Prices[i], task.Held[i], h[i], task.Target[i], r.Trades[i], r.Held[i], r.Weights[i], false})
	}
	d.limits(polytope, r.Weights, h)
	if problem != own {
		d.BreaksWalk = broken(own.Spec().Polytope, r.Weights, h)
		says := numbered(own.Spec().Polytope)
		for i, s := range d.BreaksWalk {
			d.BreaksWalk[i].Name = says(s.Name)
		}
	}
	d.sides(task.Cash, polytope)
	return d, nil
}

// round finds orders. Where turnover is limited few points may be feasible, and a single one
// where limits are relaxed by the least amount, which whole lots miss. If relax is set, limits that
// count from what is held are then relaxed further, first by the worth of a lot and then by twice
// as much each time, until some orders keep the limits; a lot may be worth more than the wealth.
func (d *Decision) round(task orders.Task, h []float64, relax bool) (*orders.Orders, error) {
	remainder := market.Remainder(h, task.Target, task.Costs)
	o, err := orders.Round(task, remainder)
	lot := 0.
	for i, p := range task.Prices {
		if i != task.Cash {
			lot = max(lot, task.Lot*p/d.Wealth)
		}
	}
	var lots *orders.LotError
	relax = relax && heldRows(task.Polytope) != nil
	for more := lot; relax && more <= 4*max(1, lot) && errors.As(err, &lots); more *= 2 {
		lim := lp.Limits{Holdings: h}
		if task.Limits != nil {
			lim = *task.Limits
		}
		_, b, _ := task.Polytope.Inequalities()
		if lim.B != nil {
			b = lim.B
		}
		lim.B = slices.Clone(b)
		for k := range lim.B {
			lim.B[k] += more * heldWeight(task.Polytope, k)
		}
		wider := task
		wider.Limits = &lim
		o, err = orders.Round(wider, remainder)
	}
	return o, err
}

// heldRows names the rows that count from what is held.
func heldRows(p *lp.Polytope) (rows []string) {
	_, b, names := p.Inequalities()
	for k := range b {
		if heldWeight(p, k) > 0 {
			rows = append(rows, names[k])
		}
	}
	return rows
}

// beyond returns by how much the limits that count from what is held have to be relaxed for an
// allocation.
func beyond(p *lp.Polytope, a, h []float64) (most float64) {
	n := p.Dim()
	m, b, _ := p.Inequalities()
	for k := range b {
		w := heldWeight(p, k)
		if w == 0 {
			continue
		}
		excess := -b[k]
		for i, x := range a {
			excess += m[k*n+i] * x
		}
		for _, t := range p.Terms(k) {
			excess += t.Value(a, h)
		}
		if excess > 1e-9 { // else rounding
			most = max(most, excess/w)
		}
	}
	return most
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

// ErrUnreachable says that from what is held no allocation satisfies all limits, as limits on
// turnover count from it.
var ErrUnreachable = errors.New("from what is held no allocation satisfies")

// unreachable says which limits exclude one another at holdings h, and by how much those that
// count from h have to be relaxed.
func unreachable(p *lp.Polytope, h []float64, by float64) error {
	what := "the limits"
	lim := &lp.Limits{Holdings: h}
	if all := p.FindConflict(lim); all != nil {
		what = "all of " + strings.Join(constraints.Stated(p, lim, all), "; ")
	}
	return fmt.Errorf("%w %s; --relax relaxes %s by the least that is needed, %.3g of the wealth, and further where whole lots ask for it", ErrUnreachable, what, strings.Join(heldRows(p), ", "), by)
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

// limits finds out what an allocation and holdings before it are to the limits.
func (d *Decision) limits(p *lp.Polytope, a, h []float64) {
	d.Binds, d.Nearest = slacks(p, a, h)
	all := walkforward.Slacks(p, a, h)
	d.own = map[string]float64{}
	_, b, names := p.Inequalities()
	for k, x := range b {
		// Of a row with terms, the name is that of its slack.
		if i := slices.IndexFunc(all, func(s walkforward.Slack) bool { return s.Name == names[k] }); i >= 0 && heldWeight(p, k) > 0 {
			d.own[names[k]] = x
			d.Counts = append(d.Counts, Count{names[k], x - all[i].Slack, x})
		}
	}
	d.Breaks, d.says = broken(p, h, h), numbered(p)
}

// sides sums what is traded and held.
func (d *Decision) sides(cash int, p *lp.Polytope) {
	lower, _ := p.Bounds()
	for i, l := range d.Lines {
		d.Turnover += math.Abs(l.Weight - l.Now)
		if i == cash {
			continue
		}
		d.Long += max(0, l.Weight)
		d.Short += max(0, -l.Weight)
		d.shorts = d.shorts || lower[i] < 0 || l.Weight < 0
		d.Lines[i].Short = l.Order < 0 && l.After < 0
	}
	d.Gross = d.Long + d.Short
}

// slacks returns the limits that an allocation is at, to a thousandth of the wealth, and the
// closest others.
func slacks(p *lp.Polytope, a, holdings []float64) (binds, near []walkforward.Slack) {
	const at, most = 1e-3, 3
	binds = []walkforward.Slack{} // a list in JSON, also where it is empty
	near = append([]walkforward.Slack{}, walkforward.Slacks(p, a, holdings)...)
	slices.SortStableFunc(near, func(a, b walkforward.Slack) int { return cmp.Compare(a.Slack, b.Slack) })
	for len(near) > 0 && near[0].Slack <= at {
		binds, near = append(binds, near[0]), near[1:]
	}
	return binds, near[:min(most, len(near))]
}
