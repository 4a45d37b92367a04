package policy

import (
	"fmt"
	"testing"

	G "gorgonia.org/gorgonia"
)

// presetSizes are the entities and observations of the paper's settings.
var presetSizes = []struct {
	name          string
	entities, obs int
}{{"portfolio", 13, 27}, {"compute", 9, 18}, {"synthetic", 7, 3}}

// loaded returns a backend with a batch to step on.
func loaded(b testing.TB, entities, obs, minibatch, rows int) *CPU {
	c := newTestCPU(b, simplex(b, entities), obs, minibatch, nil)
	req, out := request(rows, obs, 1), &Samples{}
	if err := c.Sample(req, out); err != nil {
		b.Fatal(err)
	}
	if err := c.Load(batchOf(req, out, 1)); err != nil {
		b.Fatal(err)
	}
	return c
}

// One gradient step, Adam included, on one core.
func BenchmarkStep(b *testing.B) {
	for _, p := range presetSizes {
		for _, m := range []int{64, 512} {
			b.Run(fmt.Sprintf("%s/%d", p.name, m), func(b *testing.B) {
				c := loaded(b, p.entities, p.obs, m, m)
				rows, s := rowsOf(m), settings()
				s.LearningRate = 1e-6 // the batch stays what it is
				b.ReportAllocs()
				for b.Loop() {
					if err := c.Step(rows, s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The graph alone, by the machine that training uses and by Gorgonia's.
func BenchmarkGraph(b *testing.B) {
	c := loaded(b, 13, 27, 64, 64)
	b.Run("machine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.graph.step.RunAll()
		}
	})
	b.Run("tape", func(b *testing.B) {
		tape := G.NewTapeMachine(c.graph.expr)
		defer tape.Close()
		b.ReportAllocs()
		for b.Loop() {
			tape.Reset()
			if err := tape.RunAll(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Sampling with intervals that cost nothing: the network, the draws and the
// check of the result.
func BenchmarkSample(b *testing.B) {
	for _, p := range presetSizes {
		for _, rows := range []int{8, 256, 4096} {
			b.Run(fmt.Sprintf("%s/%d", p.name, rows), func(b *testing.B) {
				c := newTestCPU(b, simplex(b, p.entities), p.obs, 64, nil)
				req, out := request(rows, p.obs, 1), &Samples{}
				b.ReportAllocs()
				for b.Loop() {
					if err := c.Sample(req, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "actions/s")
			})
		}
	}
}
