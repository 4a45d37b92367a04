package kernels

// Launch is the shape of a launch. Shared is the dynamic shared memory of a
// block in bytes.
type Launch struct {
	Grid, Block [3]int
	Shared      int
}

// Args are the arguments of a kernel. A pointer to one is what a launch passes.
type Args interface {
	// Kernel is the name of the kernel in its module.
	Kernel() string

	// Launch returns the shape of the launch for a number of agents.
	Launch(agents int) Launch
}

// Control is the control block of an agent, in 8-byte words in device memory. An
// agent has two: one counts the minibatches of training, the other those of the
// pass that computes old log-probabilities.
type Control struct {
	At    int64 // minibatches done
	Steps int64 // minibatches to do
	Time  int64 // steps of Adam taken since the first
	Bad   int64 // 0, or what was not finite in minibatch At: see BadLoss

	// Settings of the step.
	LearningRate, Clip, ValueCoef, EntropyCoef      float64
	MaxGradNorm, WeightDecay, Beta1, Beta2, Epsilon float64

	// Sums over the minibatches done, but Deviation is the largest |rho - 1| of
	// the first.
	PolicyLoss, ValueLoss, Entropy, KL, ClipFraction, Deviation, GradNorm float64

	// Of the last minibatch.
	Loss, Norm float64

	Broken int64 // set by adam where a parameter became not finite
	_      [9]int64
}

// ControlBytes is the size of a control block.
const ControlBytes = 256

// What was not finite, in Control.Bad. After BadLoss and BadNorm the parameters
// are those before the step, after BadParams those after it.
const (
	BadLoss = 1 + iota
	BadNorm
	BadParams
)

// ChunkRows is the number of rows that are summed into one copy of a gradient.
const ChunkRows = 256

// Copies is the number of copies of the gradients that sums over m rows need.
func Copies(m int) int { return ceil(m, ChunkRows) }

// NormBlocks is the number of float64 that grad_norm writes for n parameters.
func NormBlocks(n int) int { return ceil(n, normParams) }

// LossBlocks is the number of Diagnostics structs that loss writes for m rows.
func LossBlocks(m int) int { return ceil(m, lossRows) }

// DiagnosticsBytes is the size of what one block of loss writes: the six sums of
// ops.Diagnostic in float64.
const DiagnosticsBytes = 6 * 8

const (
	tile                 = 32 // rows and columns of a block of a product
	normParams           = 1024
	lossRows             = 128
	betaThreads          = 128
	gatherRows           = 8
	adamParams, adamEach = 256, 4
	latentRows           = 16
)

func ceil(a, b int) int { return (a + b - 1) / b }

func ceil64(a int64, b int) int { return ceil(int(a), b) }

// GatherArgs: minibatch At of the agent, rows perm[At*m..] of its batch. Rows
// below 0 are padding, with weight 0 and the values of row 0; the others have
// weight 1/count[At]. Without perm the rows are At*m.., and those from Total on
// are padding.
type GatherArgs struct {
	Ctl uint64

	Perm  uint64 // int32, m a minibatch; 0: none
	Count uint64 // int32, one a minibatch; not read without Perm

	// Of the batch: Total rows. Old, Advantage and Target have one component.
	Obs, Prefix, LogX, Log1mX, LogWidth, Mask uint64
	Old, Advantage, Target                    uint64

	// Of the minibatch: m rows.
	ToObs, ToPrefix, ToLogX, ToLog1mX, ToLogWidth, ToMask uint64
	ToOld, ToAdvantage, ToTarget, ToWeight                uint64

	Rows, Total             int64 // m, rows of the batch
	ObsDim, Entities, Heads int64
	Stride                  int64
}

// Kernel implements Args.
func (*GatherArgs) Kernel() string { return "gather" }

// Launch implements Args.
func (a *GatherArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{ceil64(a.Rows, gatherRows), 1, agents}, Block: [3]int{32 * gatherRows, 1, 1}}
}

// DenseArgs: Y = f(X W' + B) for every head, with f = max(., 0) where ReLU is 1.
// X is (m, h*k), W (h, n, k), B (h, n), Y (m, h*n); a plain layer has h = 1.
type DenseArgs struct {
	Ctl               uint64
	X, W, B, Y        uint64
	Rows, Heads, N, K int64
	ReLU              int64
	Stride            int64
}

// Kernel implements Args.
func (*DenseArgs) Kernel() string { return "dense" }

// Launch implements Args.
func (a *DenseArgs) Launch(agents int) Launch { return product(a.Rows, a.N, a.Heads, agents) }

// product is the launch of a product with rows x cols results a head.
func product(rows, cols, heads int64, agents int) Launch {
	return Launch{
		Grid:  [3]int{ceil64(rows, tile), ceil64(cols, tile) * int(heads), agents},
		Block: [3]int{128, 1, 1},
	}
}

// MaskedArgs: the first layer of all heads. Head i sees Latent (m, L) and the
// first i components of Prefix (m, P): its W, of (h, n, L+h-1), has no effect
// from column L+i on and is not read there. B is (h, n), Y (m, h*n).
type MaskedArgs struct {
	Ctl                     uint64
	Latent, Prefix, W, B, Y uint64
	Rows, Heads, N, L, P    int64
	ReLU                    int64
	Stride                  int64
}

// Kernel implements Args.
func (*MaskedArgs) Kernel() string { return "masked" }

// Launch implements Args.
func (a *MaskedArgs) Launch(agents int) Launch { return product(a.Rows, a.N, a.Heads, agents) }

// DenseGradXArgs: GX = GZ W for every head, with GZ (m, h*n) read as 0 where
// Gate, of the same shape, is not positive, unless Gate is 0. GX is (m, h*k).
type DenseGradXArgs struct {
	Ctl               uint64
	GZ, Gate, W, GX   uint64
	Rows, Heads, N, K int64
	Stride            int64
}

// Kernel implements Args.
func (*DenseGradXArgs) Kernel() string { return "dense_grad_x" }

// Launch implements Args.
func (a *DenseGradXArgs) Launch(agents int) Launch { return product(a.Rows, a.K, a.Heads, agents) }

// MaskedGradLatentArgs: GL (m, L), the sum over all heads of GZ_i W_i, with GZ
// gated as in DenseGradXArgs.
type MaskedGradLatentArgs struct {
	Ctl               uint64
	GZ, Gate, W, GL   uint64
	Rows, Heads, N, L int64
	Stride            int64
}

// Kernel implements Args.
func (*MaskedGradLatentArgs) Kernel() string { return "masked_grad_latent" }

// Launch implements Args.
func (a *MaskedGradLatentArgs) Launch(agents int) Launch {
	l := product(a.Rows, a.L, 1, agents)
	l.Grid[0] = ceil64(a.Rows, latentRows)
	return l
}

// DenseGradWArgs: GW = GZ' X for every head and, unless GB is 0, GB, the column
// sums of GZ; GZ is gated as in DenseGradXArgs. Rows c*ChunkRows.. of the
// minibatch are summed into copy c, which is Copy bytes after the copy before;
// grad_norm adds the copies up.
type DenseGradWArgs struct {
	Ctl                 uint64
	X, GZ, Gate, GW, GB uint64
	Rows, Heads, N, K   int64
	Copy                int64
	Stride              int64
}

// Kernel implements Args.
func (*DenseGradWArgs) Kernel() string { return "dense_grad_w" }

// Launch implements Args.
func (a *DenseGradWArgs) Launch(agents int) Launch {
	return gradient(a.Rows, a.N, a.K, a.Heads, agents)
}

func gradient(rows, n, k, heads int64, agents int) Launch {
	return Launch{
		Grid:  [3]int{ceil64(n, tile) * ceil64(k, tile), int(heads) * Copies(int(rows)), agents},
		Block: [3]int{256, 1, 1},
	}
}

// MaskedGradWArgs: the same for the masked layer; what has no effect gets 0.
type MaskedGradWArgs struct {
	Ctl                              uint64
	Latent, Prefix, GZ, Gate, GW, GB uint64
	Rows, Heads, N, L, P             int64
	Copy                             int64
	Stride                           int64
}

// Kernel implements Args.
func (*MaskedGradWArgs) Kernel() string { return "masked_grad_w" }

// Launch implements Args.
func (a *MaskedGradWArgs) Launch(agents int) Launch {
	return gradient(a.Rows, a.N, a.L+a.Heads-1, a.Heads, agents)
}

// BetaTermsArgs: the terms (m, 2) of logits (m, 2h) and LogX, Log1mX, LogWidth,
// Mask (m, h), see ops.NewBetaTerms. Slopes are float64, (4, m, h): see
// ops.EvalBetaTerms; 0 for none. Min and Max are those of ops.Shape.
type BetaTermsArgs struct {
	Ctl                                  uint64
	Logits, LogX, Log1mX, LogWidth, Mask uint64
	Terms, Slopes                        uint64
	Rows, Heads                          int64
	Min, Max                             float64
	Stride                               int64
}

// Kernel implements Args.
func (*BetaTermsArgs) Kernel() string { return "beta_terms" }

// Launch implements Args.
func (a *BetaTermsArgs) Launch(agents int) Launch {
	rows := betaRows(int(a.Heads))
	return Launch{
		Grid:   [3]int{ceil64(a.Rows, rows), 1, agents},
		Block:  [3]int{betaThreads, 1, 1},
		Shared: 2 * 8 * rows * int(a.Heads),
	}
}

// betaRows is the number of rows of a block of beta_terms.
func betaRows(heads int) int { return max(1, betaThreads/heads) }

// BetaTermsGradArgs: the gradient by the logits, GLogits (m, 2h), of the
// gradient by the terms, GTerms (m, 2), and the slopes of beta_terms.
type BetaTermsGradArgs struct {
	Ctl                     uint64
	GTerms, Slopes, GLogits uint64
	Rows, Heads             int64
	Stride                  int64
}

// Kernel implements Args.
func (*BetaTermsGradArgs) Kernel() string { return "beta_terms_grad" }

// Launch implements Args.
func (a *BetaTermsGradArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{ceil64(a.Rows*a.Heads, 256), 1, agents}, Block: [3]int{256, 1, 1}}
}

// LossArgs: the loss of ops.NewLoss with its diagnostics and its gradients by
// Terms (m, 2) and Value (m); the coefficients are those of the control block.
// G is the gradient by the loss, one number, 1 where it is 0. Sums are six
// float64 a block, see LossBlocks; adam and finish add them up.
type LossArgs struct {
	Ctl                                          uint64
	Terms, Value, Old, Advantage, Target, Weight uint64
	G                                            uint64
	GTerms, GValue                               uint64
	Sums                                         uint64
	Rows                                         int64
	Stride                                       int64
}

// Kernel implements Args.
func (*LossArgs) Kernel() string { return "loss" }

// Launch implements Args.
func (a *LossArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{LossBlocks(int(a.Rows)), 1, agents}, Block: [3]int{lossRows, 1, 1}}
}

// StoreOldArgs: the log-probabilities of minibatch At, column 0 of Terms, become
// Old of rows At*m.. of the batch, below Total; then At is counted up.
type StoreOldArgs struct {
	Ctl         uint64
	Terms, Old  uint64
	Rows, Total int64
	Stride      int64
}

// Kernel implements Args.
func (*StoreOldArgs) Kernel() string { return "store_old" }

// Launch implements Args.
func (a *StoreOldArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{1, 1, agents}, Block: [3]int{256, 1, 1}}
}

// GradNormArgs: adds up the copies of the gradients of Size parameters into the
// first, and writes the sums of squares of every normParams of them, as float64,
// to Squares: see NormBlocks.
type GradNormArgs struct {
	Ctl          uint64
	G, Squares   uint64
	Size         int64
	Copies, Copy int64 // number of copies, bytes between them
	Stride       int64
}

// Kernel implements Args.
func (*GradNormArgs) Kernel() string { return "grad_norm" }

// Launch implements Args.
func (a *GradNormArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{NormBlocks(int(a.Size)), 1, agents}, Block: [3]int{256, 1, 1}}
}

// AdamArgs: one step of policy's optimiser on the parameters W with gradients G
// and moments M and V, Size of each. It does nothing where the loss or the norm
// of the gradient is not finite.
type AdamArgs struct {
	Ctl           uint64
	W, G, M, V    uint64
	Squares, Sums uint64 // of grad_norm, of loss
	Size          int64
	NormBlocks    int64
	LossBlocks    int64
	Stride        int64
}

// Kernel implements Args.
func (*AdamArgs) Kernel() string { return "adam" }

// Launch implements Args.
func (a *AdamArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{ceil64(a.Size, adamParams*adamEach), 1, agents}, Block: [3]int{adamParams, 1, 1}}
}

// FinishArgs: ends a minibatch. It adds its diagnostics to the sums of the
// control block, says there what was not finite, counts the step of Adam and the
// minibatch.
type FinishArgs struct {
	Ctl           uint64
	Squares, Sums uint64
	NormBlocks    int64
	LossBlocks    int64
	Stride        int64
}

// Kernel implements Args.
func (*FinishArgs) Kernel() string { return "finish" }

// Launch implements Args.
func (a *FinishArgs) Launch(agents int) Launch {
	return Launch{Grid: [3]int{1, 1, agents}, Block: [3]int{256, 1, 1}}
}
