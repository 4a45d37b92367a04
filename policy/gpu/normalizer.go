//go:build gpu

package gpu

import (
	"slices"
	"unsafe"

	"paspo/internal/stats"
	"paspo/kernels"
	"paspo/policy"
)

// putNormalizer writes a normaliser in the layout of the device.
func putNormalizer(b []byte, n *policy.Normalizer) {
	h, sums := normalizerIn(b)
	*h = kernels.Normalizer{Count: n.Seen.Count, Clip: n.Clip}
	if n.On {
		h.On = 1
	}
	copy(sums, n.Seen.Mean)
	copy(sums[n.Dim():], n.Seen.M2)
}

// getNormalizer reads a normaliser in the layout of the device.
func getNormalizer(b []byte) *policy.Normalizer {
	h, sums := normalizerIn(b)
	dim := len(sums) / 2
	return &policy.Normalizer{On: h.On != 0, Clip: h.Clip, Seen: &stats.Moments{
		Count: h.Count, Mean: slices.Clone(sums[:dim]), M2: slices.Clone(sums[dim:]),
	}}
}

// normalizerIn returns the header of a normaliser and its sums, in memory that is aligned for
// float64.
func normalizerIn(b []byte) (*kernels.Normalizer, []float64) {
	h := (*kernels.Normalizer)(unsafe.Pointer(&b[0]))
	return h, floatsIn(b[unsafe.Sizeof(*h):])
}

// addParts lists the rows of a job that are to be added to the statistics of observations.
func (b *batch) addParts(j *batchJob) {
	if !j.req.Learn || !j.g.standardises {
		return
	}
	n := (j.req.Rows + kernels.MomentsRows - 1) / kernels.MomentsRows
	for i := range n {
		from := i * kernels.MomentsRows
		b.parts = append(b.parts, kernels.MomentsPart{
			Agent: int64(j.g.index), First: int64(j.first + from), Rows: int64(min(kernels.MomentsRows, j.req.Rows-from)),
			Index: int64(i), Count: int64(n), Before: j.g.seen,
		})
	}
}

// learn queues the launches that add observations to the statistics.
func (s *sampler) learn() error {
	b := &s.batch
	if len(b.parts) == 0 {
		return nil
	}
	several := func(p kernels.MomentsPart) bool { return p.Count > 1 }
	launch := func(a kernels.Args, ofSeveral bool) error {
		if err := s.p.kernels.Launch(s.p.stream, a, 1); err != nil {
			return err
		}
		for _, p := range b.parts {
			if several(p) == ofSeveral {
				s.p.agents[p.Agent].seen += float64(p.Rows)
			}
		}
		return nil
	}
	at := uint64(b.base)
	a := kernels.MomentsArgs{
		Obs: at + b.args.Obs, Parts: at + b.moments.Parts, Mean: at + b.moments.Mean, Squares: at + b.moments.Squares,
		Normalizer: s.args.Normalizer, ObsDim: s.args.ObsDim, PartCount: int64(len(b.parts)), Stride: s.args.Stride,
	}
	if err := launch(&a, false); err != nil || !slices.ContainsFunc(b.parts, several) {
		return err
	}
	merge := kernels.MergeMomentsArgs(a)
	return launch(&merge, true)
}
