//go:build gpu

package gpu

import (
	"sync"
	"unsafe"

	"paspo/cuda"
	"paspo/kernels"
	"paspo/policy"
	"paspo/policy/internal/network"
)

// batch is the memory on the device of the rows of all jobs of a run, job after job: inputs,
// results for every request, results that brief requests do not need, and arrays that stay on
// the device.
type batch struct {
	s     *sampler
	jobs  []batchJob
	rows  int
	brief bool // all jobs are brief

	onDevice, onHost []rowRange           // rows whose intervals the device or the host computes
	tiles            []kernels.SampleTile // of the next launches

	parts   []kernels.MomentsPart // rows that are added to statistics
	moments kernels.MomentsArgs   // offsets of parts and of their results

	arena   *cuda.Arena
	size    int64
	base    cuda.Ptr
	in, out []byte             // pinned copies of inputs and results
	args    kernels.SampleArgs // offsets from base
	outFrom int64              // offset of the results
	limited [4]bool            // whether a job has its own b, f, l, u
	anyOwn  bool               // whether a job has limits of its own
	status  []int32            // of every row, see kernels.SampleStatus

	mu sync.Mutex
}

type batchJob struct {
	*sampleJob
	first int // its first row in the batch

	// Guarded by the batch's mu.
	worst  float64 // largest residual
	fixed  int     // number of fixed intervals
	failed int     // the first row that failed, -1 for none
}

func (b *batch) close() error {
	if b.arena == nil {
		return nil
	}
	return b.arena.Close()
}

// field is an array of a batch.
type field struct {
	at    *uint64 // its offset
	bytes int     // size of a row
}

// begin lays out the memory, and uploads the inputs.
func (b *batch) begin(s *sampler, jobs []*sampleJob) error {
	b.s, b.jobs, b.rows, b.brief = s, b.jobs[:0], 0, true
	b.limited, b.anyOwn = [4]bool{}, false
	b.onDevice, b.onHost, b.parts = b.onDevice[:0], b.onHost[:0], b.parts[:0]
	for _, j := range jobs {
		b.jobs = append(b.jobs, batchJob{sampleJob: j, first: b.rows, worst: network.NoResidual, failed: -1})
		b.rows += j.req.Rows
		b.brief = b.brief && j.req.Brief
		j.err = nil
		b.noteLimits(j)
	}
	for i := range b.jobs {
		r := rowRange{&b.jobs[i], 0, b.jobs[i].req.Rows}
		b.addParts(r.job)
		if s.closed[r.job.g.index] && !r.job.ownMatrix() {
			b.onDevice = append(b.onDevice, r)
		} else {
			b.onHost = append(b.onHost, r)
		}
	}
	if len(b.onDevice) > 0 {
		s.tile(true, b.onDevice)
	} else {
		s.tile(false, b.onHost)
	}

	l := s.p.layout
	a := &b.args
	*a = kernels.SampleArgs{}
	n, h := l.Entities, l.Heads
	inputs := []field{{&a.Obs, 8 * l.Obs}, {&a.Keys, 8}, {&a.IDs, 8}, {&a.Drawn, 8}}
	if b.anyOwn {
		inputs = append(inputs, field{&a.Own, 4})
		for i, f := range []field{
			{&a.LimitB, 8 * int(s.args.WidthB)}, {&a.LimitE, 8 * int(s.args.WidthE)}, {&a.LimitL, 8 * n}, {&a.LimitU, 8 * n},
		} {
			if b.limited[i] {
				inputs = append(inputs, f)
			}
		}
	}
	results := []field{
		{&a.Actions, 8 * n}, {&a.Residual, 8}, {&a.DrawnOut, 8}, {&a.Value, 4}, {&a.LogProb, 4}, {&a.Entropy, 4},
		{&a.Alpha, 4 * h}, {&a.Beta, 4 * h}, {&a.Mask, 4 * h}, {&a.Status, 4},
	}
	details := []field{
		{&a.Prefix, 4 * n}, {&a.LogX, 4 * h}, {&a.Log1mX, 4 * h}, {&a.LogWidth, 4 * h}, {&a.Lower, 8 * n}, {&a.Upper, 8 * n},
	}
	rest := []field{{&a.Logits, 8 * h}, {&a.Latent, 4 * l.Latent()}, {&a.Chosen, 8}, {&a.Given, 16}}
	at := int64(0)
	take := func(dst *uint64, bytes int) {
		*dst = uint64(at)
		at += cuda.Aligned(int64(bytes))
	}
	place := func(fs []field) int64 {
		for _, f := range fs {
			take(f.at, f.bytes*b.rows)
		}
		return at
	}
	place(inputs)
	take(&b.moments.Parts, len(bytesOf(b.parts)))
	a.Tiles = uint64(at)
	inTo := int64(a.Tiles) + int64(len(bytesOf(b.tiles)))
	place([]field{{&a.Tiles, int(unsafe.Sizeof(kernels.SampleTile{}))}}) // one a row at most
	b.outFrom = at
	outTo := place(results)
	all := place(details)
	if !b.brief {
		outTo = all
	}
	place(rest)
	take(&b.moments.Mean, 8*l.Obs*len(b.parts))
	take(&b.moments.Squares, 8*l.Obs*len(b.parts))

	if at > b.size {
		if err := b.grow(at); err != nil {
			return err
		}
	}
	var err error
	if b.in, err = s.p.staging.take(int(inTo)); err != nil {
		return err
	}
	if b.out, err = s.p.staging.take(int(outTo - b.outFrom)); err != nil {
		return err
	}
	copy(b.in[b.moments.Parts:], bytesOf(b.parts))
	copy(b.in[a.Tiles:], bytesOf(b.tiles))
	inParallel(b.rows, b.pack)
	return s.p.stream.CopyIn(b.base, b.in)
}

func (b *batch) grow(size int64) error {
	if err := b.close(); err != nil {
		return err
	}
	b.arena, b.size = nil, 0
	var err error
	if b.arena, err = b.s.p.ctx.NewArena(size); err != nil {
		return err
	}
	b.base, b.size = b.arena.Take(size), size
	return nil
}

// retile uploads tiles of the given rows, whose intervals the host computes, for the next
// launches.
func (b *batch) retile(rows []rowRange) error {
	b.s.tile(false, rows)
	buf, err := b.s.p.staging.take(len(bytesOf(b.tiles)))
	if err != nil {
		return err
	}
	copy(buf, bytesOf(b.tiles))
	return b.s.p.stream.CopyIn(b.base+cuda.Ptr(b.args.Tiles), buf)
}

// noteLimits notes which limits of their own the states of a job have.
func (b *batch) noteLimits(j *sampleJob) {
	for i := range j.req.Limits {
		lim := &j.req.Limits[i]
		for k, x := range [...][]float64{lim.B, lim.F, lim.Lower, lim.Upper} {
			if x != nil {
				b.limited[k], b.anyOwn = true, true
			}
		}
	}
}

// setAddresses sets the addresses of the arrays of the batch.
func (b *batch) setAddresses(a *kernels.SampleArgs) {
	for _, f := range [][2]*uint64{
		{&a.Obs, &b.args.Obs}, {&a.Keys, &b.args.Keys}, {&a.IDs, &b.args.IDs}, {&a.Tiles, &b.args.Tiles},
		{&a.Actions, &b.args.Actions}, {&a.Residual, &b.args.Residual}, {&a.DrawnOut, &b.args.DrawnOut},
		{&a.Value, &b.args.Value}, {&a.LogProb, &b.args.LogProb}, {&a.Entropy, &b.args.Entropy},
		{&a.Alpha, &b.args.Alpha}, {&a.Beta, &b.args.Beta}, {&a.Mask, &b.args.Mask}, {&a.Status, &b.args.Status},
		{&a.Prefix, &b.args.Prefix}, {&a.LogX, &b.args.LogX}, {&a.Log1mX, &b.args.Log1mX}, {&a.LogWidth, &b.args.LogWidth},
		{&a.Lower, &b.args.Lower}, {&a.Upper, &b.args.Upper}, {&a.Logits, &b.args.Logits}, {&a.Latent, &b.args.Latent},
		{&a.Chosen, &b.args.Chosen}, {&a.Given, &b.args.Given},
	} {
		*f[0] = uint64(b.base) + *f[1]
	}
	a.Drawn = uint64(b.base) + b.args.Drawn
	if a.Draw > 0 {
		a.Drawn = a.DrawnOut // streams go on where the entity before stopped
	}
	if !b.anyOwn {
		return
	}
	a.Own = uint64(b.base) + b.args.Own
	for i, f := range [][2]*uint64{
		{&a.LimitB, &b.args.LimitB}, {&a.LimitE, &b.args.LimitE}, {&a.LimitL, &b.args.LimitL}, {&a.LimitU, &b.args.LimitU},
	} {
		if b.limited[i] {
			*f[0] = uint64(b.base) + *f[1]
		}
	}
}

// input returns the pinned copy of an input array.
func input[T any](b *batch, at uint64, width int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&b.in[at])), b.rows*width)
}

// output returns the pinned copy of a result array.
func output[T any](b *batch, at uint64, width int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&b.out[int64(at)-b.outFrom])), b.rows*width)
}

// each calls f for the parts of the jobs that lie in rows from..to-1 of the batch.
func (b *batch) each(from, to int, f func(j *batchJob, from, to int)) {
	for i := range b.jobs {
		j := &b.jobs[i]
		if lo, hi := max(from, j.first), min(to, j.first+j.req.Rows); lo < hi {
			f(j, lo-j.first, hi-j.first)
		}
	}
}

// pack copies the inputs of rows from..to-1 to pinned memory.
func (b *batch) pack(from, to int) {
	a, l := &b.args, b.s.p.layout
	obs := input[float64](b, a.Obs, l.Obs)
	keys, ids, drawn := input[uint64](b, a.Keys, 1), input[uint64](b, a.IDs, 1), input[uint64](b, a.Drawn, 1)
	b.each(from, to, func(j *batchJob, from, to int) {
		copy(obs[(j.first+from)*l.Obs:], j.req.Obs[from*l.Obs:to*l.Obs])
		if j.req.Rule == policy.Sampled {
			for r := from; r < to; r++ {
				keys[j.first+r], ids[j.first+r], drawn[j.first+r] = j.req.Streams[r].State()
			}
		}
		if b.anyOwn {
			b.packLimits(j, from, to)
		}
	})
}

func (b *batch) packLimits(j *batchJob, from, to int) {
	a, s := &b.args, b.s
	own := input[int32](b, a.Own, 1)
	_, rhs, _ := j.g.Polytope().Inequalities()
	_, f, _ := j.g.Polytope().Equalities()
	l, u := j.g.Polytope().Bounds()
	n := len(l)
	var arrays [4][]float64
	for i, x := range []struct {
		at    uint64
		width int
	}{{a.LimitB, int(s.args.WidthB)}, {a.LimitE, int(s.args.WidthE)}, {a.LimitL, n}, {a.LimitU, n}} {
		if b.limited[i] {
			arrays[i] = input[float64](b, x.at, x.width)
		}
	}
	widths, defaults := [4]int{int(s.args.WidthB), int(s.args.WidthE), n, n}, [4][]float64{rhs, f, l, u}
	for r := from; r < to; r++ {
		row := j.first + r
		own[row] = 1
		if j.req.Limits == nil {
			continue
		}
		lim := &j.req.Limits[r]
		for i, x := range [4][]float64{lim.B, lim.F, lim.Lower, lim.Upper} {
			if x != nil {
				own[row] = 0
			} else {
				x = defaults[i]
			}
			if len(x) != len(defaults[i]) {
				panic(network.BadBatch)
			}
			if b.limited[i] {
				copy(arrays[i][row*widths[i]:], x)
			}
		}
	}
}
