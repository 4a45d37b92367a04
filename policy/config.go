package policy

// Config sizes a policy and its critic. Defaults are the paper's.
type Config struct {
	Encoder []int `yaml:"encoder" doc:"hidden widths of the encoder of observations"`
	Latent  int   `yaml:"latent" doc:"width of the encoder's output"`
	Heads   []int `yaml:"heads" doc:"hidden widths of the head of each entity"`
	Critic  []int `yaml:"critic" doc:"hidden widths of the critic"`

	FixedWidth float64 `yaml:"fixed_width" doc:"an interval narrower than this share of the total is fixed"`
	MinShape   float64 `yaml:"min_shape" doc:"added to exp(.) to give alpha and beta"`
	MaxShape   float64 `yaml:"max_shape" doc:"ceiling of alpha and beta; 0 for none"`
	HeadScale  float64 `yaml:"head_scale" doc:"factor on the initial weights of the last layer of the heads"`

	// AddFit adds the fit to random biases as the paper's code does, instead of
	// setting them (DESIGN section 4).
	AddFit bool `yaml:"add_fit" doc:"add the de-biasing fit to random biases, as the paper's code does, instead of setting them"`
}

// DefaultConfig returns the paper's sizes (DESIGN section 5).
func DefaultConfig() Config {
	return Config{
		Encoder: []int{32, 32}, Latent: 32, Heads: []int{32, 32}, Critic: []int{32, 32},
		FixedWidth: 1e-9, MinShape: 1e-6, HeadScale: 0.01,
	}
}
