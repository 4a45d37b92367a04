package sweep

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
)

// fill writes a journal of about the given number of lines: settings with their trainings.
func fill(tb testing.TB, w *Sweep, lines int) (settings int) {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(w.Dir, JournalFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	b := bufio.NewWriter(f)
	e := json.NewEncoder(b)
	put := func(op journal.Op) {
		op.Worker = w.worker
		if err := e.Encode(op); err != nil {
			tb.Fatal(err)
		}
		lines--
	}
	for n := 0; lines > 0; n++ {
		settings++
		put(w.begin(0, n, search.Point{1e-3, float64(n % 2)}))
		t := &journal.Trial{ID: n}
		for _, seed := range w.Spec.Seeds {
			put(write(t, seed, Record{Revision: 1, State: stateRunning, Worker: w.worker}))
			x := float64(n)
			put(write(t, seed, Record{Revision: 2, State: stateDone, Step: w.total, Result: Result{Return: &x, StdErr: &x, Action: "mean", Residual: &x}, Seconds: 3}))
		}
		x, done := []float64{float64(n)}, journal.Complete
		put(journal.Op{Code: journal.SetTrialState, Trial: &n, State: &done, Values: &x, DatetimeComplete: journal.Now()})
	}
	if err := b.Flush(); err != nil {
		tb.Fatal(err)
	}
	return settings
}

func BenchmarkStatusOfAMillionLines(b *testing.B) {
	s, err := spec.Parse("s", []byte("base: auto\nseeds: 1..5\nsearch: {method: random, trials: 1000000}\nreport: {settings: 0}\nspace: {ppo.lr: {log: [1e-5, 1e-2]}, ppo.envs: {choices: [8, 16]}}"))
	if err != nil {
		b.Fatal(err)
	}
	w, err := Create(b.Context(), s, filepath.Join(b.TempDir(), "sweep"), nil)
	if err != nil {
		b.Fatal(err)
	}
	settings := fill(b, w, 1_000_000)
	before := processorTime()
	for b.Loop() {
		w, err := Open(w.Dir)
		if err != nil {
			b.Fatal(err)
		}
		st, err := w.Status()
		if err != nil || len(st.Settings) != settings {
			b.Fatal(err, fmt.Sprint(len(st.Settings)))
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/status")
	b.ReportMetric((processorTime()-before)/float64(b.N), "processor-s/status")
}
