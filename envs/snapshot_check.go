package envs

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/internal/rng"
)

const (
	// checkBefore is the number of steps before the state that CheckSnapshots saves,
	// checkAfter the number of those that it compares.
	checkBefore, checkAfter = 2, 8
)

// CheckSnapshots returns an error where environments promise to go on bit for bit
// from what they have saved and do not. It is nil where they promise nothing: where
// they are no Snapshotters and have neither method.
//
// One copy takes two steps and is saved, another one that has been elsewhere
// restores that, and both take the same eight steps. That finds the methods of an embedded
// type, such as time.Time, where they do not save what those steps depend on.
func CheckSnapshots(p Problem) error {
	name := p.Spec().Name
	one, err := NewVector(p, VectorConfig{Count: 1, Workers: 1, Stream: rng.New(1, "envs", "snapshots")})
	if err != nil {
		return err
	}
	defer one.Close()
	_, saves := one.Env(0).(encoding.BinaryMarshaler)
	_, restores := one.Env(0).(encoding.BinaryUnmarshaler)
	if saves != restores {
		has, lacks := saverNames(one.Env(0))
		if restores {
			has, lacks = lacks, has
		}
		return fmt.Errorf("envs: the environment of %s (%T) has %s and no %s: it needs both to be resumed, or neither", name, one.Env(0), has, lacks)
	}
	if !saves {
		return nil
	}
	cannot := func(format string, a ...any) error {
		e := one.Env(0)
		save, load := saverNames(e)
		of := name
		if _, other := e.(Saver); !other { // a type is of Go
			of += fmt.Sprintf(" (%T)", e)
		}
		return fmt.Errorf("envs: the environment of %s cannot be resumed bit for bit from its %s and %s: %s", of, save, load, fmt.Sprintf(format, a...))
	}
	// Limits that no allocation satisfies end the comparison without an error, since they say
	// nothing of snapshots.
	errNoAction := errors.New("no action")
	unless := func(err error) error {
		if err == errNoAction {
			return nil
		}
		return err
	}
	var action []float64
	step := func(vs ...*Vector) error {
		if lim := one.copies[0].Limits(); lim != nil || action == nil {
			var err error
			if action, _, err = p.Spec().Polytope.Minimize(make([]float64, one.n), lim); err != nil {
				return errNoAction
			}
		}
		for _, v := range vs {
			if err := v.Step(action); err != nil {
				return err
			}
		}
		return nil
	}
	for range checkBefore {
		if err := step(one); err != nil {
			return unless(err)
		}
	}
	saved, err := one.MarshalBinary()
	if err != nil {
		return err
	}
	two, err := NewVector(p, VectorConfig{Count: 1, Workers: 1, Stream: rng.New(2, "envs", "snapshots")})
	if err != nil {
		return err
	}
	defer two.Close()
	if err := two.UnmarshalBinary(saved); err != nil {
		return err
	}
	for k := range checkAfter {
		if a, b := one.copies[0].Limits(), two.copies[0].Limits(); a != nil {
			for _, s := range [...]struct {
				name string
				a, b []float64
			}{{"B", a.B, b.B}, {"F", a.F, b.F}, {"Lower", a.Lower, b.Lower}, {"Upper", a.Upper, b.Upper}, {"A", a.A, b.A}, {"Holdings", a.Holdings, b.Holdings}} {
				if !slices.Equal(s.a, s.b) {
					return cannot("%d steps after it was restored, %s of its limits is %v where it was %v", k, s.name, s.b, s.a)
				}
			}
		}
		if err := step(one, two); err != nil {
			return unless(err)
		}
		same := func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
		if x, y := one.rewards[0], two.rewards[0]; !same(x, y) {
			return cannot("%d steps after it was restored, the reward is %g where it was %g", k+1, y, x)
		}
		if one.done[0] != two.done[0] {
			return cannot("%d steps after it was restored, done is %v where it was %v", k+1, two.done[0], one.done[0])
		}
		if one.truncated[0] != two.truncated[0] {
			return cannot("%d steps after it was restored, Truncated says %v where it said %v", k+1, two.truncated[0], one.truncated[0])
		}
		for i, x := range one.obs {
			if y := two.obs[i]; !same(x, y) {
				return cannot("%d steps after it was restored, component %d of the observation is %g where it was %g", k+1, i, y, x)
			}
		}
	}
	return nil
}
