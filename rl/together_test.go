package rl_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// table is a device that serves fake backends: a request waits until every backend that has joined
// has made one.
type table struct {
	sync.Mutex
	joined, waiting, turn int
	served                []int // requests served together
	changed               *sync.Cond
}

func (t *table) await() {
	t.waiting++
	turn := t.turn
	t.serve()
	for t.turn == turn && t.joined > 0 {
		t.changed.Wait()
	}
}

func (t *table) serve() {
	if t.joined > 0 && t.waiting == t.joined {
		t.served = append(t.served, t.waiting)
		t.waiting = 0
		t.turn++
		t.changed.Broadcast()
	}
}

type seat struct {
	*fakeBackend
	at *table
}

func (s *seat) Join() {
	s.at.Lock()
	defer s.at.Unlock()
	s.at.joined++
}

func (s *seat) Leave() {
	s.at.Lock()
	defer s.at.Unlock()
	s.at.joined--
	s.at.serve()
}

func (s *seat) Sample(req *policy.Request, out *policy.Samples) error {
	s.at.Lock()
	s.at.await()
	s.at.Unlock()
	return s.fakeBackend.Sample(req, out)
}

// Trainers that share a device, with different settings and one that fails, learn what each
// learns alone.
func TestTogether(t *testing.T) {
	lengths := []int64{20, 20, 7, 12}
	trainer := func(i int, at *table) *rl.Trainer {
		cfg := smallConfig()
		cfg.LR *= float64(i + 1)
		cfg.Steps = lengths[i] * int64(cfg.BatchSize())
		p := newBandit(t, 1, 2, 3)
		b := newFakeBackend(3, 2)
		if i == 3 {
			b.poison, b.poisonAt = "parameter", 30
		}
		var backend policy.Backend = b
		if at != nil {
			backend = &seat{b, at}
		}
		tr, err := ppo.New(p, backend, cfg, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	at := &table{}
	at.changed = sync.NewCond(&at.Mutex)
	var together []*rl.Trainer
	iterations := make([]int, len(lengths))
	hooks := make([]rl.Hooks, len(lengths))
	for i := range lengths {
		together = append(together, trainer(i, at))
		hooks[i].Iteration = func(rl.Metrics) error { iterations[i]++; return nil }
	}
	errs := rl.Together(context.Background(), together, hooks)
	for i, tr := range together {
		alone := trainer(i, nil)
		err := alone.Run(context.Background(), rl.Hooks{})
		var nf *rl.NonFiniteError
		if failed := errors.As(err, &nf); failed != (i == 3) || (errs[i] == nil) != (err == nil) || failed && errs[i].Error() != err.Error() {
			t.Errorf("trainer %d ended with %v, alone with %v", i, errs[i], err)
		}
		if !bytes.Equal(bytesOf(t, tr), bytesOf(t, alone)) {
			t.Errorf("trainer %d learned something else than alone", i)
		}
		if iterations[i] != tr.Iteration() && err == nil {
			t.Errorf("trainer %d did %d iterations, its hook saw %d", i, tr.Iteration(), iterations[i])
		}
	}
	if at.joined != 0 || len(at.served) == 0 || at.served[0] != len(lengths) {
		t.Errorf("%d have not left; the first turns served %v", at.joined, at.served[:min(3, len(at.served))])
	}
}
