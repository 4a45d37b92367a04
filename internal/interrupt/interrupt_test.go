package interrupt

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// What goes on when the context ends is left behind, and what it returns in the end is handed
// over.
func TestAwaitLeavesBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	held, late := make(chan struct{}), make(chan int, 1)
	_, err := Await(ctx, func() (int, error) {
		cancel()
		<-held
		return 1, nil
	}, nil, func(v int) { late <- v })
	if err != ctx.Err() {
		t.Errorf("error %v", err)
	}
	close(held)
	if v := <-late; v != 1 {
		t.Errorf("%d is handed over", v)
	}
}

// What ends in time is heard, with its errors, also where the context has ended.
func TestAwaitHears(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	want := errors.New("it is broken")
	for name, ctx := range map[string]context.Context{"living": t.Context(), "ended": ended} {
		late := func(int) { t.Errorf("%s: handed over", name) }
		if _, err := Await(ctx, func() (int, error) { return 0, want }, nil, late); err != want {
			t.Errorf("%s: error %v", name, err)
		}
		if v, err := Await(ctx, func() (int, error) { return 2, nil }, nil, late); v != 2 || err != nil {
			t.Errorf("%s: %d, %v", name, v, err)
		}
	}
}

// What is saving is waited for, however long it takes.
func TestAwaitWaitsForWhatSaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Bool
	held := make(chan struct{})
	v, err := Await(ctx, func() (int, error) {
		cancel()
		<-held
		return 3, nil
	}, func() bool {
		if !asked.Swap(true) {
			close(held)
		}
		return true
	}, nil)
	if v != 3 || err != nil || !asked.Load() {
		t.Errorf("%d, %v", v, err)
	}
}
