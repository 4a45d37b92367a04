package glossary_test

import (
	"slices"
	"strings"
	"testing"

	"paspo/internal/run/glossary"
	"paspo/internal/run/runfolder"
	"paspo/policy"
	"paspo/rl"
)

// Every metric of an iteration is explained, and every explained metric exists.
func TestMetricsAreExplained(t *testing.T) {
	e := &rl.Evaluation{Returns: []float64{1, 2}, Lengths: []int{1, 1}}
	m := rl.Metrics{Eval: e, EvalSampled: e}
	m.Choice[policy.Mode], m.Choice[policy.Mean] = e, e
	written := []string{"iteration", "step"}
	for name := range m.Scalars() {
		written = append(written, name)
		if tag := runfolder.Tag(name); len(glossary.Find(tag)) == 0 || !slices.Contains(glossary.Groups, tag[:strings.IndexByte(tag, '/')]) {
			t.Errorf("TensorBoard's %s is not explained", tag)
		}
	}
	var explained []string
	for _, x := range glossary.Metrics {
		explained = append(explained, x.Name)
	}
	slices.Sort(written)
	slices.Sort(explained)
	if !slices.Equal(written, explained) {
		t.Errorf("written are %q,\nexplained %q", written, explained)
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"eval_return": "curve", "eval/return": "curve", "rollout/return": "noisier", "Share": "uniform", "S.E.": "Standard error",
		" below ": "2 of 2 below", "choice/return_mean": "best checkpoint", "train/lr": "Learning rate", "info/turnover": "the environment measures itself",
		"last evaluation": "eval_return", "deterministic action": "ppo.deterministic_action", "last_iteration_return": "summary.json",
		"algo/cost_max": "mean costs", "ALGO/cpo_case": "no step is feasible",
	} {
		found := glossary.Find(name)
		if len(found) != 1 || !strings.Contains(found[0].Text, want) {
			t.Errorf("%s is %v, want %q", name, found, want)
		}
	}
	if found := glossary.Find("violations"); len(found) != 2 {
		t.Errorf("violations: %v", found)
	}
	for _, name := range []string{"", "x", "lr/train", "eval/lr", "algo/x"} {
		if found := glossary.Find(name); len(found) > 0 {
			t.Errorf("%s is %v", name, found)
		}
	}
	for _, e := range slices.Concat(glossary.Metrics, glossary.Algorithms, glossary.Words) {
		if e.Name == "" || !strings.HasSuffix(e.Text, ".") && !strings.HasSuffix(e.Text, ")") {
			t.Errorf("%s: %q", e.Name, e.Text)
		}
	}
}
