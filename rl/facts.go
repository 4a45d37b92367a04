package rl

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"paspo/envs"
	"paspo/rl/internal/checkpoint"
)

// Fact is one of the things that say whose policy a checkpoint holds: of the
// polytope, of the environment or of the settings. Its fields are Name, Value and Minor, which
// marks a fact whose difference is worth a warning alone. A run and what goes on with it must
// state the same.
type Fact = checkpoint.Fact

// Facts returns the facts that every trainer writes into its checkpoints: the problem's name and
// polytope, the seed, and the settings of its learner. Those of Trainer.Describe come on top.
func Facts(spec envs.Spec, seed uint64, settings []Fact) []Fact {
	facts := []Fact{{Name: "problem", Value: spec.Name}}
	facts = append(facts, checkpoint.PolytopeFacts(spec.Polytope)...)
	facts = append(facts, Fact{Name: "seed", Value: strconv.FormatUint(seed, 10)})
	return append(facts, settings...)
}

// Settings returns the fields of a struct that have a name in YAML, but for those that
// change nothing that is learned, as facts called prefix and that name.
func Settings(prefix string, config any) []Fact {
	var facts []Fact
	v := reflect.ValueOf(config)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		switch {
		case name == ",inline":
			facts = append(facts, Settings(prefix, v.Field(i).Interface())...)
		case name != "-" && !observesOnly[name]:
			facts = append(facts, Fact{Name: prefix + name, Value: fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return facts
}

// observesOnly names the settings that do not change what is learned.
var observesOnly = map[string]bool{
	"eval_every": true, "eval_episodes": true, "eval_max_steps": true, "eval_seed": true,
	"deterministic_action": true,
	"checkpoint_every":     true, "checkpoint_seconds": true, "checkpoint_keep": true,
}

// Describe adds facts that the trainer does not know by itself, such as the settings of the
// environment. Its checkpoints carry them, and a checkpoint to restore must state the same. Call it
// before Run and Restore.
func (t *Trainer) Describe(more ...Fact) {
	t.facts = slices.Concat(t.facts, more)
	t.committed.Facts = t.facts
}

// arithmetic says what the bits of numbers depend on, as far as the backend knows.
func (t *Trainer) arithmetic() string {
	if b, ok := t.backend.(interface{ Arithmetic() string }); ok {
		return b.Arithmetic()
	}
	return t.backend.Device()
}
