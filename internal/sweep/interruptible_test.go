package sweep

import (
	"context"
	"errors"
	"io"
	"testing"
)

type closer chan struct{}

func (c closer) Close() error {
	close(c)
	return nil
}

// Whoever prepares a training for minutes is not waited for, and what it opens is closed. One that
// ends in time is heard, its errors too.
func TestInterruptible(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	closed, held := make(closer), make(chan struct{})
	got := make(chan error)
	go func() {
		_, err := interruptible(ctx, func() (io.Closer, error) {
			<-held
			return closed, nil
		})
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(held)
	<-closed

	want := errors.New("it is broken")
	if _, err := interruptible(ctx, func() (io.Closer, error) { return nil, want }); err != want {
		t.Errorf("got %v of an open that ends at once", err)
	}
	opened := make(closer)
	if c, err := interruptible(context.Background(), func() (io.Closer, error) { return opened, nil }); err != nil || c != io.Closer(opened) {
		t.Errorf("got %v, %v", c, err)
	}
}
