package network

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/internal/ops"
	"paspo/internal/rng"
	"paspo/policy"
)

// initialise writes the initial parameters: weights and biases uniform in
// +-1/sqrt(fan_in), where the fan-in of head i counts the inputs that it sees, latent + i.
// A fit then sets the biases of the heads' last layer so that alpha and beta are those of
// the fit, and HeadScale scales the weights of that layer; with AddFit the fit is added to
// the random biases, as the paper's code does (docs/method.md, section 8).
func initialise(w []float32, l *Layout, cfg *policy.Config, fit *policy.Fit, seed uint64) error {
	r := rand.New(rng.New(seed, "init"))
	latent := l.Latent()
	for i := range l.Tensors {
		s := &l.Tensors[i]
		x := Slice(w, s)
		if s.Net == "heads" && s.Layer == 0 {
			block := s.Size / l.Heads
			for h := range l.Heads {
				bound := 1 / math.Sqrt(float64(latent+h))
				for k := range block {
					// The column of an input that the head does not see.
					if !s.Bias && k%s.In >= latent+h {
						continue
					}
					x[h*block+k] = uniform(r, bound)
				}
			}
			continue
		}
		bound := 1 / math.Sqrt(float64(s.fanIn))
		for k := range x {
			x[k] = uniform(r, bound)
		}
	}
	if fit == nil {
		return nil
	}
	if len(fit.Alpha) != l.Heads || len(fit.Beta) != l.Heads {
		return fmt.Errorf("policy: the fit has %d alphas and %d betas for %d heads", len(fit.Alpha), len(fit.Beta), l.Heads)
	}

	last := len(l.Head) - 1
	bias := Slice(w, l.Find("heads", last, true))
	shape := ops.Shape{Min: cfg.MinShape, Max: cfg.MaxShape}
	for h := range l.Heads {
		for j, y := range [...]float64{fit.Alpha[h], fit.Beta[h]} {
			// A parameter of the fit below the floor starts near the floor.
			logit := shape.Inverse(max(y, cfg.MinShape*(1+aboveFloor)))
			if math.IsNaN(logit) || math.IsInf(logit, 0) {
				return fmt.Errorf("policy: the fit of head %d has the parameter %g: below policy.max_shape, %g, is allowed, which a larger debias.spread gives", h, y, cfg.MaxShape)
			}
			if cfg.AddFit {
				bias[2*h+j] += float32(logit)
			} else {
				bias[2*h+j] = float32(logit)
			}
		}
	}
	if !cfg.AddFit {
		weights := Slice(w, l.Find("heads", last, false))
		for k := range weights {
			weights[k] *= float32(cfg.HeadScale)
		}
	}
	return nil
}

// aboveFloor is the least distance of an initial alpha or beta from the floor, relative to
// the floor. Closer to it the derivative by the logit is too small to learn with.
const aboveFloor = 0.1

func uniform(r *rand.Rand, bound float64) float32 { return float32(bound * (2*r.Float64() - 1)) }
