//go:build gpu

package gpu

import (
	"sync"
	"unsafe"

	"paspo/cuda"
	"paspo/kernels"
	"paspo/policy"
)

// train runs the queues of some agents: an upload for each, passes for log-probabilities under the
// old policy where a batch is new, a replay of the gradient step for every step of the longest
// queue, and one wait.
func (p *program) train(agents []*Backend) error {
	rows, steps := 0, 0
	for _, g := range agents {
		rows, steps = max(rows, g.batch.Rows), max(steps, len(g.count))
	}
	if err := p.reserve(rows, steps); err != nil {
		return err
	}

	old := 0
	controls := make([]*kernels.Control, len(agents))
	for _, g := range agents {
		if g.loading {
			old = max(old, (g.batch.Rows+p.minibatch-1)/p.minibatch)
		}
		if !g.batch.Kept() && (g.loading || g.displaced) {
			if err := p.uploadSamples(g); err != nil {
				return err
			}
		}
		if err := p.uploadQueue(g); err != nil {
			return err
		}
	}
	for range old {
		if err := p.old.Queue(); err != nil {
			return err
		}
	}
	for range steps {
		if err := p.step.Queue(); err != nil {
			return err
		}
	}
	for i, g := range agents {
		back, err := p.staging.take(kernels.ControlBytes)
		if err != nil {
			return err
		}
		if err := p.stream.CopyOut(back, p.memory.At(g.index, p.at.control)); err != nil {
			return err
		}
		controls[i] = (*kernels.Control)(unsafe.Pointer(&back[0]))
	}
	if err := p.stream.Sync(); err != nil {
		return err
	}
	for i, g := range agents {
		g.absorb(controls[i])
		if controls[i].Bad != 0 {
			if err := p.findNonFinite(g, controls[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// uploadQueue copies control blocks, minibatches, and advantages and returns of a new batch, all
// by one copy.
func (p *program) uploadQueue(g *Backend) error {
	at := &p.at
	from := at.control
	if g.loading {
		from = at.advantage
	}
	buf, err := p.staging.take(int(at.perm-from) + 4*len(g.perm))
	if err != nil {
		return err
	}
	put := func(offset int64, b []byte) { copy(buf[offset-from:], b) }
	control, old := kernels.Control{
		Steps: int64(len(g.count)), Time: g.time,
		LearningRate: g.settings.LearningRate, Clip: g.settings.Clip, ValueCoef: g.settings.ValueCoef, EntropyCoef: g.settings.EntropyCoef,
		MaxGradNorm: g.settings.MaxGradNorm, WeightDecay: g.settings.WeightDecay,
		Beta1: g.settings.Beta1, Beta2: g.settings.Beta2, Epsilon: g.settings.Epsilon,
	}, kernels.Control{}
	if g.loading {
		put(at.advantage, bytesOf(g.batch.Advantage))
		put(at.target, bytesOf(g.batch.Return))
		old.Steps = int64((g.batch.Rows + p.minibatch - 1) / p.minibatch)
	}
	put(at.control, bytesOf([]kernels.Control{control}))
	put(at.oldControl, bytesOf([]kernels.Control{old}))
	put(at.count, bytesOf(g.count))
	put(at.perm, bytesOf(g.perm))
	return p.stream.CopyIn(p.memory.At(g.index, from), buf)
}

// uploadSamples copies the samples of a batch that has its own to the place of kept rows.
func (p *program) uploadSamples(g *Backend) error {
	b, at := g.batch, &p.at
	g.kept, g.displaced = 0, false
	for _, f := range []struct {
		at   int64
		data []float32
	}{
		{at.obs, b.Obs}, {at.prefix, b.Prefix}, {at.logX, b.LogX}, {at.log1mX, b.Log1mX}, {at.logWidth, b.LogWidth}, {at.mask, b.Mask},
	} {
		if err := p.upload(g, f.at, bytesOf(f.data)); err != nil {
			return err
		}
	}
	return nil
}

// upload copies data to the block of an agent.
func (p *program) upload(g *Backend, at int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	buf, err := p.staging.take(len(data))
	if err != nil {
		return err
	}
	copy(buf, data)
	return p.stream.CopyIn(p.memory.At(g.index, at), buf)
}

// download queues a copy of n floats from the block of an agent. The result is valid from the next
// Sync until the staging memory is reset.
func (p *program) download(g *Backend, at int64, n int) ([]float32, error) {
	buf, err := p.staging.take(4 * n)
	if err != nil || n == 0 {
		return nil, err
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&buf[0])), n), p.stream.CopyOut(buf, p.memory.At(g.index, at))
}

// states serves the requests for states.
func (p *program) states(rs []*request) error {
	l, at := p.layout, &p.at
	served := false
	downloads := map[*request][]float32{}
	n := int(at.normalizer-at.params+kernels.NormalizerBytes(l.Obs)) / 4
	for _, r := range rs {
		switch r.kind {
		case requestState:
			x, err := p.download(r.g, at.params, n)
			if err != nil {
				return err
			}
			downloads[r] = x
		case requestSetState:
			x := make([]float32, n)
			l.Fill(x, r.state.Params)
			l.Fill(x[(at.m-at.params)/4:], r.state.M)
			l.Fill(x[(at.v-at.params)/4:], r.state.V)
			putNormalizer(bytesOf(x[(at.normalizer-at.params)/4:]), r.state.Normalizer)
			if err := p.upload(r.g, at.params, bytesOf(x)); err != nil {
				return err
			}
			r.g.seen = r.state.Normalizer.Seen.Count
		default:
			continue
		}
		served = true
	}
	if !served {
		return nil
	}
	if err := p.stream.Sync(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for r, x := range downloads {
		wg.Go(func() {
			part := func(from int64) []policy.Tensor { return l.Copies(x[(from-at.params)/4:]) }
			*r.state = policy.State{
				Params: part(at.params), M: part(at.m), V: part(at.v), Step: r.g.time,
				Normalizer: getNormalizer(bytesOf(x[(at.normalizer-at.params)/4:])),
			}
		})
	}
	wg.Wait()
	return nil
}

// bytesOf returns the memory of x.
func bytesOf[T any](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}

// staging is pinned memory for copies that are under way. reset frees all of it for reuse, and must
// come after the copies are done.
type staging struct {
	ctx  *cuda.Context
	buf  []byte
	used int
	free func()   // frees buf
	old  []func() // free earlier buffers, which were too small
}

// take returns n bytes of the memory.
func (s *staging) take(n int) ([]byte, error) {
	const align = 256
	if s.used+n > len(s.buf) {
		buf, free, err := s.ctx.Pinned(max(n, 2*len(s.buf), 1<<16))
		if err != nil {
			return nil, err
		}
		if s.free != nil {
			s.old = append(s.old, s.free)
		}
		s.buf, s.free, s.used = buf, free, 0
	}
	b := s.buf[s.used : s.used+n : s.used+n]
	s.used = min((s.used+n+align-1)&^(align-1), len(s.buf))
	return b, nil
}

// reset makes all of the memory available again.
func (s *staging) reset() {
	s.used = 0
	for _, free := range s.old {
		free()
	}
	s.old = s.old[:0]
}

func (s *staging) close() {
	s.reset()
	if s.free != nil {
		s.free()
	}
	*s = staging{ctx: s.ctx}
}
