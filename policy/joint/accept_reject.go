package joint

import (
	"fmt"
	"math/rand/v2"

	"paspo/lp"
	"paspo/policy"
)

// AcceptReject is the family of ARAM (Hung, Sun and Hsieh, arXiv 2503.12932). Points of a
// Dirichlet distribution are drawn until one satisfies all constraints. A rejected point is a
// transition of its own, from the state to itself with a penalty (the augmented decision
// process of section 4.2). So the density of an action is that of the Dirichlet distribution,
// not divided by the probability of acceptance, and Penalty teaches the policy to draw
// points that are accepted. After a number of tries the last point is projected.
//
// A draw holds the logarithms of the accepted point, how many points were drawn and how many
// of them rejected, and some rejected points with the log-densities that they were drawn with.
type AcceptReject struct {
	*Dirichlet
	projector *lp.Projector
	tries     int     // points drawn before the last is projected
	kept      int     // rejected points that a draw holds
	clip      float64 // epsilon of the clipped surrogate
	penalty   float64 // of a rejected point, in deviations of advantages

	grads []float32 // scratch, as is drawn
	drawn []float64
}

// keptDraws is the number of rejected points that are kept for learning, chosen at random.
const keptDraws = 4

// NewAcceptReject returns the family of a polytope. After tries rejected points the last is
// projected. penalty is that of a rejected point, in deviations of advantages, and clip the
// epsilon of the surrogate. Its errors are those of NewDirichlet.
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
		grads: make([]float32, n), drawn: make([]float64, n),
	}, nil
}

// DrawSize implements policy.Family.
func (a *AcceptReject) DrawSize() int { return a.Outputs() + 2 + a.kept*(a.Outputs()+1) }

// parts returns the parts of a draw: the accepted point, the numbers of points drawn and
// rejected, and the rejected points that are kept.
func (a *AcceptReject) parts(draw []float32) (accepted, counts, kept []float32) {
	n := a.Outputs()
	return draw[:n], draw[n : n+2], draw[n+2:]
}

// rejected returns the kept rejected point i, and a pointer to its log-density.
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
		// A uniform choice among all rejected points (Vitter, Random sampling with a
		// reservoir, ACM TOMS 11, 1985, algorithm R).
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

// Penalty implements policy.Penalized. With share the rejected share of the points drawn, it is
// the negated clipped surrogate of an advantage of -penalty,
//
//	penalty share mean_i max(rho_i, 1 - clip),
//
// where rho_i is the ratio of the densities of rejected point i.
func (a *AcceptReject) Penalty(z, draw, grad []float32) (loss float64) {
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
			loss += weight * least
			continue
		}
		loss += weight * ratio
		for j := range grad {
			grad[j] += float32(weight*ratio) * g[j]
		}
	}
	return loss
}
