package checkpoint

import (
	"paspo/internal/stats"
	"paspo/policy"
)

// Checkpoint is the state of training after a whole iteration.
type Checkpoint struct {
	Path      string // of the file that it was read from, empty where there is none
	Iteration int
	Step      int64 // environment steps
	Best      Best
	Rule      policy.Rule // that auto has chosen, policy.Sampled where it has not

	Policy *policy.State // with the normaliser, which evaluation and deployment apply

	Facts []Fact // whose it is
	Loop  Loop
}

// Best is the best evaluation so far, on the episodes that choose.
type Best struct {
	Return    float64 `json:"return"`
	Iteration int     `json:"iteration"` // 0 where there was none
}

// Loop is what a training needs in order to go on, beside the policy.
type Loop struct {
	Arithmetic string // what the bits of its numbers depend on
	Steps      int64  // its length in environment steps

	Streams    [][]byte // of the learner, then of the actions
	Envs       []byte   // an envs.Vector, its streams included
	Discounted []float64
	Kept       []float64 // numbers of the learner's own

	Rewards, Returns *stats.Moments
}
