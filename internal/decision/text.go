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
		return "buy " + strconv.FormatFloat(l.Order, 'g', 10, 64)
	case l.Order < 0:
		return "sell " + strconv.FormatFloat(-l.Order, 'g', 10, 64)
	}
	return ""
}

// WriteOrders writes the orders alone, one a line: "buy 10 AAPL".
func (d *Decision) WriteOrders(w io.Writer) error {
	for _, l := range d.Lines {
		if l.Order == 0 || l.Name == market.Cash {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s %s\n", l.order(), l.Name); err != nil {
			return err
		}
	}
	return nil
}

// Warnings say what Until and Relaxed mean, where they are not 0.
func (d *Decision) Warnings() (all []string) {
	if d.Until != "" {
		all = append(all, fmt.Sprintf("warning: the policy was trained on prices up to %s, which are later than these", d.Until))
	}
	for _, text := range d.Unclear {
		all = append(all, "warning: "+text)
	}
	if d.Relaxed > 0 {
		all = append(all, fmt.Sprintf("warning: limits that count from what is held are relaxed by %.3g of the wealth, which the others or whole lots ask for", d.Relaxed))
	}
	return all
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
		order := l.order()
		if l.Name == market.Cash {
			order = fmt.Sprintf("%+.2f", l.Order)
		}
		fmt.Fprintf(tw, "%s\t%.6g\t%.10g\t%.2f %%\t%.2f %%\t%s\t%.10g\t%.2f %%\t\n", l.Name, l.Price, l.Held, percent(l.Now), percent(l.Target), order, l.After, percent(l.Weight))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	list := func(all []walkforward.Slack) string {
		words := make([]string, len(all))
		for i, s := range all {
			words[i] = fmt.Sprintf("%s (%.4f left)", s.Name, walkforward.Rounded(s.Slack, 1e-4))
			if x, ok := d.own[s.Name]; ok && s.Slack < -1e-9 {
				words[i] = fmt.Sprintf("%s (relaxed from %g to %.4g)", s.Name, x, x-s.Slack)
			}
		}
		return strings.Join(words, "; ")
	}
	fmt.Fprintf(w, "\nfees: %.2f\n", d.Fees)
	if len(d.Breaks) > 0 {
		words := make([]string, len(d.Breaks))
		for i, s := range d.Breaks {
			words[i] = fmt.Sprintf("%s by %.3g", s.Name, -s.Slack)
		}
		fmt.Fprintf(w, "what is held breaks: %s\n", strings.Join(words, "; "))
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
