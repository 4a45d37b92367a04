package rl_test

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
)

// Trainers that run side by side in one process learn what each learns alone.
func TestSideBySide(t *testing.T) {
	for kind, make := range killBackends {
		t.Run(kind, func(t *testing.T) {
			train := func() []byte {
				tr, err := make()
				if err != nil {
					t.Error(err)
					return nil
				}
				for range 3 {
					if _, err := tr.Iterate(context.Background()); err != nil {
						t.Error(err)
						return nil
					}
				}
				return bytesOf(t, tr)
			}
			want := train()
			var wg sync.WaitGroup
			got := [4][]byte{}
			for i := range got {
				wg.Go(func() { got[i] = train() })
			}
			wg.Wait()
			for i, b := range got {
				if !bytes.Equal(b, want) {
					t.Errorf("trainer %d learned something else", i)
				}
			}
		})
	}
}

func TestIndependentOfProcs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for kind, make := range killBackends {
		t.Run(kind, func(t *testing.T) {
			var want []byte
			for _, procs := range []int{1, 2, 5} {
				runtime.GOMAXPROCS(procs)
				tr, err := make()
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if _, err := tr.Iterate(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				b := bytesOf(t, tr)
				if want == nil {
					want = b
				}
				if !bytes.Equal(b, want) {
					t.Errorf("with %d procs something else is learned", procs)
				}
			}
		})
	}
}
