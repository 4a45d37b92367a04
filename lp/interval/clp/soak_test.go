package clp

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp/constraints"
)

// resident returns the resident set of the process in MiB.
func resident(b *testing.B) float64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skipf("the resident set cannot be read: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}

// BenchmarkCLPSoak solves b.N linear programs and reports the resident set at the
// start, at most, and at the end: it must not grow. Ten million take
//
//	go test -run xxx -bench CLPSoak -benchtime 10000000x ./lp/interval
func BenchmarkCLPSoak(b *testing.B) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(b.Context(), p.Canonical(), 1e-6, runtime.GOMAXPROCS(0))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const rows = 64
	r := rand.New(rng.New(1, "soak"))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	chains := func(count int64) {
		for until := programs.Load() + count; programs.Load() < until; {
			c.Begin(rows, nil)
			for range p.Dim() {
				if err := c.Next(lo, hi); err != nil {
					b.Fatal(err)
				}
				for i := range a {
					a[i] = lo[i] + (hi[i]-lo[i])*r.Float64()
				}
				c.Fix(a)
			}
		}
	}
	chains(20_000) // warm
	start := resident(b)
	peak := start
	b.ResetTimer()
	const steps = 20
	for k := range steps {
		chains(int64(b.N*(k+1)/steps - b.N*k/steps))
		now := resident(b)
		peak = max(peak, now)
		if b.N >= 100_000 {
			b.Logf("%d programs: %.0f MiB", b.N*(k+1)/steps, now)
		}
	}
	b.StopTimer()
	runtime.GC()
	b.ReportMetric(start, "MiB-start")
	b.ReportMetric(peak, "MiB-peak")
	b.ReportMetric(resident(b), "MiB-end")
}
