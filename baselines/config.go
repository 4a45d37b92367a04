package baselines

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/setting"
	"paspo/rl"
)

// Config chooses the algorithm that trains, and holds the settings of those other than PASPO. The
// tag of names the algorithms that a setting is of, where it is not of all; its doc begins with them.
// Costs are residuals (docs/method.md, section 1) of a step's action, one a constraint, 0 where it
// is satisfied.
type Config struct {
	Name        string `yaml:"name" doc:"paspo, or an algorithm to compare it with (docs/algorithms.md)"`
	AsPublished Faults `yaml:"as_published" doc:"true, or a list of faults of the published code (docs/algorithms.md), which the algorithm is given back; false for none"`

	CostLimit float64 `yaml:"cost_limit" of:"lagrangian,cpo,cup,ipo,p3o" doc:"mean cost of a step, for each constraint, that is to be kept; of cpo, of their sum"`

	MultiplierLR   float64 `yaml:"multiplier_lr" of:"lagrangian,cup" doc:"learning rate of the multipliers"`
	MultiplierInit float64 `yaml:"multiplier_init" of:"lagrangian,cup" doc:"multipliers at the start"`
	BarrierT       float64 `yaml:"barrier_t" of:"ipo" doc:"the barrier is ln(limit - cost) / barrier_t"`
	BarrierMax     float64 `yaml:"barrier_max" of:"ipo" doc:"largest weight of a cost, also where the limit is exceeded"`
	Kappa          float64 `yaml:"kappa" of:"p3o" doc:"weight of the penalty, beside standardised advantages"`
	TargetKL       float64 `yaml:"target_kl" of:"cpo" doc:"divergence of one step"`
	Damping        float64 `yaml:"damping" of:"cpo" doc:"added to the diagonal of the Fisher information"`
	Correction     string  `yaml:"correction" of:"optlayer" doc:"cp learns from predictions, cc from their projections, cpc from both, predictions less their costs"`

	Tries            int     `yaml:"tries" of:"aram" doc:"draws before one is projected"`
	RejectionPenalty float64 `yaml:"rejection_penalty" of:"aram" doc:"penalty of a rejected draw, in deviations of advantages"`
	Penalty          float64 `yaml:"penalty" of:"projection" doc:"weight of the squared distance of the mean from the polytope"`
}

// DefaultConfig returns PASPO, with the settings of the papers for the other algorithms.
func DefaultConfig() Config {
	return Config{
		Name: PASPO, AsPublished: "false",
		MultiplierLR: 0.035, MultiplierInit: 1, BarrierT: 20, BarrierMax: 100, Kappa: 20, TargetKL: 0.01, Damping: 0.1, Correction: learnBoth,
		Tries: 100, RejectionPenalty: 0.1, Penalty: 1,
	}
}

// Using returns the names of the algorithms that a setting such as cost_limit changes something for,
// nil where that is not fixed.
func Using(setting string) []string {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == setting && f.Tag.Get("of") != "" {
			return strings.Split(f.Tag.Get("of"), ",")
		}
	}
	return nil
}

// Validate returns an error that names the first setting that is out of range, its value
// and the values that are allowed.
func (c Config) Validate() error {
	if err := setting.First(
		setting.Choice("algo.name", c.Name, Names()...),
		setting.Float("algo.cost_limit", c.CostLimit, setting.NonNegative),
		setting.Float("algo.multiplier_lr", c.MultiplierLR, setting.Positive), setting.Float("algo.multiplier_init", c.MultiplierInit, setting.NonNegative),
		setting.Float("algo.barrier_t", c.BarrierT, setting.Positive), setting.Float("algo.barrier_max", c.BarrierMax, setting.Positive),
		setting.Float("algo.kappa", c.Kappa, setting.NonNegative), setting.Float("algo.target_kl", c.TargetKL, setting.Positive),
		setting.Float("algo.damping", c.Damping, setting.NonNegative),
		setting.Choice("algo.correction", c.Correction, learnPredicted, learnCorrected, learnBoth),
		setting.Int("algo.tries", c.Tries, 1),
		setting.Float("algo.rejection_penalty", c.RejectionPenalty, setting.NonNegative),
		setting.Float("algo.penalty", c.Penalty, setting.NonNegative),
	); err != nil {
		return err
	}
	a := find(c.Name)
	if c.AsPublished == "false" || c.AsPublished == "true" && a != nil && len(a.faults) > 0 {
		return nil
	}
	var known []string
	if a != nil {
		known = a.faults
	}
	if len(known) == 0 {
		return fmt.Errorf("algo.as_published is %s: false is allowed, since no fault is known of %s", c.AsPublished, c.Name)
	}
	for _, f := range c.AsPublished.list() {
		if !slices.Contains(known, f) {
			return fmt.Errorf("algo.as_published has %q: true, false or a list of %s is allowed for %s", f, strings.Join(known, ", "), c.Name)
		}
	}
	return nil
}

// Facts returns the settings that change what is learned, none for PASPO.
func (c Config) Facts() []rl.Fact {
	if c.Name == PASPO {
		return nil
	}
	return rl.Settings("algo.", c)
}

// Faults is the setting algo.as_published: "true", "false" or a list of names, "[a, b]".
type Faults string

// UnmarshalYAML accepts true, false and lists of names.
func (f *Faults) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		*f = Faults(n.Value)
		return nil
	}
	var names []string
	if n.Kind != yaml.SequenceNode || n.Decode(&names) != nil {
		return fmt.Errorf("true, false or a list of names is allowed")
	}
	*f = Faults("[" + strings.Join(names, ", ") + "]")
	return nil
}

func (f Faults) list() (names []string) {
	for name := range strings.SplitSeq(strings.Trim(string(f), "[]"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether the algorithm has a fault of the published code.
func (c Config) has(fault string) bool {
	return c.AsPublished == "true" || slices.Contains(c.AsPublished.list(), fault)
}
