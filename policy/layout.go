package policy

import "fmt"

// layout names the parameters of a policy and places them in one slice, which
// the optimiser runs through at once. Weights are (out, in) as torch has them.
//
//	encoder.L.weight (out, in), encoder.L.bias (out)
//	heads.L.weight (heads, out, in), heads.L.bias (heads, out)
//	critic.L.weight (out, in), critic.L.bias (out)
//
// The inputs of heads.0 are the latent and then the prefix a_1..a_{h-1}, as the
// heads see it; those of head i beyond its prefix have no effect and are 0. The
// outputs of the last layer of the heads are the logits of alpha and beta.
type layout struct {
	obs, entities, heads   int
	encoder, head, critics []int // widths of the outputs of the layers
	tensors                []slot
	size                   int
}

// slot is the place of a tensor.
type slot struct {
	name     string
	shape    []int
	at, size int
	fanIn    int
	net      string
	layer    int
	bias     bool
	in, out  int
}

// slotAlign is the alignment of tensors in the slice: one cache line.
const slotAlign = 16

func newLayout(cfg *Config, obs, entities, heads int) *layout {
	l := &layout{obs: obs, entities: entities, heads: heads}
	l.encoder = append(append(l.encoder, cfg.Encoder...), cfg.Latent)
	l.head = append(append(l.head, cfg.Heads...), 2)
	l.critics = append(append(l.critics, cfg.Critic...), 1)
	l.add("encoder", false, obs, l.encoder)
	l.add("heads", true, cfg.Latent+heads-1, l.head)
	l.add("critic", false, obs, l.critics)
	return l
}

func (l *layout) latent() int { return l.encoder[len(l.encoder)-1] }

func (l *layout) add(net string, many bool, in int, widths []int) {
	for i, out := range widths {
		w, b := []int{out, in}, []int{out}
		if many {
			w, b = []int{l.heads, out, in}, []int{l.heads, out}
		}
		for j, shape := range [][]int{w, b} {
			s := slot{
				name: fmt.Sprintf("%s.%d.%s", net, i, [...]string{"weight", "bias"}[j]), shape: shape,
				at: l.size, size: 1, fanIn: in, net: net, layer: i, bias: j == 1, in: in, out: out,
			}
			for _, d := range shape {
				s.size *= d
			}
			l.size += (s.size + slotAlign - 1) &^ (slotAlign - 1)
			l.tensors = append(l.tensors, s)
		}
		in = out
	}
}

// find returns the slot of a tensor.
func (l *layout) find(net string, layer int, bias bool) *slot {
	for i := range l.tensors {
		if s := &l.tensors[i]; s.net == net && s.layer == layer && s.bias == bias {
			return s
		}
	}
	panic("policy: bad tensor")
}

func slice[T any](data []T, s *slot) []T { return data[s.at : s.at+s.size : s.at+s.size] }
