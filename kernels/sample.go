package kernels

import "fmt"

// SampleArgs: actions for the rows of a batch, in tiles that are all of one
// agent. The numbers of entities, heads and observations are n, h and o.
//
// A launch with Closed samples all entities of its rows: the layers From..To are
// all, intervals come from the closed forms in Tables, and the rows that these do
// not answer get the status SampleLeft. For other rows a first launch with the
// layers up to those of head 0 leaves latents and logits behind; then one with
// Draw = i samples entity i in the interval Given, and one with the layers of
// head i+1 follows. The launch that samples the last entity has Finish.
//
// A launch whose layers start with the first standardises the observations, and
// writes those of tiles that are kept to the rollout.
//
// Addresses in Params, Layers, Models, Tables and Tiles are of what is the same
// for the launch; To*, Params and Normalizer are agent 0's. Rows are counted from
// the first of the launch.
type SampleArgs struct {
	Params   uint64 // float32
	Layers   uint64 // SampleLayer
	From, To int64
	Models   uint64 // SampleModel, one an agent
	Tables   uint64 // 8-byte words
	Tiles    uint64 // SampleTile

	// Of every row.
	Obs              uint64 // float64, o, as the environment gives them
	Normalizer       uint64 // of agent 0
	Keys, IDs, Drawn uint64 // uint64: the stream; read where the rule is 0

	// Limits, float64; 0: the polytope's own. So are those of rows with Own 1,
	// int32; without Own all have them.
	Own                            uint64
	LimitB, LimitE, LimitL, LimitU uint64 // WidthB, WidthE, n, n

	Given uint64 // float64, lo and hi

	// Results of every row. Logarithms, shapes and masks have h components.
	Actions, Residual       uint64 // float64: n, 1
	DrawnOut                uint64 // uint64, words drawn
	Value, LogProb, Entropy uint64
	Alpha, Beta, Mask       uint64
	Status                  uint64 // int32
	Prefix                  uint64 // n
	LogX, Log1mX, LogWidth  uint64
	Lower, Upper            uint64 // float64, n
	Logits, Latent          uint64 // 2h, LatentDim
	Chosen                  uint64 // float64, the entity drawn

	// The rollout, for tiles that are kept.
	ToObs, ToPrefix, ToLogX, ToLog1mX, ToLogWidth, ToMask uint64

	ObsDim, Entities, Heads, LatentDim int64
	LatentAt                           int64 // row of the activations
	Activations                        int64 // their number of rows
	Rho                                int64 // largest Size of a model, 0 unless Closed
	WidthB, WidthE                     int64
	Min, Max                           float64 // of ops.Shape
	Floor                              float64 // added to the variances of observations
	Closed                             int64   // 1 or 0
	Draw                               int64   // -1: none
	Finish                             int64   // 1 or 0
	TileCount, TileRows                int64
	Stride                             int64
}

// SampleTileRows are the sizes of tiles that a launch can have, the largest
// first.
var SampleTileRows = []int{32, 4}

// Kernel implements Args.
func (a *SampleArgs) Kernel() string {
	if a.TileRows == 4 {
		return "sample4"
	}
	return "sample32"
}

// Launch implements Args. The agents are those of the tiles.
func (a *SampleArgs) Launch(int) Launch {
	return Launch{Grid: [3]int{int(a.TileCount), 1, 1}, Block: [3]int{128, 1, 1}, Shared: a.dynamic(int(a.TileRows))}
}

// dynamic is the dynamic shared memory of a tile in bytes.
func (a *SampleArgs) dynamic(rows int) int {
	padded := map[int]int{32: 34, 4: 5}[rows]
	return 8*int(a.Rho)*rows + 4*int(a.Activations)*padded
}

// mostShared is the shared memory of a block on every card, in bytes.
const mostShared = 48 << 10

// TakesTile reports whether tiles of a size fit into shared memory.
func (a *SampleArgs) TakesTile(rows int) bool {
	fixed := map[int]int{32: 8 << 10, 4: 16 << 10}[rows]
	return fixed+a.dynamic(rows) <= mostShared
}

// Fit returns an error where no tile fits.
func (a *SampleArgs) Fit() error {
	for _, rows := range SampleTileRows {
		if a.TakesTile(rows) {
			return nil
		}
	}
	least := SampleTileRows[len(SampleTileRows)-1]
	return fmt.Errorf("kernels: sampling takes %d components of observation, latent, prefix and hidden layers and %d limits at a time: %d bytes of shared memory where %d are allowed",
		a.Activations, a.Rho, 16<<10+a.dynamic(least), mostShared)
}

// SampleLayer is a layer of the networks that a launch goes through in order:
// critic, encoder, then the heads. W and B are places in the parameters, Ld is
// the distance of W's rows; In and Out are rows of the activations.
type SampleLayer struct {
	W, B, N, K, Ld, In, Out int64
	ReLU                    int64
	Then                    int64 // 0, -1: the result is the value, i+1: the logits of head i
}

// SampleTile is some consecutive rows of one agent.
type SampleTile struct {
	Agent, First, Rows int64
	Keep               int64 // row of the rollout that First becomes, -1: not kept
	Rule               int64 // which x of a Beta: 0 drawn, 1 the mode or else the mean, 2 the mean
}

// SampleModel is what an agent's actions are held to. Fields from A on, but Size,
// Facets, Any, Caps and Rays, are places in the tables.
type SampleModel struct {
	Heads, Rows, Equalities int64
	Total, Threshold        float64 // unit of amounts; widths up to the threshold are fixed
	A, E, B, F, L, U        int64   // the polytope

	// The closed form, see closedform.Tables.
	Size, Facets, Any, Caps, Rays int64
	Begin, Cols, Floor            int64
	Kinds, LimitRows, LimitCaps   int64 // int64
	Ray, RaySensitivity           int64 // weights by limit, then by ray
	Needed, All                   int64 // of SampleEndpoints, one an entity
	Least, Most                   int64 // float64: the range of an entity under the polytope's own limits
}

// Kinds of an entity, in SampleModel.Kinds.
const (
	SampleFree   = 1 << iota // not bounded below
	SampleFixed              // lower and upper bound are the same
	SampleCapped             // bounded above
)

// SampleEndpoints are the affine pieces of both endpoints of an interval: how many weights a piece
// has, whether 0 is one more piece of the lower endpoint, and how many pieces each endpoint has.
// The last four fields are places in the tables: of the weights, stored by limit and then by
// piece, and of the sensitivity of every piece.
type SampleEndpoints struct {
	Stride, Floor, Lowers, Uppers                    int64
	Lower, Upper, LowerSensitivity, UpperSensitivity int64
}

// What a status says of a row in its three lowest bits. The next 13 name the
// entity or the component, those above count fixed intervals.
const (
	SampleDone  = iota
	SampleLeft  // the closed form does not answer
	SampleShape // a Beta distribution has no shape
	SampleLogs  // a logarithm is not finite
	SampleObs   // a component of the observation is not finite
)

// SampleStatus takes a status apart.
func SampleStatus(s int32) (what, which, fixed int) {
	return int(s & 7), int(s >> 3 & 0x1FFF), int(s >> 16)
}

// WordsArgs: for each row, Count blocks of two words of the stream with the given
// key and identity, from a block on: what SampleArgs draws from. All are uint64. Tests alone
// launch it, to hold the device's streams to package rng.
type WordsArgs struct {
	Keys, IDs, Blocks uint64
	Words             uint64 // Rows x Count x 2
	Rows, Count       int64
	Stride            int64
}

// Kernel implements Args.
func (*WordsArgs) Kernel() string { return "words" }

// Launch implements Args.
func (a *WordsArgs) Launch(int) Launch {
	return Launch{Grid: [3]int{ceil64(a.Rows, 128), 1, 1}, Block: [3]int{128, 1, 1}}
}
