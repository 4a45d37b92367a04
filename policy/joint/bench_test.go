package joint

import (
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// benchmarked returns a backend of the size of the portfolio benchmark with a batch.
func benchmarked(b *testing.B) (*Backend, *policy.Request) {
	entities := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}
	p := polytope(lp.Description{Entities: entities, Total: 1})
	f := must(NewDirichlet(p, policy.DefaultConfig()))
	backend := New(f, 27, 5, policy.DefaultConfig(), 1)
	req := policytest.RandomRequest(512, 27, 3)
	req.Keep = true
	policytest.MustSample(b, backend, req)
	if err := backend.Load(&policy.Batch{
		Rows: 512, Advantage: make([]float32, 512), Return: make([]float32, 512), CostReturn: make([]float32, 512*5),
	}); err != nil {
		b.Fatal(err)
	}
	return backend, req
}

func BenchmarkStep(b *testing.B) {
	backend, _ := benchmarked(b)
	rows := policytest.FirstRows(64)
	b.ReportAllocs()
	for b.Loop() {
		if err := backend.Step(rows, policytest.StepSettings()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	backend, req := benchmarked(b)
	req.Keep, req.Rows, req.Obs, req.Streams = false, 8, req.Obs[:8*27], req.Streams[:8]
	out := &policy.Samples{}
	b.ReportAllocs()
	for b.Loop() {
		if err := backend.Sample(req, out); err != nil {
			b.Fatal(err)
		}
	}
}

// Families at outputs of 0, and the truncated normal at sharper ones.
func BenchmarkFamilies(b *testing.B) {
	p := preset("portfolio")
	for name, f := range confined(p) {
		z, draw, action := buffers(f)
		at := map[string][]float32{"": z}
		if name == "truncated-normal" {
			at = members(p.Dim())
		}
		for kind, z := range at {
			grad, s := make([]float32, len(z)), rng.New(1)
			b.Run(name+"/sample/"+kind, func(b *testing.B) {
				for b.Loop() {
					if err := f.Sample(z, policy.Sampled, nil, s, draw, action); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/log-prob/"+kind, func(b *testing.B) {
				for b.Loop() {
					f.LogProb(z, draw, grad)
				}
			})
		}
	}
}
