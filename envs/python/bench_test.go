package python_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/lp"
)

// BenchmarkStep measures a step of all environments where the environments themselves do nothing: the mean, the median, and
// what the fastest hundredth of steps takes at most, whose cores other work has left alone.
func BenchmarkStep(b *testing.B) {
	if interpreter() == "" {
		b.Skip("SKIPPED: no python3 with NumPy; PASPO_TEST_PYTHON may name one")
	}
	for _, workers := range []int{1, 2} {
		for _, count := range []int{1, 4, 16, 64} {
			b.Run(fmt.Sprintf("workers=%d/envs=%d", workers, count), func(b *testing.B) {
				c := python.DefaultConfig()
				c.Interpreter, c.Path, c.Workers = interpreter(), "testdata", workers
				p, err := python.Open("python:tiny:Idle", c, nil, lp.New)
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				v, err := envs.NewVector(p, envs.VectorConfig{Count: count, Seed: 1, Workers: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer v.Close()
				actions := make([]float64, 2*count)
				var took []float64
				for b.Loop() {
					begin := time.Now()
					if err := v.Step(actions); err != nil {
						b.Fatal(err)
					}
					took = append(took, float64(time.Since(begin)))
				}
				slices.Sort(took)
				b.ReportMetric(took[len(took)/2], "ns/median")
				b.ReportMetric(took[len(took)/100], "ns/hundredth")
			})
		}
	}
}
