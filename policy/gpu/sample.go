//go:build gpu

package gpu

import (
	"fmt"
	"runtime"
	"sync"

	"paspo/cuda"
	"paspo/internal/stats"
	"paspo/kernels"
	"paspo/lp"
	"paspo/lp/interval/closedform"
)

// maxGPUResidual is the largest residual of an action that is returned.
const maxGPUResidual = 1e-6

// sampler decodes batches of actions on a device, those of all agents' requests in one launch.
// Before it, one or two launches add observations to statistics where requests say so. hostSampler
// decodes rows that the closed form does not answer. The action of a row does not depend on
// other rows.
type sampler struct {
	p      *program
	args   kernels.SampleArgs // arguments that all launches share
	layers *sampleLayers
	closed []bool      // for each agent, whether the device has its closed form
	fixed  *cuda.Arena // layers, models and tables
	batch  batch
	host   hostSampler
}

func newGPUSampler(p *program) (*sampler, error) {
	l := p.layout
	s := &sampler{p: p, layers: newSampleLayers(l)}
	s.args = kernels.SampleArgs{
		ObsDim: int64(l.Obs), Entities: int64(l.Entities), Heads: int64(l.Heads), LatentDim: int64(l.Latent()),
		LatentAt: s.layers.latentAt, Activations: s.layers.activations, Min: p.shape.Min, Max: p.shape.Max,
		Floor: stats.VarianceFloor,
	}
	if err := s.args.Fit(); err != nil {
		return nil, fmt.Errorf("policy: the network is too wide for the device: %w", err)
	}

	var t tables
	models := make([]kernels.SampleModel, len(p.agents))
	known := map[lp.Solver]kernels.SampleModel{}
	for k, g := range p.agents {
		m, ok := known[g.Solver]
		if !ok {
			t.polytope(&m, g.Polytope())
			if x, ok := g.Solver.(closedform.Tabled); ok {
				c := x.Tables()
				a := s.args
				if a.Rho = int64(c.Size); !c.IllConditioned && a.Fit() == nil {
					t.closed(&m, c, l.Entities)
				}
			}
			known[g.Solver] = m
		}
		m.Heads, m.Total, m.Threshold = int64(g.Heads), g.Total, g.Config.FixedWidth*g.Total
		models[k] = m
		s.closed = append(s.closed, m.Size > 0)
		s.args.Rho = max(s.args.Rho, m.Size)
		s.args.WidthB, s.args.WidthE = max(s.args.WidthB, m.Rows), max(s.args.WidthE, m.Equalities)
	}

	parts := [][]byte{bytesOf(s.layers.all), bytesOf(models), bytesOf(t.words)}
	size := int64(0)
	for _, b := range parts {
		size += cuda.Aligned(int64(len(b)))
	}
	var err error
	if s.fixed, err = p.ctx.NewArena(size); err != nil {
		return nil, err
	}
	for i, dst := range []*uint64{&s.args.Layers, &s.args.Models, &s.args.Tables} {
		at := s.fixed.Take(int64(len(parts[i])))
		*dst = uint64(at)
		if err := p.stream.CopyIn(at, parts[i]); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *sampler) close() {
	// A lost device has freed its memory already.
	_ = s.batch.close()
	if s.fixed != nil {
		_ = s.fixed.Close()
	}
}

// run serves jobs together.
func (s *sampler) run(jobs []*sampleJob) error {
	b := &s.batch
	if err := b.begin(s, jobs); err != nil {
		return err
	}
	// The memory of agents may have moved since the last launch.
	s.args.Params, s.args.Normalizer, s.args.Stride = uint64(s.p.params), uint64(s.p.normalizer), s.p.stride
	r := &s.p.rollout
	s.args.ToObs, s.args.ToPrefix, s.args.ToMask = uint64(r.obs), uint64(r.prefix), uint64(r.mask)
	s.args.ToLogX, s.args.ToLog1mX, s.args.ToLogWidth = uint64(r.logX), uint64(r.log1mX), uint64(r.logWidth)
	if err := s.learn(); err != nil {
		return err
	}

	rows := b.onHost
	if len(b.onDevice) > 0 {
		a := s.args
		a.From, a.To, a.Draw, a.Closed, a.Finish = 0, int64(len(s.layers.all)), -1, 1, 1
		if err := s.launch(&a); err != nil {
			return err
		}
		if err := b.copyOut(); err != nil {
			return err
		}
		for _, r := range b.onDevice {
			rows = append(rows, b.unanswered(r.job)...)
		}
	}
	if len(rows) > 0 {
		if err := s.host.run(s, rows); err != nil {
			return err
		}
		if err := b.copyOut(); err != nil {
			return err
		}
	}
	b.finish()
	return nil
}

// rowRange is a range from..to-1 of rows of a job.
type rowRange struct {
	job      *batchJob
	from, to int
}

// launch queues a launch on the tiles of the batch.
func (s *sampler) launch(a *kernels.SampleArgs) error {
	b := &s.batch
	if a.Closed == 0 {
		a.Rho = 0
	}
	a.TileRows, a.TileCount = tileRows(a), int64(len(b.tiles))
	b.setAddresses(a)
	return s.p.kernels.Launch(s.p.stream, a, 1)
}

// tileRows returns the size of the largest tiles that fit.
func tileRows(a *kernels.SampleArgs) int64 {
	for _, rows := range kernels.SampleTileRows {
		if a.TakesTile(rows) {
			return int64(rows)
		}
	}
	panic("policy: no tile fits")
}

// tile splits ranges of rows into the tiles of the next launches.
func (s *sampler) tile(closed bool, ranges []rowRange) {
	a := s.args
	if !closed {
		a.Rho = 0
	}
	rows, tiles := tileRows(&a), s.batch.tiles[:0]
	for _, r := range ranges {
		req := r.job.req
		t := kernels.SampleTile{Agent: int64(r.job.g.index), Keep: -1, Rule: int64(req.Rule)}
		for from := r.from; from < r.to; from += int(rows) {
			t.First, t.Rows = int64(r.job.first+from), min(rows, int64(r.to-from))
			if req.Keep {
				t.Keep = int64(req.At + from)
			}
			tiles = append(tiles, t)
		}
	}
	s.batch.tiles = tiles
}

// inParallel calls f for parts of n rows, on several CPUs where there are many rows.
func inParallel(n int, f func(from, to int)) {
	const least = 2048
	workers := min(runtime.GOMAXPROCS(0), (n+least-1)/least)
	if workers <= 1 {
		f(0, n)
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() { f(w*n/workers, (w+1)*n/workers) })
	}
	wait.Wait()
}
