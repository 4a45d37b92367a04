package ppo

import (
	"fmt"
	"math"
)

// varianceFloor is added to a variance before its root divides.
const varianceFloor = 1e-8

// Normalizer standardises observations by their running mean and deviation,
//
//	z = (x - mean) / sqrt(var + 1e-8),
//
// clipped to [-clip, clip] where clip > 0. Training updates it; evaluation and
// deployment apply it as it is. One that is off, or has seen nothing, only
// converts to float32.
type Normalizer struct {
	on    bool
	clip  float64
	stats *moments
}

// NewNormalizer returns a normaliser of observations of dim components.
func NewNormalizer(dim int, on bool, clip float64) *Normalizer {
	return &Normalizer{on, clip, newMoments(dim)}
}

// Dim returns the number of components of an observation.
func (n *Normalizer) Dim() int { return len(n.stats.mean) }

// On says whether observations are standardised.
func (n *Normalizer) On() bool { return n.on }

// Count returns the number of observations seen.
func (n *Normalizer) Count() float64 { return n.stats.count }

// Mean and Deviation return the running mean and deviation of component j.
func (n *Normalizer) Mean(j int) float64      { return n.stats.mean[j] }
func (n *Normalizer) Deviation(j int) float64 { return n.stats.std(j) }

// Update takes the rows of obs into the running statistics.
func (n *Normalizer) Update(obs []float64) {
	if n.on {
		n.stats.add(obs)
	}
}

// Apply writes the standardised rows of obs. The error names a component that is
// not a finite float32 afterwards.
func (n *Normalizer) Apply(dst []float32, obs []float64) error {
	dim := n.Dim()
	if len(dst) != len(obs) || len(obs)%dim != 0 {
		panic(badRollout)
	}
	use := n.on && n.stats.count > 0
	for i, x := range obs {
		if use {
			j := i % dim
			x = (x - n.stats.mean[j]) / math.Sqrt(n.stats.variance(j)+varianceFloor)
			if n.clip > 0 {
				x = min(max(x, -n.clip), n.clip)
			}
		}
		z := float32(x)
		if math.IsNaN(float64(z)) || math.IsInf(float64(z), 0) {
			return fmt.Errorf("component %d of the observation of row %d is %g after normalisation", i%dim, i/dim, obs[i])
		}
		dst[i] = z
	}
	return nil
}

// Clone returns a copy that shares nothing with n.
func (n *Normalizer) Clone() *Normalizer { return &Normalizer{n.on, n.clip, n.stats.clone()} }
