package rl

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"paspo/envs"
	"paspo/rl/internal/checkpoint"
)

// Fact is a property of a training that its checkpoints state: of the polytope, the environment or
// the settings. A run goes on only from a checkpoint with the same facts. Its fields are Name,
// Value and Minor, which marks a fact whose difference is a warning only.
type Fact = checkpoint.Fact

// Facts returns the facts that every trainer writes into its checkpoints: the problem's name and
// polytope, the seed, and the settings of its learner. Trainer.Describe adds others.
func Facts(spec envs.Spec, seed uint64, settings []Fact) []Fact {
	facts := []Fact{{Name: "problem", Value: spec.Name}}
	facts = append(facts, checkpoint.PolytopeFacts(spec.Polytope)...)
	facts = append(facts, Fact{Name: "seed", Value: strconv.FormatUint(seed, 10)})
	return append(facts, settings...)
}

// Settings returns a fact for every field of a struct that has a name in YAML and changes what
// is learned. The name of the fact is prefix and that name.
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
// environment. Call it before Run and Restore.
func (t *Trainer) Describe(more ...Fact) {
	t.facts = slices.Concat(t.facts, more)
	t.committed.Facts = t.facts
}

// arithmetic names the device and, where the backend knows them, the instructions that the bits
// of numbers depend on.
func (t *Trainer) arithmetic() string {
	if b, ok := t.backend.(interface{ Arithmetic() string }); ok {
		return b.Arithmetic()
	}
	return t.backend.Device()
}
