package decision

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"paspo/envs/market"
	"paspo/internal/walkforward"
)

// percent returns a share in percent with two decimals, and 0 for what rounds to -0.
func percent(x float64) float64 { return math.Round(1e4*x)/1e2 + 0 }

// order is what to do with an entity, "" where that is nothing.
func (l Holding) order() string {
	switch {
	case l.Order > 0:
		return "buy " + shares(l.Order)
	case l.Order < 0:
		return "sell " + shares(-l.Order)
	}
	return ""
}

// shares writes a number of shares: whole ones in all digits, others in ten.
func shares(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.FormatFloat(x+0, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 10, 64)
}

// short marks an order that sells what is not held.
func (l Holding) short() string {
	if l.Short {
		return " (short)"
	}
	return ""
}

// WriteOrders writes the orders alone, one a line: "buy 10 AAPL", "sell 3 CVX (short)".
func (d *Decision) WriteOrders(w io.Writer) error {
	for _, l := range d.Lines {
		if l.Order == 0 || l.Name == market.Cash {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s %s%s\n", l.order(), l.Name, l.short()); err != nil {
			return err
		}
	}
	return nil
}

// Warnings say what Until, Looser, BreaksWalk and Relaxed mean, where they are not empty.
func (d *Decision) Warnings() (all []string) {
	if d.Until != "" {
		all = append(all, fmt.Sprintf("warning: the policy was trained on prices up to %s, which are later than these", d.Until))
	}
	for _, text := range d.Unclear {
		all = append(all, "warning: "+text)
	}
	if len(d.Looser) > 0 {
		words := make([]string, len(d.Looser))
		for i, l := range d.Looser {
			words[i] = l.Name + " (none today)"
			if l.Today != nil {
				words[i] = fmt.Sprintf("%s (%.4g today)", l.Name, *l.Today)
			}
		}
		all = append(all, "warning: limits of today take the place of all limits of the walk, and leave out or loosen "+first(words)+"; --also FILE keeps those of the walk")
	}
	if len(d.BreaksWalk) > 0 {
		all = append(all, "warning: these orders break limits of the walk: "+first(d.by(d.BreaksWalk)))
	}
	if d.Relaxed > 0 {
		all = append(all, fmt.Sprintf("warning: limits that count from what is held are relaxed by %.3g of the wealth, which the others or whole lots ask for", d.Relaxed))
	}
	return all
}

// by says by how much limits are broken.
func (d *Decision) by(broken []walkforward.Slack) (words []string) {
	for _, s := range broken {
		words = append(words, fmt.Sprintf("%s by %.3g", d.says(s.Name), -s.Slack))
	}
	return words
}

// first joins the first of many words.
func first(words []string) string {
	const most = 8
	if more := len(words) - most; more > 0 {
		words = append(words[:most:most], fmt.Sprintf("and %d more, which --json lists", more))
	}
	return strings.Join(words, "; ")
}

// Write writes the decision as text.
func (d *Decision) Write(w io.Writer) error {
	fmt.Fprintf(w, "prices of %s; wealth %.2f\n\n", d.Date, d.Wealth)
	for _, text := range d.Warnings() {
		fmt.Fprintf(w, "%s\n\n", text)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tprice\theld\tweight\ttarget\torder\theld then\tweight then\t")
	for _, l := range d.Lines {
		held, order, after := shares(l.Held), l.order()+l.short(), shares(l.After)
		if l.Name == market.Cash { // cents
			money := func(format string, x float64) string { return fmt.Sprintf(format, walkforward.Rounded(x, 0.01)) }
			held, order, after = money("%.2f", l.Held), money("%+.2f", l.Order), money("%.2f", l.After)
		}
		fmt.Fprintf(tw, "%s\t%.6g\t%s\t%.2f %%\t%.2f %%\t%s\t%s\t%.2f %%\t\n", l.Name, l.Price, held, percent(l.Now), percent(l.Target), order, after, percent(l.Weight))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	list := func(all []walkforward.Slack) string {
		words := make([]string, len(all))
		for i, s := range all {
			words[i] = fmt.Sprintf("%s (%.4f left)", d.says(s.Name), walkforward.Rounded(s.Slack, 1e-4))
			if x, ok := d.own[s.Name]; ok && s.Slack < -1e-9 {
				words[i] = fmt.Sprintf("%s (relaxed from %g to %.4g)", s.Name, x, x-s.Slack)
			}
		}
		return strings.Join(words, "; ")
	}
	fmt.Fprintf(w, "\nfees: %.2f\n", d.Fees)
	fmt.Fprintf(w, "turnover, cash included: %.4f", d.Turnover)
	for _, c := range d.Counts {
		fmt.Fprintf(w, "; %s counts %.4f of %.4g", c.Name, c.Value, c.Limit)
	}
	fmt.Fprintln(w)
	if d.shorts {
		fmt.Fprintf(w, "exposure without cash: gross %.4f, long %.4f, short %.4f\n", d.Gross, d.Long, d.Short)
	}
	if len(d.Breaks) > 0 {
		fmt.Fprintf(w, "what is held breaks: %s\n", strings.Join(d.by(d.Breaks), "; "))
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
