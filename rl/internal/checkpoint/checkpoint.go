package checkpoint

import (
	"paspo/internal/stats"
	"paspo/policy"
)

// Checkpoint is the state of training after a whole iteration.
type Checkpoint struct {
	Path      string // file that it was read from, empty where there is none
	Iteration int    // iterations done
	Step      int64  // environment steps done
	Best      Best
	Rule      policy.Rule // that auto has chosen, policy.Sampled where it has not

	Policy *policy.State // with the normaliser, which evaluation and deployment apply

	Facts []Fact // properties of the training that it comes from
	Loop  Loop
}

// Best is the best evaluation so far on the episodes that choose.
type Best struct {
	Return    float64 `json:"return"`
	Iteration int     `json:"iteration"` // 0 where there was none
}

// Loop is the state of a training beside its policy.
type Loop struct {
	Arithmetic string // device and instructions that the bits of numbers depend on
	Steps      int64  // length of the training in environment steps

	Streams    [][]byte  // of the learner, then of the actions
	Envs       []byte    // an envs.Vector with its streams
	Discounted []float64 // discounted sums of rewards of the episodes under way
	Kept       []float64 // state of the learner (rl.Stateful)

	Rewards, Returns *stats.Moments // that rewards are scaled and returns standardised by
}
