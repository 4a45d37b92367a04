//go:build gpu

package kernels_test

import (
	"testing"

	"paspo/cuda"
	"paspo/internal/cudatest"
	"paspo/kernels"
)

// device is a card, or the fake one, with all kernels loaded.
type device struct {
	c *cuda.Context
	s *cuda.Stream
	k *cuda.Kernels
}

func open(t *testing.T) *device {
	t.Helper()
	d := &device{c: cudatest.Open(t)}
	do(t, d.c, func() (err error) {
		if d.k, err = d.c.LoadKernels(); err != nil {
			return err
		}
		d.s, err = d.c.NewStream()
		return err
	})
	return d
}

func do(t *testing.T, c *cuda.Context, f func() error) {
	t.Helper()
	if err := c.Do(f); err != nil {
		t.Fatal(err)
	}
}

// memory is a piece of the device's.
type memory struct {
	d *device
	p cuda.Ptr
}

func (d *device) alloc(t *testing.T, n int) *memory {
	t.Helper()
	m := &memory{d: d}
	do(t, d.c, func() error {
		a, err := d.c.NewArena(cuda.Aligned(int64(n)))
		if err != nil {
			return err
		}
		m.p = a.Take(int64(n))
		t.Cleanup(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
	return m
}

func (m *memory) address() uint64 { return uint64(m.p) }

func (m *memory) upload(t *testing.T, b []byte) {
	t.Helper()
	do(t, m.d.c, func() error {
		if err := m.d.s.CopyIn(m.p, b); err != nil {
			return err
		}
		return m.d.s.Sync()
	})
}

func (m *memory) download(t *testing.T, b []byte) {
	t.Helper()
	do(t, m.d.c, func() error {
		if err := m.d.s.CopyOut(b, m.p); err != nil {
			return err
		}
		return m.d.s.Sync()
	})
}

func (d *device) launch(t *testing.T, a kernels.Args, agents int) {
	t.Helper()
	do(t, d.c, func() error { return d.k.Launch(d.s, a, agents) })
}
