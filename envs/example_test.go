package envs_test

import (
	"fmt"
	"math/rand/v2"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/lp"
)

// Server rooms: power is split over two rooms and a reserve; a room heats up
// with its load and cools towards the outside.
type serverRooms struct{ polytope *lp.Polytope }

func (p *serverRooms) Spec() envs.Spec {
	return envs.Spec{Name: "rooms", ObsDim: 2, Polytope: p.polytope, NormalizeObs: true}
}

func (p *serverRooms) New() envs.Env { return &rooms{} }

type rooms struct {
	heat [2]float64
	time int
}

func (e *rooms) Reset(rng *rand.Rand, obs []float64) {
	e.time = 0
	for i := range e.heat {
		e.heat[i] = 20 + rng.NormFloat64()
	}
	copy(obs, e.heat[:])
}

func (e *rooms) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	for i := range e.heat {
		reward += action[i] * (40 - e.heat[i]) // hot servers do less
		e.heat[i] += 5*action[i] - 0.3*(e.heat[i]-20) + 0.1*rng.NormFloat64()
	}
	copy(obs, e.heat[:])
	e.time++
	return reward, e.time == 10
}

// An environment of one's own: two methods for the environment, two for the
// problem.
func Example() {
	polytope, err := lp.New(lp.Description{
		Entities: []string{"north", "south", "reserve"}, Total: 1, // of 1 MW
		Rows: []lp.Row{{Name: "south counts double", Coef: []float64{1, 2, 0}, Min: 0, Max: 1.2}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := envs.Play(&serverRooms{polytope}, envs.Constant([]float64{0.5, 0.3, 0.2}), 1000, 10, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	mean, _ := envs.MeanAndError(out.Returns)
	fmt.Printf("mean return %.0f, %d violations\n", mean, out.Violations)
	// Output: mean return 122, 0 violations
}

// guardedRooms adds limits that follow the state: a room hotter than 20 degrees
// gets less, down to nothing at 25. The polytope states which rows and bounds
// there are; Limits replaces their right-hand sides before every action.
type guardedRooms struct{ serverRooms }

func (p *guardedRooms) New() envs.Env { return &guarded{upper: []float64{1, 1, 1}} }

type guarded struct {
	rooms
	upper []float64
}

func (e *guarded) Limits(l *lp.Limits) {
	for i, h := range e.heat {
		e.upper[i] = min(1, max(0, (25-h)/5))
	}
	l.Upper = e.upper
}

// Limits that follow the state. Some allocation has to be left in every state;
// here the reserve can take everything.
func ExampleLimiter() {
	polytope, err := lp.New(lp.Description{Entities: []string{"north", "south", "reserve"}, Total: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, share := range []float64{0.1, 0.5} {
		a := envs.Constant([]float64{share, share, 1 - 2*share})
		out, err := envs.Play(&guardedRooms{serverRooms{polytope}}, a, 100, 10, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.1f each: violations in %v\n", share, out.Violations > 0)
	}
	// The closest that the limits of each state allow.
	out, err := envs.Play(&guardedRooms{serverRooms{polytope}}, envs.Within(polytope, envs.Constant([]float64{0.5, 0.5, 0})), 100, 10, 1)
	fmt.Println("projected:", out.Violations, "violations", err)
	// Output:
	// 0.1 each: violations in false
	// 0.5 each: violations in true
	// projected: 0 violations <nil>
}

// Thousands of copies side by side. Results do not depend on the number of
// goroutines.
func ExampleVector() {
	p, err := portfolio.New(portfolio.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := envs.NewVector(p, envs.VectorConfig{Count: 2000, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	actions := make([]float64, 2000*13)
	for i := range 2000 {
		actions[i*13] = 1 // all in cash
	}
	for range 13 {
		if err := v.Step(actions); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(len(v.Finished()), "episodes, the first earned", v.Finished()[0].Return)
	// Output: 2000 episodes, the first earned 0
}
