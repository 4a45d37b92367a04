package market

import "paspo/envs/internal/snapshot"

func (e *Env) fields() snapshot.Fields {
	f := snapshot.Fields{Kind: 0x6d61726b_00000001, Of: "a market", List: []snapshot.Field{
		snapshot.Count("the number of steps", &e.time, e.p.cfg.Decisions),
		snapshot.Vector("the holdings", e.holdings), snapshot.Vector("the path", e.path),
	}}
	if e.p.score.remembers() {
		f.List = append(f.List, snapshot.Vector("what the reward remembers", e.memory[:]))
	}
	return f
}

// MarshalBinary implements envs.Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) { return e.fields().Marshal(), nil }

// UnmarshalBinary implements envs.Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error { return e.fields().Unmarshal(b) }
