//go:build gpu

package kernels_test

import (
	"math"
	"testing"

	"paspo/internal/rng"
	"paspo/kernels"
)

// A device's streams are those of package rng, bit for bit.
func TestWords(t *testing.T) {
	const rows, count = 130, 7
	a := newArena(t, open(t), 1)
	keys, ids, blocks, words := a.region(8*rows), a.region(8*rows), a.region(8*rows), a.region(8*2*rows*count)
	a.place()
	firsts := []uint64{0, 1, 1<<32 - 3, 1<<62 + 5}
	streams := make([]*rng.Stream, rows)
	for r := range rows {
		streams[r] = rng.New(uint64(r%3)*math.MaxUint64/2, "device").Split(uint64(r))
		key, id, _ := streams[r].State()
		first := firsts[r%len(firsts)]
		streams[r].SetDrawn(2 * first)
		view[uint64](a, 0, keys)[r], view[uint64](a, 0, ids)[r], view[uint64](a, 0, blocks)[r] = key, id, first
	}
	a.run([]region{words}, &kernels.WordsArgs{
		Keys: a.at(keys), IDs: a.at(ids), Blocks: a.at(blocks), Words: a.at(words), Rows: rows, Count: count, Stride: int64(a.stride),
	})
	for i, w := range view[uint64](a, 0, words) {
		if want := streams[i/(2*count)].Uint64(); w != want {
			t.Fatalf("word %d of row %d is %x, want %x", i%(2*count), i/(2*count), w, want)
		}
	}
}

// Networks that need more shared memory than every card has are refused.
func TestSampleFits(t *testing.T) {
	for _, c := range []struct {
		activations, rho int64
		tile             int // the largest that fits, 0: none
	}{{108, 7, 32}, {250, 10, 32}, {400, 7, 4}, {1600, 7, 4}, {1700, 7, 0}, {108, 900, 4}, {108, 2000, 0}} {
		args := &kernels.SampleArgs{Activations: c.activations, Rho: c.rho}
		tile := 0
		for _, rows := range kernels.SampleTileRows {
			args.TileRows = int64(rows)
			if l := args.Launch(1); l.Shared > 48<<10 && args.TakesTile(rows) {
				t.Errorf("%+v: tiles of %d rows take %d bytes", c, rows, l.Shared)
			}
			if args.TakesTile(rows) {
				tile = max(tile, rows)
			}
		}
		if err := args.Fit(); tile != c.tile || (err == nil) != (c.tile > 0) {
			t.Errorf("%+v: tiles of %d rows fit, the error is %v", c, tile, err)
		}
	}
}
