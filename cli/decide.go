package cli

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"paspo/envs/market"
	"paspo/internal/decision"
	"paspo/internal/orders"
	"paspo/internal/prices"
	"paspo/lp"
	"paspo/lp/relax"
)

// infeasible is the exit status where no allocation satisfies the limits, or no orders do.
const infeasible = 2

type decideFlags struct {
	prices           priceFlags
	holdings, latest string
	constraints      string
	also             string
	lot, least       float64
	relax            bool
	json, quiet      bool
}

func newDecide() *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use:   "decide RUN",
		Short: "Say what to trade today",
		Long: `Print the allocation that the policy of a folder of ` + program + ` portfolio chooses, and orders in
whole lots that satisfy every limit, costs included. Holdings are CSV, "ticker,shares", with the
amount of money as that of ` + market.Cash + `. Orders are at the prices of the last line; the policy observes
that line and those before. Holdings below 0 are short. Where no allocation satisfies the limits, or
no orders do, the exit status is 2.`,
		Args: exactly("the folder of a portfolio"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.decide(cmd, args[0])
			var empty *lp.EmptyError
			var lots *orders.LotError
			switch {
			case errors.As(err, &empty):
				if empty.Description != nil {
					if by, e := relax.Least(*empty.Description); e == nil {
						// Rounded up, so that relaxing by the printed number is enough.
						err = fmt.Errorf("%w; relaxed by %g of the wealth, all but the total, they can be satisfied", err, math.Ceil((by-1e-9)*1e4)/1e4)
					}
				}
				return &exitError{infeasible, err}
			case errors.As(err, &lots) || errors.Is(err, decision.ErrUnreachable):
				return &exitError{infeasible, err}
			case err != nil:
				return err
			case f.json:
				return writeJSON(cmd.OutOrStdout(), d)
			case f.quiet:
				for _, w := range d.Warnings() {
					fmt.Fprintln(cmd.ErrOrStderr(), w)
				}
				return d.WriteOrders(cmd.OutOrStdout())
			}
			return d.Write(cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.Var((*pathFlag)(&f.holdings), "holdings", "`FILE` of holdings: ticker,shares")
	flags.Var((*pathFlag)(&f.latest), "prices", "`FILE` of prices up to today")
	flags.Var((*pathFlag)(&f.constraints), "constraints", "constraints `FILE` of today, instead of all limits of the walk: the policy's allocation is replaced by the closest one that satisfies it")
	flags.Var((*pathFlag)(&f.also), "also", "constraints `FILE` of today, beside all limits of the walk")
	flags.Float64Var(&f.lot, "lot", 1, "shares that orders are multiples of; 0 for fractions")
	flags.Float64Var(&f.least, "min-trade", 0, "`AMOUNT` of money below which an order is left out where the limits are kept without it")
	flags.BoolVar(&f.relax, "relax", false, "where no allocation or no whole lots satisfy limits on turnover and the others together, relax those on turnover: by the least amount, and further where whole lots ask for it")
	f.prices.add(cmd, true)
	flags.BoolVar(&f.json, "json", false, "print the decision as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print nothing but orders, warnings and errors")
	flags.SortFlags = false
	return cmd
}

func (f *decideFlags) decide(cmd *cobra.Command, dir string) (*decision.Decision, error) {
	switch {
	case f.holdings == "":
		return nil, errors.New("--holdings is missing: name a file of what is held")
	case f.latest == "":
		return nil, errors.New("--prices is missing: name a file of prices up to today")
	case !(f.lot >= 0) || math.IsInf(f.lot, 0):
		return nil, fmt.Errorf("--lot is %g: a number of at least 0 is allowed", f.lot)
	case !(f.least >= 0) || math.IsInf(f.least, 0):
		return nil, fmt.Errorf("--min-trade is %g: a number of at least 0 is allowed", f.least)
	}
	if f.constraints != "" && f.also != "" {
		return nil, errors.New("--constraints takes the place of the limits of the walk and --also comes beside them: one of them is allowed")
	}
	return decision.Decide(decision.Options{
		Dir: dir, Holdings: f.holdings, Prices: f.latest, Constraints: f.constraints, Beside: f.also, Lot: f.lot, Least: f.least, Relax: f.relax,
		ReadPrices: func(path string, o prices.Options) (*prices.Table, error) { return f.prices.read(cmd, path, &o) },
	})
}
