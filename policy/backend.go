package policy

import (
	"fmt"
	"math"

	"paspo/internal/rng"
	"paspo/lp"
)

// Backend runs a policy and its critic on a device: it normalises observations,
// samples actions, takes gradient steps and holds the parameters. The CPU backend is made by cpu.New.
// A Backend is used by one goroutine at a time.
type Backend interface {
	// Device names where the backend runs, for people to read.
	Device() string

	// Polytope returns the polytope that actions lie in, ObsDim the number of components
	// of an observation.
	Polytope() *lp.Polytope
	ObsDim() int

	// Sample decodes one action for every row of the request. Every action
	// has a residual of at most 1e-9 (CPU) or 1e-6 (GPU), or Sample returns an error.
	// An observation that is not finite after normalisation is an error too.
	Sample(req *Request, out *Samples) error

	// Load makes b the batch that Step learns from, and computes the log-probabilities
	// that ratios divide by with the training pass, so that the first ratio is
	// exactly 1. b is read until the next Load.
	Load(b *Batch) error

	// Step takes one gradient step on the given rows of the loaded batch, at most as many
	// as a minibatch has. It may return before the step is done.
	Step(rows []int32, s Settings) error

	// Diagnostics waits for all steps and returns the means of what they measured since
	// the last call. A loss, gradient or parameter that is not finite is a *NonFiniteError,
	// which Step may return earlier; Step then refuses further steps until SetState.
	Diagnostics() (Diagnostics, error)

	// State returns copies of parameters, optimiser state and normaliser; SetState sets
	// them.
	State() (*State, error)
	SetState(*State) error

	Close() error
}

// Shared is a Backend that shares a device with others. Between Join and Leave a request
// of it waits until every backend that has joined has made one; the device then serves
// them together. Results are those of requests that are served alone, bit for bit.
type Shared interface {
	Backend
	Join()
	Leave()
}

// Rule says which x in [0, 1] of its Beta distribution an entity takes. Any x gives
// an action within the polytope.
type Rule int

const (
	Sampled Rule = iota // drawn from the distribution
	Mode                // the mode where alpha, beta > 1, else the mean
	Mean                // alpha/(alpha+beta)
)

// String returns the name of the rule, as settings have it.
func (r Rule) String() string {
	switch r {
	case Sampled:
		return "sampled"
	case Mode:
		return "mode"
	case Mean:
		return "mean"
	}
	return fmt.Sprintf("Rule(%d)", int(r))
}

// Request asks for a batch of actions.
type Request struct {
	Rows int       // actions
	Obs  []float64 // Rows x obsDim, as the environment gives them

	// Learn adds the observations to the statistics of the normaliser before it is
	// applied.
	Learn bool

	// Limits holds the limits of every row, and is nil where the polytope's own apply.
	Limits []lp.Limits

	// Rule says which x of every Beta is taken, entity by entity.
	Rule Rule

	// Streams holds the random stream of every row. Only Sampled draws from it.
	Streams []*rng.Stream

	// Keep makes the backend keep row r of the request as row At+r of its own copy of the
	// rollout. A Batch without samples is then learned from that copy, so that a device
	// need not send samples to the host and back.
	Keep bool
	At   int

	// Brief says that the caller does not read Prefix, LogX, Log1mX, LogWidth, Lower and
	// Upper, which may then be empty.
	Brief bool
}

// Check returns an error where the fields of a request do not fit one another, observations
// of obsDim components or the polytope.
func (r *Request) Check(obsDim int, p *lp.Polytope) error {
	n := r.Rows
	switch {
	case n < 0 || len(r.Obs) != n*obsDim:
		return fmt.Errorf("policy: %d rows of observations have %d components, not %d", n, len(r.Obs), n*obsDim)
	case r.Limits != nil && len(r.Limits) != n:
		return fmt.Errorf("policy: %d rows have %d limits", n, len(r.Limits))
	case r.Rule < Sampled || r.Rule > Mean:
		return fmt.Errorf("policy: no rule %v", r.Rule)
	case r.Rule == Sampled && len(r.Streams) != n:
		return fmt.Errorf("policy: %d rows have %d random streams", n, len(r.Streams))
	case r.Keep && r.At < 0:
		return fmt.Errorf("policy: rows are kept from row %d on", r.At)
	}
	for i := range r.Limits {
		if err := p.CheckLimits(&r.Limits[i]); err != nil {
			return fmt.Errorf("policy: row %d: %w", i, err)
		}
	}
	return nil
}

// Samples receives a batch of actions. Slices are grown as needed and kept.
// n is the number of entities, h the number of heads.
type Samples struct {
	Actions []float64 // Rows x n

	// Training needs these (docs/method.md, section 7). A fixed entity has Mask 0 and
	// zeros elsewhere.
	Prefix           []float32 // Rows x n, the amounts in units of Total, as the heads see them
	LogX, Log1mX     []float32 // Rows x h: ln x and ln(1-x)
	LogWidth         []float32 // Rows x h: ln((hi - lo)/Total(p))
	Mask             []float32 // Rows x h: 1 where the interval is not fixed
	LogProb, Entropy []float32 // Rows
	Value            []float32 // Rows, the critic's output
	CostValue        []float32 // Rows x costs, outputs of the critics of costs, empty where there are none
	Alpha, Beta      []float32 // Rows x h
	Residual         []float64 // Rows, largest scaled residual
	Lower, Upper     []float64 // Rows x n, the intervals
	FixedShare       float64   // share of intervals of heads that were fixed
	MaxResidual      float64
}

// Batch is a rollout to learn from: Rows transitions, of n entities and h heads.
type Batch struct {
	Rows      int
	Advantage []float32 // Rows, standardised
	Return    []float32 // Rows, targets of the critic

	// CostReturn holds the targets of the critics of costs, Rows x costs, empty where
	// there are none.
	CostReturn []float32

	// The samples. All are nil where the rows are meant that the backend has kept.
	Obs                          []float32 // Rows x obsDim, normalised
	Prefix                       []float32 // Rows x n
	LogX, Log1mX, LogWidth, Mask []float32 // Rows x h
}

// Kept reports whether the batch has no samples of its own and means the rows that the
// backend has kept (see Request.Keep).
func (b *Batch) Kept() bool {
	return b.Obs == nil && b.Prefix == nil && b.LogX == nil && b.Log1mX == nil && b.LogWidth == nil && b.Mask == nil
}

// Settings are the coefficients of one gradient step of Adam on the loss of PPO (Schulman
// et al., arXiv 1707.06347, equation 9), a mean over the minibatch,
//
//	-min(rho A, clip(rho, 1-Clip, 1+Clip) A) + ValueCoef (V - R)^2 - EntropyCoef H.
type Settings struct {
	LearningRate float64
	Clip         float64 // epsilon of the clipped surrogate
	ValueCoef    float64 // weight of the critic's squared error
	EntropyCoef  float64 // weight of the entropy bonus
	MaxGradNorm  float64 // 0: no clipping
	WeightDecay  float64 // added to the gradient as WeightDecay times the parameter (L2)
	Beta1, Beta2 float64 // decays of Adam's moments
	Epsilon      float64 // added to the root of Adam's second moment
}

// Diagnostics are means over the gradient steps since the last call.
type Diagnostics struct {
	Steps             int     // gradient steps since the last call
	PolicyLoss        float64 // without its entropy bonus
	ValueLoss         float64 // (V - R)^2, without its coefficient
	Entropy           float64 // in nats
	ApproxKL          float64 // mean of rho - 1 - ln rho, which is never negative
	ClipFraction      float64 // share of rows with |rho - 1| > Clip
	GradNorm          float64 // before clipping
	MaxRatioDeviation float64 // largest |rho - 1| of the first step
}

// Row adds one row of a minibatch to sums over steps: weight is the share of the row in the
// minibatch, logRatio the logarithm of its probability over that under the old policy.
func (d *Diagnostics) Row(weight, entropy, logRatio, clip float64) {
	ratio := Ratio(logRatio)
	d.Entropy += weight * entropy
	d.ApproxKL += weight * (ratio - 1 - logRatio)
	if math.Abs(ratio-1) > clip {
		d.ClipFraction += weight
	}
	if d.Steps == 0 {
		d.MaxRatioDeviation = max(d.MaxRatioDeviation, math.Abs(ratio-1))
	}
}

// Mean turns sums over steps into means over steps.
func (d Diagnostics) Mean() Diagnostics {
	if d.Steps > 0 {
		n := float64(d.Steps)
		for _, x := range []*float64{&d.PolicyLoss, &d.ValueLoss, &d.Entropy, &d.ApproxKL, &d.ClipFraction, &d.GradNorm} {
			*x /= n
		}
	}
	return d
}
