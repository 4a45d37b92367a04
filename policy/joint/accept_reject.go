package joint

import (
	"fmt"
	"math/rand/v2"

	"paspo/lp"
	"paspo/policy"
)

// AcceptReject is the family of ARAM (Hung, Sun and Hsieh, arXiv 2503.12932): draws of a
// Dirichlet distribution are rejected until one satisfies all constraints, and a draw that is rejected is
// a transition of its own, from the state to itself with a penalty (the augmented decision process of section 4.2). So the density of an
// action is that of the Dirichlet distribution, not divided by the share that is accepted, and it is
// Penalty that teaches the policy to be accepted. After a number of tries the last draw is projected.
//
// A draw holds the logarithms of the accepted point, how many points were drawn and how many rejected, and some
// of the rejected points with the log-densities that they were drawn with.
type AcceptReject struct {
	*Dirichlet
	projector *lp.Projector
	tries     int
	kept      int
	clip      float64
	penalty   float64

	one   []float32 // scratch, as is what follows
	grads []float32
	drawn []float64
}

// keptDraws is how many rejected draws are kept for learning, a random choice of all.
const keptDraws = 4

// NewAcceptReject returns the family of a polytope: of tries draws before a projection, and with a
// penalty of rejected draws, in deviations of advantages, under the epsilon clip of
// the surrogate. Its errors are those of NewDirichlet.
func NewAcceptReject(p *lp.Polytope, cfg policy.Config, tries int, penalty, clip float64) (*AcceptReject, error) {
	d, err := NewDirichlet(p, cfg)
	if err != nil {
		return nil, err
	}
	if tries < 1 {
		return nil, fmt.Errorf("%d draws before a projection: at least 1 is allowed", tries)
	}
	n := p.Dim()
	return &AcceptReject{
		Dirichlet: d, projector: lp.NewProjector(p), tries: tries, kept: keptDraws, penalty: penalty, clip: clip,
		one: make([]float32, n), grads: make([]float32, n), drawn: make([]float64, n),
	}, nil
}

// Size implements policy.Family.
func (a *AcceptReject) Size() int { return a.Outputs() + 2 + a.kept*(a.Outputs()+1) }

// parts returns what a draw holds: the accepted point, how many were drawn and how many rejected, and the
// rejected points that are kept.
func (a *AcceptReject) parts(draw []float32) (accepted, counts, kept []float32) {
	n := a.Outputs()
	return draw[:n], draw[n : n+2], draw[n+2:]
}

// rejected returns kept point i, and the place of its log-density.
func (a *AcceptReject) rejected(kept []float32, i int) (draw []float32, logProb *float32) {
	n := a.Outputs()
	return kept[i*(n+1) : i*(n+1)+n], &kept[i*(n+1)+n]
}

// Confined implements policy.Confined.
func (a *AcceptReject) Confined() {}

// Sample implements policy.Family.
func (a *AcceptReject) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	accepted, counts, kept := a.parts(draw)
	clear(draw)
	if rule != policy.Sampled {
		if err := a.Dirichlet.Sample(z, rule, limits, source, accepted, a.drawn); err != nil {
			return err
		}
		return a.projector.Project(action, a.drawn, limits)
	}
	r := rand.New(source)
	for rejected := 0; ; {
		if err := a.Dirichlet.Sample(z, rule, limits, source, accepted, action); err != nil {
			return err
		}
		counts[0]++
		if a.p.Residual(action, limits) <= lp.Feasibility {
			break
		}
		rejected++
		counts[1] = float32(rejected)
		// A random choice of all that were rejected (Vitter, algorithm R).
		at := rejected - 1
		if at >= a.kept {
			at = r.IntN(rejected)
		}
		if at < a.kept {
			to, logProb := a.rejected(kept, at)
			copy(to, accepted)
			*logProb = float32(a.Dirichlet.LogProb(z, accepted, nil))
		}
		if rejected == a.tries {
			copy(a.drawn, action)
			if err := a.projector.Project(action, a.drawn, limits); err != nil {
				return fmt.Errorf("projecting a draw: %w", err)
			}
			break
		}
	}
	return nil
}

// LogProb implements policy.Family.
func (a *AcceptReject) LogProb(z, draw, grad []float32) float64 {
	accepted, _, _ := a.parts(draw)
	return a.Dirichlet.LogProb(z, accepted, grad)
}

// Penalty implements policy.Penalized: the share of the draws that was rejected, as the clipped surrogate
// of an advantage of -1,
//
//	penalty share mean_i max(rho_i, 1 - clip),   rho_i the ratio of the densities of a rejected draw.
func (a *AcceptReject) Penalty(z, draw, grad []float32) (cost float64) {
	_, counts, kept := a.parts(draw)
	clear(grad)
	all, rejected := float64(counts[0]), float64(counts[1])
	have := min(int(rejected), a.kept)
	for i := range have {
		weight := a.penalty * rejected / all / float64(have)
		d, old := a.rejected(kept, i)
		var g []float32
		if grad != nil {
			g = a.grads
		}
		ratio := policy.Ratio(a.Dirichlet.LogProb(z, d, g) - float64(*old))
		if least := 1 - a.clip; ratio < least {
			cost += weight * least
			continue
		}
		cost += weight * ratio
		for j := range grad {
			grad[j] += float32(weight*ratio) * g[j]
		}
	}
	return cost
}
