package market

import (
	"paspo/envs/internal/snapshot"
)

const snapshotKind = 0x6d61726b_00000001 // kind and version

// MarshalBinary implements envs.Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) {
	var w snapshot.Writer
	w.Word(snapshotKind)
	w.Int(e.time)
	w.Floats(e.holdings)
	w.Floats(e.path)
	if e.p.score.remembers() {
		w.Floats(e.memory[:])
	}
	return w.B, nil
}

// UnmarshalBinary implements envs.Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error {
	r := snapshot.Reader{B: b}
	r.Header(snapshotKind, "a market")
	time := r.Int("the number of steps", 0, e.p.cfg.Decisions)
	holdings := r.Floats("the holdings", len(e.holdings), len(e.holdings))
	path := r.Floats("the path", len(e.path), len(e.path))
	memory := e.memory[:]
	if e.p.score.remembers() {
		memory = r.Floats("what the reward remembers", len(memory), len(memory))
	}
	if err := r.End(); err != nil {
		return err
	}
	e.time = time
	copy(e.holdings, holdings)
	copy(e.path, path)
	copy(e.memory[:], memory)
	return nil
}
