package policy

import (
	"fmt"
	"math"
)

// Config sizes a policy and its critic. Defaults are the paper's.
type Config struct {
	Encoder []int `yaml:"encoder" doc:"hidden widths of the encoder of observations"`
	Latent  int   `yaml:"latent" doc:"width of the encoder's output"`
	Heads   []int `yaml:"heads" doc:"hidden widths of the head of each entity"`
	Critic  []int `yaml:"critic" doc:"hidden widths of the critic"`

	FixedWidth float64 `yaml:"fixed_width" doc:"an interval narrower than this share of the total, or of the largest amount without one, is fixed"`
	MinShape   float64 `yaml:"min_shape" doc:"added to exp(.) to give alpha and beta"`
	MaxShape   float64 `yaml:"max_shape" doc:"ceiling of alpha and beta; 0 for none"`
	HeadScale  float64 `yaml:"head_scale" doc:"factor on the initial weights of the last layer of the heads, where add_fit is off"`

	// AddFit adds the fit to random biases as the paper's code does, instead of
	// setting them (docs/method.md, section 8).
	AddFit bool `yaml:"add_fit" doc:"add the de-biasing fit to random biases, as the paper's code does, instead of setting them"`
}

// DefaultConfig returns the sizes of the paper's published configuration. The floor and
// the ceiling of alpha and beta are not the paper's, whose code has a floor of 1e-6 alone.
// Between them the functions of the Beta distribution are accurate; without them a policy
// that has found a vertex drives alpha to 0 or infinity, and its entropy to -infinity.
func DefaultConfig() Config {
	return Config{
		Encoder: []int{32, 32}, Latent: 32, Heads: []int{32, 32}, Critic: []int{32, 32},
		FixedWidth: 1e-9, MinShape: 1e-3, MaxShape: 1e5, HeadScale: 0.01,
	}
}

// maxWidth bounds the width of a layer, so that sizes do not overflow.
const maxWidth = 1 << 16

// Validate returns an error that names the first field that is out of range, its
// value and the values that are allowed.
func (c Config) Validate() error {
	for _, f := range []struct {
		name   string
		widths []int
	}{
		{"encoder", c.Encoder}, {"heads", c.Heads}, {"critic", c.Critic}, {"latent", []int{c.Latent}},
	} {
		if len(f.widths) == 0 && f.name == "heads" {
			return fmt.Errorf("policy.heads is empty: at least one width is needed")
		}
		for _, w := range f.widths {
			if w < 1 || w > maxWidth {
				return fmt.Errorf("policy.%s has the width %d: 1 to %d is allowed", f.name, w, maxWidth)
			}
		}
	}
	switch {
	case !(c.FixedWidth >= 0 && c.FixedWidth < 1):
		return fmt.Errorf("policy.fixed_width is %g: a number in [0, 1) is allowed", c.FixedWidth)
	case !(c.MinShape >= 0 && c.MinShape < 1):
		return fmt.Errorf("policy.min_shape is %g: a number in [0, 1) is allowed", c.MinShape)
	case !(c.MaxShape == 0 || c.MaxShape > 1 && !math.IsInf(c.MaxShape, 1)):
		return fmt.Errorf("policy.max_shape is %g: 0 or a number above 1 is allowed", c.MaxShape)
	case !(c.HeadScale >= 0 && !math.IsInf(c.HeadScale, 1)):
		return fmt.Errorf("policy.head_scale is %g: a number of at least 0 is allowed", c.HeadScale)
	}
	return nil
}
