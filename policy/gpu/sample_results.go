//go:build gpu

package gpu

import (
	"fmt"
	"slices"

	"paspo/cuda"
	"paspo/kernels"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/network"
)

// copyOut copies the results to pinned memory and waits for them.
func (b *batch) copyOut() error {
	p := b.s.p
	if err := p.stream.CopyOut(b.out, b.base+cuda.Ptr(b.outFrom)); err != nil {
		return err
	}
	if err := p.stream.Sync(); err != nil {
		return err
	}
	b.status = output[int32](b, b.args.Status, 1)
	return nil
}

// unanswered returns the rows of a job that the closed form does not answer.
func (b *batch) unanswered(j *batchJob) []rowRange {
	var out []rowRange
	for r := range j.req.Rows {
		if outcome, _, _ := kernels.SampleStatus(b.status[j.first+r]); outcome != kernels.SampleLeft {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].to == r {
			out[k].to++
		} else {
			out = append(out, rowRange{j, r, r + 1})
		}
	}
	return out
}

// finish copies the results to the samples and the errors of the jobs.
func (b *batch) finish() {
	inParallel(b.rows, b.unpack)
	for i := range b.jobs {
		b.jobs[i].finish(b)
	}
}

func (b *batch) unpack(from, to int) {
	a := &b.args
	drawn := output[uint64](b, a.DrawnOut, 1)
	b.each(from, to, func(j *batchJob, from, to int) {
		o, n, h := j.out, j.g.Layout.Entities, j.g.Heads
		lift(b, o.Actions, a.Actions, n, j, from, to)
		for _, f := range []struct {
			dst   []float32
			at    uint64
			width int
		}{
			{o.Value, a.Value, 1}, {o.LogProb, a.LogProb, 1}, {o.Entropy, a.Entropy, 1},
			{o.Alpha, a.Alpha, h}, {o.Beta, a.Beta, h}, {o.Mask, a.Mask, h},
		} {
			lift(b, f.dst, f.at, f.width, j, from, to)
		}
		b.check(j, from, to)
		if j.req.Rule == policy.Sampled {
			for r := from; r < to; r++ {
				j.req.Streams[r].SetDrawn(drawn[j.first+r])
			}
		}
		if j.req.Brief {
			return
		}
		lift(b, o.Prefix, a.Prefix, n, j, from, to)
		lift(b, o.Lower, a.Lower, n, j, from, to)
		lift(b, o.Upper, a.Upper, n, j, from, to)
		lift(b, o.LogX, a.LogX, h, j, from, to)
		lift(b, o.Log1mX, a.Log1mX, h, j, from, to)
		lift(b, o.LogWidth, a.LogWidth, h, j, from, to)
	})
}

// lift copies rows of a result array to dst, a slice of the job's samples.
func lift[T any](b *batch, dst []T, at uint64, width int, j *batchJob, from, to int) {
	if width > 0 {
		copy(dst[from*width:to*width], output[T](b, at, width)[(j.first+from)*width:])
	}
}

// ownMatrix reports whether a state of the job has a matrix of its own.
func (j *batchJob) ownMatrix() bool {
	return slices.ContainsFunc(j.req.Limits, func(l lp.Limits) bool { return l.A != nil })
}

// check measures the residuals of the actions of some rows and notes the first row that failed.
func (b *batch) check(j *batchJob, from, to int) {
	worst, fixed, failed := network.NoResidual, 0, -1
	for r := from; r < to; r++ {
		var lim *lp.Limits
		if j.req.Limits != nil {
			lim = &j.req.Limits[r]
		}
		// The device divides residuals by at least 1, not by sizes of entities, and has only
		// the polytope's own matrix.
		n := j.g.Layout.Entities
		res := j.g.Polytope().Residual(j.out.Actions[r*n:(r+1)*n], lim)
		j.out.Residual[r] = res
		worst = max(worst, res)
		outcome, _, count := kernels.SampleStatus(b.status[j.first+r])
		fixed += count
		if failed < 0 && !(outcome == kernels.SampleDone && res <= maxGPUResidual) {
			failed = r
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	j.worst = max(j.worst, worst)
	j.fixed += fixed
	if failed >= 0 && (j.failed < 0 || failed < j.failed) {
		j.failed = failed
	}
}

// finish completes the samples of a job and sets the error of the first row that failed.
func (j *batchJob) finish(b *batch) {
	g, req, out := j.g, j.req, j.out
	if req.Brief {
		for _, s := range []*[]float32{&out.Prefix, &out.LogX, &out.Log1mX, &out.LogWidth} {
			*s = (*s)[:0]
		}
		out.Lower, out.Upper = out.Lower[:0], out.Upper[:0]
	}
	out.FixedShare, out.MaxResidual = 0, j.worst
	if g.Heads > 0 {
		out.FixedShare = float64(j.fixed) / float64(req.Rows*g.Heads)
	}
	if j.err != nil || j.failed < 0 {
		return
	}
	r, n := j.failed, g.Layout.Entities
	switch outcome, which, _ := kernels.SampleStatus(b.status[j.first+r]); outcome {
	case kernels.SampleObs:
		j.err = &policy.ObservationError{Row: r, Component: which, Value: req.Obs[r*g.Layout.Obs+which]}
	case kernels.SampleShape:
		k := r*g.Heads + which
		j.err = &policy.NonFiniteError{
			Tensor: fmt.Sprintf("the distribution of %s, Beta(%g, %g),", g.Polytope().Entities()[which], out.Alpha[k], out.Beta[k]), Step: g.time,
		}
	case kernels.SampleLogs:
		j.err = &policy.NonFiniteError{Tensor: "the logarithms of a sample", Step: g.time}
	default:
		var lim *lp.Limits
		if req.Limits != nil {
			lim = &req.Limits[r]
		}
		res, name := g.Polytope().WorstConstraint(out.Actions[r*n:(r+1)*n], lim)
		j.err = fmt.Errorf("policy: the action of row %d leaves the polytope: %s is violated by a scaled %.3g, more than %g", r, name, res, maxGPUResidual)
	}
}
