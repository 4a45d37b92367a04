package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/sweep/journal"
)

// lease is for how long a worker on another machine may show no sign of life before its
// training is given to another one, by the clock of whoever waits. Clocks of different
// machines are never compared.
var lease = time.Minute

// beatsPerLease is how many signs of life a worker gives in that time.
const beatsPerLease = 12

// sign is the sign of life of a worker.
type sign struct {
	journal.Process
	Beat  int    `json:"beat"`
	Run   string `json:"run,omitempty"` // folder that it trains in
	Step  int64  `json:"step,omitempty"`
	Steps int64  `json:"steps,omitempty"`

	Trainings int `json:"trainings,omitempty"` // at a time, where it is not one

	Crashed bool `json:"crashed,omitempty"` // as the process says that started it
}

// pulse writes the signs of life of a worker.
type pulse struct {
	path string

	mu   sync.Mutex
	sign sign
	last time.Time // of the last one that was written
	stop chan struct{}
	done sync.WaitGroup
}

func (w *Sweep) newPulse() (*pulse, error) {
	p := &pulse{path: filepath.Join(w.Dir, workersDir, w.worker), sign: sign{Process: journal.Self()}, stop: make(chan struct{})}
	if err := p.beat(); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", p.path, atomicfile.Cause(err))
	}
	p.done.Go(func() {
		for {
			select {
			case <-p.stop:
				return
			case <-time.After(lease / beatsPerLease):
				// One that cannot be written is noticed by its absence.
				_ = p.beat()
			}
		}
	})
	return p, nil
}

func (p *pulse) beat() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign.Beat++
	now := time.Now()
	err := os.WriteFile(p.path, append(marshal(p.sign), '\n'), 0o644)
	if err == nil {
		p.last = now
	}
	return err
}

// at says what the worker trains, and shows it at once where that is another run.
func (p *pulse) at(run string, step, steps int64) { p.atSome(0, run, step, steps) }

// atSome says it of some trainings at a time: the run of the first one, and the steps of all.
func (p *pulse) atSome(trainings int, run string, step, steps int64) {
	p.mu.Lock()
	other := p.sign.Run != run
	p.sign.Trainings, p.sign.Run, p.sign.Step, p.sign.Steps = trainings, run, step, steps
	p.mu.Unlock()
	if other {
		_ = p.beat()
	}
}

// faint says whether others may soon take the worker for dead.
func (p *pulse) faint() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.last) > lease/2
}

func (p *pulse) close() {
	close(p.stop)
	p.done.Wait()
	os.Remove(p.path)
}

// watch tells whether other workers are dead.
type watch struct {
	dir  string
	seen map[string]*still
}

// still is since when a sign has been the same.
type still struct {
	sign string
	from time.Time
}

// dead says whether a worker is: its process is, or it has left, or it has given no sign
// for the time of a lease.
func (w *watch) dead(worker string) bool {
	data, err := limits.ReadFile(filepath.Join(w.dir, worker), limits.Config)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	var s sign
	if json.Unmarshal(data, &s) == nil && journal.Self().Dead(s.Process) {
		return true
	}
	if w.seen == nil {
		w.seen = map[string]*still{}
	}
	at := w.seen[worker]
	if at == nil || at.sign != string(data) {
		w.seen[worker] = &still{string(data), time.Now()}
		return false
	}
	return time.Since(at.from) > lease
}

// crashed says whether whoever started a worker has seen it crash.
func (w *watch) crashed(worker string) bool {
	var s sign
	data, err := limits.ReadFile(filepath.Join(w.dir, worker), limits.Config)
	return err == nil && json.Unmarshal(data, &s) == nil && s.Crashed
}
