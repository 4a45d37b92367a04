package walkforward

import (
	"context"
	"flag"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"paspo/envs/market"
	"paspo/internal/long"
	"paspo/internal/marketmodel"
	"paspo/internal/prices"
	"paspo/internal/rng"
	"paspo/internal/run/config"
)

// planted is prices of three assets with independent returns over some months, of which that
// of the first follows its last one by a share.
func planted(follows float64, months int, seed uint64) *prices.Table {
	r := rand.New(rng.New(seed, "planted"))
	t := &prices.Table{Name: "t", Tickers: []string{"A", "B", "C"}}
	row, last := []float64{10, 10, 10}, 0.
	for i := range months + 1 {
		t.Dates = append(t.Dates, time.Date(2000, time.Month(1+i), 28, 0, 0, 0, 0, time.UTC))
		t.Prices = append(t.Prices, append([]float64(nil), row...))
		last = follows*last + 0.04*math.Sqrt(1-follows*follows)*r.NormFloat64()
		for j, x := range []float64{last, 0.04 * r.NormFloat64(), 0.04 * r.NormFloat64()} {
			row[j] *= math.Exp(x)
		}
	}
	return t
}

// signalWalk trains on the first half of the periods and trades the second.
func signalWalk(t *testing.T, table *prices.Table, steps string) *Summary {
	t.Helper()
	half := len(table.Dates) / 2
	w := Walk{
		Settings: Settings{Every: "month", Window: half, Trade: half, Model: marketmodel.Bootstrap},
		Prices:   table, Polytope: polytope(t, market.Simplex(table.Tickers)), Dir: filepath.Join(t.TempDir(), "walk"),
		Load: func(s ...config.Setting) (*config.Config, error) {
			return config.LoadOver("auto", "", []string{"steps=" + steps, "debias.points=1000", "debias.cache_dir=", "report.episodes=8",
				"env.market.features=[return]", "ppo.eval_episodes=20"}, s)
		},
	}
	s, err := w.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s.Rows[0].Excess)
	return s
}

// A signal that is there is found out of sample: the trained policy holds an asset when it
// is about to rise.
func TestPlantedSignal(t *testing.T) {
	r := signalWalk(t, planted(0.9, 240, 2), "16384").Rows[0]
	if !(r.Excess.Low > 0) {
		t.Errorf("the signal is not found: %+v", r)
	}
}

// The quadratic programs of a walk end, whatever they begin at: near an optimum what is left to
// gain is lost in the rounding of values.
func TestQuadraticsEnd(t *testing.T) {
	long.Test(t)
	p := polytope(t, market.Simplex([]string{"A", "B", "C"}))
	for seed := range uint64(20) {
		var growth [][]float64
		for _, row := range planted(0, 240, seed).Returns() {
			growth = append(growth, []float64{1, 1 + row[0], 1 + row[1], 1 + row[2]})
		}
		for _, mean := range []float64{0, 1} {
			a := []float64{0.25, 0.25, 0.25, 0.25}
			for k := range 120 {
				var err error
				if a, err = minimumVariance(unborrowed(p), nil, a, growth[k:k+120], mean); err != nil {
					t.Fatalf("seed %d, mean %v, period %d: %v", seed, mean, k, err)
				}
			}
		}
	}
}

var (
	planting      = flag.Int("seeds", 0, "seeds of TestPlantedOverSeeds")
	plantedMonths = flag.Int("months", 480, "months of TestPlantedOverSeeds, half of which are traded")
)

// Over many seeds a signal is found and one that is not there is not, at a level for all looks
// together: each has its share of 5 % (Bonferroni).
func TestPlantedOverSeeds(t *testing.T) {
	if *planting == 0 {
		t.Skip("SKIPPED: -seeds says over how many; each takes some seconds")
	}
	one := 1 - 0.05/float64(*planting)
	found, alone := map[bool]int{}, map[bool]int{} // alone is what one look would say
	for k := range *planting {
		for _, signal := range []bool{true, false} {
			follows := 0.
			if signal {
				follows = 0.9
			}
			s := signalWalk(t, planted(follows, *plantedMonths, uint64(1+k)), "131072")
			a, b := s.Tracks[0].Log, s.Tracks[1].Log
			iv := blocks(len(a), 1, one, func(idx []int) (sum float64) {
				for _, i := range idx {
					sum += a[i] - b[i]
				}
				return sum
			})
			if iv.Low > 0 {
				found[signal]++
			}
			if s.Rows[0].Excess.Low > 0 {
				alone[signal]++
			}
		}
	}
	t.Logf("of %d: found where there is a signal %d, where there is none %d; by one look each %d and %d", *planting, found[true], found[false], alone[true], alone[false])
	if *plantedMonths >= 480 && found[true] < *planting || found[false] > 0 {
		t.Error("a signal is missed, or found where there is none")
	}
}
