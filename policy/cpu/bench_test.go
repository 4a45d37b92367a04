package cpu

import (
	"fmt"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// loaded returns a backend that has loaded a batch.
func loaded(b testing.TB, entities, obs, minibatch, rows int) *Backend {
	c := newTestCPU(b, policytest.Simplex(b, entities), obs, minibatch, nil)
	req, out := policytest.RandomRequest(rows, obs, 1), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		b.Fatal(err)
	}
	if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
		b.Fatal(err)
	}
	return c
}

// One gradient step, Adam included, on one core.
func BenchmarkStep(b *testing.B) {
	for _, p := range policytest.PresetSizes {
		for _, m := range []int{64, 512} {
			b.Run(fmt.Sprintf("%s/%d", p.Name, m), func(b *testing.B) {
				c := loaded(b, p.Entities, p.Obs, m, m)
				rows, s := policytest.FirstRows(m), policytest.StepSettings()
				s.LearningRate = 1e-6 // so that all steps do the same work
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

// Sampling with intervals that take no time: the network, the draws and the check of
// residuals.
func BenchmarkSample(b *testing.B) {
	for _, p := range policytest.PresetSizes {
		for _, rows := range []int{8, 256, 4096} {
			b.Run(fmt.Sprintf("%s/%d", p.Name, rows), func(b *testing.B) {
				c := newTestCPU(b, policytest.Simplex(b, p.Entities), p.Obs, 64, nil)
				req, out := policytest.RandomRequest(rows, p.Obs, 1), &policy.Samples{}
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
