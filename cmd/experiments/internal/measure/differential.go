package measure

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/rng"
	"paspo/internal/stress"
	"paspo/lp/interval"
)

type differentialOptions struct {
	queries  int
	chains   int
	seed     uint64
	families []string
	polytope int // the only one to try where it is not negative
}

// found is what came of a family.
type found struct {
	Family  string
	Seconds float64
	*stress.Result
}

// differential compares what all solvers answer on polytopes of hard families with
// the truth. What is drawn depends on the seed alone, not on the number of CPUs.
func differential(ctx context.Context, out *output.Folder, o differentialOptions) error {
	methods := compared()
	var families []*stress.Family
	var names []string
	for k := range stress.Families {
		f := &stress.Families[k]
		names = append(names, f.Name)
		if len(o.families) == 0 || slices.Contains(o.families, f.Name) {
			families = append(families, f)
		}
	}
	for _, name := range o.families {
		if !slices.Contains(names, name) {
			return fmt.Errorf("--families %q: allowed are %s", name, strings.Join(names, ", "))
		}
	}
	// A slow family has a two-hundredth of the queries of the others.
	share := func(f *stress.Family) int {
		if f.Slow {
			return 1
		}
		return 200
	}
	shares, left := 0, o.queries
	for _, f := range families {
		shares += share(f)
	}
	var all []*found
	for _, f := range families {
		quota := (left*share(f) + shares - 1) / shares
		start := time.Now()
		r := &found{Family: f.Name, Result: tryFamily(ctx, f, methods, quota, o)}
		if ctx.Err() != nil {
			break // what is complete is shown
		}
		r.Seconds = time.Since(start).Seconds()
		all = append(all, r)
		left, shares = max(0, left-r.Queries), shares-share(f)
		out.Progress("%s: %d queries on %d polytopes, %d wrong, %.0f s", f.Name, r.Queries, r.Polytopes, len(r.Failures), r.Seconds)
		shown, last := map[string]int{}, ""
		for _, w := range r.Failures {
			if shown[w.Method]++; shown[w.Method] <= mostShown {
				if text := w.String(); text != last {
					out.Progress("%v", w)
					last = text
				}
			}
		}
	}
	if o.polytope >= 0 {
		return ctx.Err()
	}
	if err := out.JSON("differential", all); err != nil {
		return err
	}
	if err := showDifferential(out, all); err != nil {
		return err
	}
	return cmp.Or(ctx.Err(), keepFailures(out, all))
}

// mostShown is how many wrong answers of a method on a family are shown.
const mostShown = 2

// tryFamily tries polytopes 0, 1, ... until there are enough queries.
func tryFamily(ctx context.Context, f *stress.Family, methods []string, queries int, o differentialOptions) *stress.Result {
	stream := rng.New(o.seed, "experiments", "differential", f.Name)
	if o.polytope >= 0 {
		return stress.Try(f, o.polytope, methods, o.chains, stream)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	sum, results := stress.NewResult(methods), map[int]*stress.Result{}
	next, done := 0, 0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for sum.Queries < queries && ctx.Err() == nil {
				k := next
				next++
				mu.Unlock()
				r := stress.Try(f, k, methods, o.chains, stream)
				mu.Lock()
				results[k] = r
				for ; results[done] != nil && sum.Queries < queries; done++ {
					sum.Add(results[done])
					delete(results, done)
				}
			}
		})
	}
	wg.Wait()
	return sum
}

// compared are the methods, auto last.
func compared() []string { return append(interval.Methods()[1:], "auto") }

// showDifferential writes the tables.
func showDifferential(out *output.Folder, all []*found) error {
	table := [][]string{{"family", "polytopes", "queries", "method", "answers", "wrong", "ill-conditioned", "no exact one", "refused", "largest error", "actions", "largest residual"}}
	refusals := map[string]int{}
	polytopes, queries, certified, rational := 0, 0, 0, 0
	line := func(name, m string, polytopes, queries int, t *stress.Tally) []string {
		refused := 0
		for _, k := range t.Refusals {
			refused += k
		}
		return []string{
			name, fmt.Sprint(polytopes), fmt.Sprint(queries), m, fmt.Sprint(t.Answers), fmt.Sprint(t.Wrong), fmt.Sprint(t.Ill), fmt.Sprint(t.Void),
			fmt.Sprint(refused), fmt.Sprintf("%.1e", t.MaxError), fmt.Sprint(t.Actions), fmt.Sprintf("%.1e", t.MaxResidual),
		}
	}
	methods := compared()
	whole := stress.NewResult(methods)
	for _, f := range all {
		polytopes, queries, certified, rational = polytopes+f.Polytopes, queries+f.Queries, certified+f.Certified, rational+f.Rational
		whole.Add(f.Result)
		for _, m := range methods {
			t := f.Methods[m]
			table = append(table, line(f.Family, m, f.Polytopes, f.Queries, t))
			for why, k := range t.Refusals {
				refusals[f.Family+" | "+m+" | "+why] += k
			}
		}
		for why, k := range f.Refused {
			refusals[f.Family+" | New | "+why] += k
		}
		for why, k := range f.SampleRefusals {
			refusals[f.Family+" | sampler | "+why] += k
		}
	}
	for _, m := range methods {
		table = append(table, line("all", m, polytopes, queries, whole.Methods[m]))
	}
	verdicts := [][]string{{"family", "polytopes", "taken", "empty", "unbounded", "refused", "wrong verdicts or conflicts", "ranges", "wrong", "largest error", "rows called redundant", "wrong", "samples", "wrong", "largest residual"}}
	for _, f := range append(all, &found{Family: "all", Result: whole}) {
		wrong, refused := f.WrongBy, 0
		for _, k := range f.Refused {
			refused += k
		}
		verdicts = append(verdicts, []string{
			f.Family, fmt.Sprint(f.Polytopes), fmt.Sprint(f.Taken), fmt.Sprint(f.Empty), fmt.Sprint(f.Unbounded), fmt.Sprint(refused), fmt.Sprint(wrong["New"]),
			fmt.Sprint(f.Ranges), fmt.Sprint(wrong["BoundingBox"]), fmt.Sprintf("%.1e", f.MaxRange), fmt.Sprint(f.Rows), fmt.Sprint(wrong["RedundantRows"]),
			fmt.Sprint(f.Samples), fmt.Sprint(wrong["Sampler"]), fmt.Sprintf("%.1e", f.MaxSample),
		})
	}
	reasons := [][]string{{"family", "asked", "reason", "how many"}}
	for _, k := range slices.SortedFunc(maps.Keys(refusals), func(a, b string) int {
		return cmp.Or(cmp.Compare(refusals[b], refusals[a]), cmp.Compare(a, b))
	}) {
		reasons = append(reasons, append(strings.SplitN(k, " | ", 3), fmt.Sprint(refusals[k])))
	}
	out.Progress("%d linear programs judged: %d by certificates, %d by rational simplex", certified+rational, certified, rational)
	if err := out.Table("verdicts", verdicts); err != nil {
		return err
	}
	if err := out.Table("refusals", reasons); err != nil {
		return err
	}
	return out.Table("differential", table)
}

// mostKept is how many wrong answers of a method on a family are written.
const mostKept = 100

// keepFailures writes what shows wrong answers again.
func keepFailures(out *output.Folder, all []*found) error {
	file := filepath.Join(out.Dir, "failures.txt")
	var b strings.Builder
	for _, f := range all {
		written := map[string]int{}
		for _, w := range f.Failures {
			if written[w.Method]++; written[w.Method] <= mostKept {
				fmt.Fprintf(&b, "%v\n", w)
			}
		}
	}
	if b.Len() == 0 {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return fmt.Errorf("there are wrong answers: see %s", file)
}
