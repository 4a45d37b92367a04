package network

import (
	"fmt"

	"paspo/policy"
)

// Layout names the parameters of a policy and places them in one slice, so that the
// optimiser updates them in one pass. Weights are (out, in) as in torch.
//
//	encoder.L.weight (out, in), encoder.L.bias (out)
//	heads.L.weight (heads, out, in), heads.L.bias (heads, out)
//	critic.L.weight (out, in), critic.L.bias (out)
//
// The inputs of heads.0 are the latent and then the amounts a_1..a_{h-1} in units of
// policy.Total. Weights of head i for amounts that are not in its prefix are 0 and have no
// effect. The last layer of the heads gives the logits of alpha and beta.
type Layout struct {
	Obs, Entities, Heads  int
	Encoder, Head, Critic []int // widths of the outputs of the layers
	Tensors               []Slot
	Size                  int
}

// Slot is the place of a tensor in the slice: Size elements from At on.
type Slot struct {
	Name     string
	Shape    []int
	At, Size int
	fanIn    int
	Net      string
	Layer    int
	Bias     bool
	In, Out  int
}

// slotAlign is the alignment of tensors in the slice, in float32: one cache line.
const slotAlign = 16

// NewLayout returns the layout of a policy for observations of obs components, with networks of
// the widths that cfg has.
func NewLayout(cfg *policy.Config, obs, entities, heads int) *Layout {
	l := &Layout{Obs: obs, Entities: entities, Heads: heads}
	l.Encoder = append(append(l.Encoder, cfg.Encoder...), cfg.Latent)
	l.Head = append(append(l.Head, cfg.Heads...), 2)
	l.Critic = append(append(l.Critic, cfg.Critic...), 1)
	l.add("encoder", false, obs, l.Encoder)
	l.add("heads", true, cfg.Latent+heads-1, l.Head)
	l.add("critic", false, obs, l.Critic)
	return l
}

// Latent returns the width of the encoder's output.
func (l *Layout) Latent() int { return l.Encoder[len(l.Encoder)-1] }

func (l *Layout) add(net string, many bool, in int, widths []int) {
	for i, out := range widths {
		w, b := []int{out, in}, []int{out}
		if many {
			w, b = []int{l.Heads, out, in}, []int{l.Heads, out}
		}
		for j, shape := range [][]int{w, b} {
			s := Slot{
				Name: fmt.Sprintf("%s.%d.%s", net, i, [...]string{"weight", "bias"}[j]), Shape: shape,
				At: l.Size, Size: 1, fanIn: in, Net: net, Layer: i, Bias: j == 1, In: in, Out: out,
			}
			for _, d := range shape {
				s.Size *= d
			}
			l.Size += (s.Size + slotAlign - 1) &^ (slotAlign - 1)
			l.Tensors = append(l.Tensors, s)
		}
		in = out
	}
}

// Find returns the slot of a tensor.
func (l *Layout) Find(net string, layer int, bias bool) *Slot {
	for i := range l.Tensors {
		if s := &l.Tensors[i]; s.Net == net && s.Layer == layer && s.Bias == bias {
			return s
		}
	}
	panic("policy: bad tensor")
}

// Slice returns the elements of a tensor in data, which has the layout of the parameters.
func Slice[T any](data []T, s *Slot) []T { return data[s.At : s.At+s.Size : s.At+s.Size] }
