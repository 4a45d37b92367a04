package policy

import (
	"fmt"
	"slices"

	"paspo/internal/stats"
)

// Normalizer standardises observations by their running mean and deviation,
//
//	z = (x - mean) / sqrt(var + 1e-8),
//
// or x - mean where all values so far were the same up to rounding, clipped to [-Clip, Clip] where Clip > 0. A normaliser that is off, or has seen nothing,
// only converts to float32.
type Normalizer struct {
	On   bool           // it standardises
	Clip float64        // 0 for no clipping
	Seen *stats.Moments // of the observations so far

	deviation []float64 // scratch
}

// NewNormalizer returns a normaliser of observations of dim components.
func NewNormalizer(dim int, on bool, clip float64) *Normalizer {
	return &Normalizer{On: on, Clip: clip, Seen: stats.NewMoments(dim)}
}

// Dim returns the number of components of an observation.
func (n *Normalizer) Dim() int { return len(n.Seen.Mean) }

// Update adds the rows of obs (rows x Dim) to the running statistics.
func (n *Normalizer) Update(obs []float64) {
	if n.On {
		n.Seen.Add(obs)
	}
}

// Deviation returns what component j is divided by. It is 1 where all values so far were the same up
// to rounding: they say nothing of the scale of another one, as a flag is that only the final
// observations of episodes have.
func (n *Normalizer) Deviation(j int) float64 {
	if mean := n.Seen.Mean[j]; n.Seen.Variance(j) <= 1e-24*mean*mean {
		return 1
	}
	return n.Seen.Deviation(j)
}

// Apply writes the standardised rows of obs (rows x Dim) to dst. A component that is not a
// finite float32 afterwards is an *ObservationError.
func (n *Normalizer) Apply(dst []float32, obs []float64) error {
	dim := n.Dim()
	if len(dst) != len(obs) || len(obs)%dim != 0 {
		panic("policy: bad length of observations")
	}
	use := n.On && n.Seen.Count > 0
	if use {
		n.deviation = slices.Grow(n.deviation[:0], dim)[:dim]
		for j := range n.deviation {
			n.deviation[j] = n.Deviation(j)
		}
	}
	for at := 0; at < len(obs); at += dim {
		to := dst[at : at+dim]
		for j, x := range obs[at : at+dim] {
			if use {
				x = (x - n.Seen.Mean[j]) / n.deviation[j]
				if n.Clip > 0 {
					x = min(max(x, -n.Clip), n.Clip)
				}
			}
			if to[j] = float32(x); to[j]-to[j] != 0 {
				return &ObservationError{Row: at / dim, Component: j, Value: obs[at+j]}
			}
		}
	}
	return nil
}

// ObservationError says that a component of an observation is not a finite float32
// once it is normalised.
type ObservationError struct {
	Row, Component int     // from 0 on
	Value          float64 // before it was normalised
}

func (e *ObservationError) Error() string {
	return fmt.Sprintf("policy: component %d of the observation of row %d, which is %g, is not finite after normalisation", e.Component, e.Row, e.Value)
}

// Clone returns a copy that shares nothing with n.
func (n *Normalizer) Clone() *Normalizer {
	return &Normalizer{On: n.On, Clip: n.Clip, Seen: n.Seen.Clone()}
}
