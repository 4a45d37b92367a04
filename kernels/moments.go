package kernels

// Normalizer is how an agent's observations are standardised, in 8-byte words in
// device memory. It is followed by the means of the components and by their sums
// of squared deviations, float64.
type Normalizer struct {
	Count float64 // observations seen
	On    float64 // 1 or 0
	Clip  float64 // 0: none
}

// NormalizerBytes is the size of a Normalizer with what follows it.
func NormalizerBytes(obsDim int) int64 { return 8 * (3 + 2*int64(obsDim)) }

// MomentsArgs: takes rows of observations into the running statistics of their
// agents, but for those of agents with several parts, which MergeMomentsArgs does:
// blocks of one launch cannot wait for each other. The sums of a part are those of x - f and (x - f)^2 over its rows, with f
// the first of them, in eight interleaved sums that are added in order. They give
// mean and sum of squared deviations of the part, which are merged in the order
// of the parts, and at last into what was seen before, by
//
//	d    = mean_B - mean_A
//	mean = mean_A + d n_B/n
//	M2   = M2_A + M2_B + d^2 n_A n_B/n
//
// (Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for
// Computing Sample Variances, 1979). As f is one of the rows, the sum of the
// (x - f)^2 is at most the number of rows times M2: a large mean costs nothing.
type MomentsArgs struct {
	Obs           uint64 // float64, ObsDim a row
	Parts         uint64 // MomentsPart
	Mean, Squares uint64 // of the parts of such agents: float64, ObsDim; written
	Normalizer    uint64 // of agent 0

	ObsDim, PartCount int64
	Stride            int64
}

// MomentsPart is some consecutive rows of one agent, MomentsRows but for its last
// part.
type MomentsPart struct {
	Agent, First, Rows int64
	Index, Count       int64 // among the agent's parts, which follow each other

	// Observations the agent had seen, Normalizer.Count: no block can read what
	// another writes.
	Before float64
}

// MomentsRows is the number of rows of a part.
const MomentsRows = 1024

// Kernel implements Args.
func (*MomentsArgs) Kernel() string { return "moments" }

// Launch implements Args. The agents are those of the parts.
func (a *MomentsArgs) Launch(int) Launch {
	return Launch{Grid: [3]int{int(a.PartCount), ceil64(a.ObsDim, 32), 1}, Block: [3]int{256, 1, 1}}
}

// MergeMomentsArgs: after MomentsArgs, with the same fields, merges the parts of
// the agents that have several.
type MergeMomentsArgs MomentsArgs

// Kernel implements Args.
func (*MergeMomentsArgs) Kernel() string { return "merge_moments" }

// Launch implements Args. Blocks of an agent's other parts have nothing to do.
func (a *MergeMomentsArgs) Launch(int) Launch {
	return Launch{Grid: [3]int{int(a.PartCount), ceil64(a.ObsDim, 256), 1}, Block: [3]int{256, 1, 1}}
}
