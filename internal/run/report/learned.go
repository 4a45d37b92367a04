package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/internal/stats"
)

// SampledSuffix ends the names of policies whose actions are sampled.
const SampledSuffix = ", sampled"

// Finding says in what a run learned less than it could.
type Finding int

// Findings of NotLearned.
const (
	BelowStart     Finding = iota // the trained policy earns less than the initial one
	BelowUniform                  // it earns less than uniform allocations
	NoGain                        // training began about as good as uniform allocations, and stayed there
	BelowReference                // a reference policy earns more
	SampledBetter                 // sampled actions earn more than those that are not sampled
	Collapsed                     // sampled actions earn what the others do, though better policies are known
)

// Warning is a finding and the sentence that states it.
type Warning struct {
	Finding Finding
	Text    string
}

// Differences between policies that matter, as shares of what lies between uniform allocations and the
// best policy of the table.
const (
	notable = 0.01  // a smaller one is no reason for a warning
	far     = 0.1   // a policy that is so far below another has much left to learn
	narrow  = 0.001 // sampled actions that are so close to the others explore nothing
)

// NotLearned returns what the trained policy of the table learned less than it could. A difference
// counts where it is larger than two standard errors over the same episodes, and notable.
func (t *Table) NotLearned() []Warning {
	trained, ok := t.Row(Trained)
	drawn := t.drawn()
	if !ok || drawn == nil {
		return nil
	}
	if slices.Equal(trained.episodes, drawn.episodes) {
		return nil // whatever is done earns the same
	}
	span := t.span(drawn)
	// clearly tells whether a earns more than b.
	clearly := func(a, b *Row) (yes bool, mean, se float64) {
		mean, se = difference(a, b)
		return mean > 2*se && mean > notable*span, mean, se
	}

	var all []Warning
	warn := func(f Finding, format string, a ...any) { all = append(all, Warning{f, fmt.Sprintf(format, a...)}) }
	for _, r := range []*Row{t.initial(), drawn} {
		if r == nil {
			continue
		}
		if yes, m, se := clearly(r, trained); yes {
			f := BelowStart
			if r == drawn {
				f = BelowUniform
			}
			warn(f, "the run did not learn: the trained policy earns %s, the %s policy %s (%s; the difference is %.2g +- %.2g)",
				earns(trained), strings.TrimSuffix(r.Policy, " policy"), earns(r), t.Title, -m, se)
		}
	}
	if start := t.initial(); start != nil && len(all) == 0 {
		ahead, lead, _ := clearly(start, drawn)
		likeUniform := !ahead || lead < far*span
		if yes, m, se := clearly(trained, start); likeUniform && !yes {
			warn(NoGain, "the run did not learn: the trained policy earns %s, the initial policy %s (%s; the difference is %.2g +- %.2g)",
				earns(trained), earns(start), t.Title, m, se)
		}
	}
	better := t.bestReference()
	if better != nil {
		if yes, lead, _ := clearly(better, trained); yes && lead > far*span {
			warn(BelowReference, "the trained policy earns %s, less than the reference policy %q with %s (%s)",
				earns(trained), better.Policy, earns(better), t.Title)
		} else {
			better = nil
		}
	}
	sampled, ok := t.Row(Trained + SampledSuffix)
	if !ok {
		return all
	}
	yes, m, se := clearly(sampled, trained)
	much := better != nil || trained.Share != nil && float64(trained.Share.Share) < 1-far
	switch {
	case yes:
		warn(SampledBetter, "sampled actions earn %s, more than the %s of those that are not sampled (%s; the difference is %.2g +- %.2g)",
			earns(sampled), earns(trained), t.Title, m, se)
	case much && math.Abs(m) <= narrow*span:
		warn(Collapsed, "sampled actions earn the same as those that are not sampled: the policy explores no more, though better ones are known")
	}
	return all
}

// initial returns the row of the initial policy, nil without one.
func (t *Table) initial() *Row {
	r, ok := t.Row(Initial)
	if !ok {
		return nil
	}
	return r
}

// span returns by how much the best policy of the table earns more than drawn, uniform allocations.
func (t *Table) span(drawn *Row) float64 {
	best := math.Inf(-1)
	for i := range t.Rows {
		if r := &t.Rows[i]; r.Policy != upperBound || t.To == upperBound {
			best = max(best, stats.Mean(r.episodes))
		}
	}
	return best - stats.Mean(drawn.episodes)
}

// drawn returns the row of uniform allocations, possibly projected, nil without one.
func (t *Table) drawn() *Row {
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return strings.HasPrefix(r.Policy, uniform) })
	if i < 0 {
		return nil
	}
	return &t.Rows[i]
}

// bestReference returns the reference policy that earns most, nil where there is none but uniform
// allocations. What is known of the best policy, such as the optimum, is no reference.
func (t *Table) bestReference() *Row {
	var best *Row
	drawn := t.drawn()
	for i := range t.Rows {
		r := &t.Rows[i]
		name := strings.TrimSuffix(r.Policy, SampledSuffix)
		known := name == upperBound || name == bestFound || strings.HasPrefix(name, optimum)
		if r == drawn || name == Trained || name == Initial || known {
			continue
		}
		if best == nil || stats.Mean(r.episodes) > stats.Mean(best.episodes) {
			best = r
		}
	}
	return best
}

// difference returns by how much a earns more than b over the same episodes, and the standard error.
func difference(a, b *Row) (mean, se float64) {
	d := make([]float64, len(a.episodes))
	for k, x := range a.episodes {
		d[k] = x - b.episodes[k]
	}
	return envs.MeanAndError(d)
}

// earns formats the mean that differences are of.
func earns(r *Row) string { return Number(stats.Mean(r.episodes)).text() }
