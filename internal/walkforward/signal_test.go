package walkforward

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"paspo/envs/market"
	"paspo/internal/marketmodel"
	"paspo/internal/prices"
	"paspo/internal/rng"
	"paspo/internal/run/config"
)

// planted is prices of three assets with independent returns, of which that of the first
// follows its last one by a share.
func planted(follows float64, seed uint64) *prices.Table {
	r := rand.New(rng.New(seed, "planted"))
	t := &prices.Table{Name: "t", Tickers: []string{"A", "B", "C"}}
	row, last := []float64{10, 10, 10}, 0.
	for i := range 241 {
		t.Dates = append(t.Dates, time.Date(2000, time.Month(1+i), 28, 0, 0, 0, 0, time.UTC))
		t.Prices = append(t.Prices, append([]float64(nil), row...))
		last = follows*last + 0.04*math.Sqrt(1-follows*follows)*r.NormFloat64()
		for j, x := range []float64{last, 0.04 * r.NormFloat64(), 0.04 * r.NormFloat64()} {
			row[j] *= math.Exp(x)
		}
	}
	return t
}

func signalWalk(t *testing.T, table *prices.Table) Row {
	t.Helper()
	w := Walk{
		Settings: Settings{Every: "month", Window: 120, Trade: 120, Model: marketmodel.Bootstrap},
		Prices:   table, Polytope: polytope(t, market.Simplex(table.Tickers)), Dir: filepath.Join(t.TempDir(), "walk"),
		Load: func(s ...config.Setting) (*config.Config, error) {
			return config.LoadOver("auto", "", []string{"steps=16384", "debias.points=1000", "debias.cache_dir=", "report.episodes=8",
				"env.market.features=[return]", "ppo.eval_episodes=20"}, s)
		},
	}
	s, err := w.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s.Rows[0].Excess)
	return s.Rows[0]
}

// A signal that is there is found out of sample: the trained policy holds an asset when it
// is about to rise.
func TestPlantedSignal(t *testing.T) {
	r := signalWalk(t, planted(0.9, 2))
	if !(r.Excess.Low > 0) {
		t.Errorf("the signal is not found: %+v", r)
	}
}
