package python_test

import (
	"fmt"
	"testing"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/lp"
)

// BenchmarkStep measures a step of all environments where the environments themselves do nothing.
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
				b.ReportAllocs()
				for b.Loop() {
					if err := v.Step(actions); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
