package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"paspo/internal/safetensors"
	"paspo/internal/stats"
	"paspo/policy"
)

const (
	formatKey   = "format"
	formatName  = "paspo checkpoint 2"
	checksumKey = "sha256" // of the file without this key
	trainerKey  = "trainer"
	keptKey     = "learner"

	paramPrefix  = "param."
	firstPrefix  = "adam.m."
	secondPrefix = "adam.v."
)

// header is the part of a checkpoint that is kept as JSON in the metadata.
type header struct {
	Iteration int     `json:"iteration"`
	Step      int64   `json:"step"`
	Best      *Best   `json:"best,omitempty"`
	AdamSteps int64   `json:"adam_steps"`
	Steps     int64   `json:"steps"`
	Normalize bool    `json:"normalize"`
	ObsClip   float64 `json:"obs_clip"`
	Rule      string  `json:"rule,omitempty"`

	Arithmetic string `json:"arithmetic"`
	Facts      []Fact `json:"facts"`
}

// Encode returns a checkpoint as a safetensors file with its checksum in the
// metadata. Equal checkpoints give equal bytes.
func Encode(c *Checkpoint) ([]byte, error) {
	h := header{
		Iteration: c.Iteration, Step: c.Step, AdamSteps: c.Policy.Step,
		Steps: c.Loop.Steps, Arithmetic: c.Loop.Arithmetic, Facts: c.Facts,
		Normalize: c.Policy.Normalizer.On, ObsClip: c.Policy.Normalizer.Clip,
	}
	if c.Best.Iteration > 0 {
		h.Best = &c.Best
	}
	if c.Rule != policy.Sampled {
		h.Rule = c.Rule.String()
	}
	j, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	f := &safetensors.File{Metadata: map[string]string{formatKey: formatName, trainerKey: string(j)}}
	add := func(t safetensors.Tensor) { f.Tensors = append(f.Tensors, t) }
	for _, g := range []struct {
		prefix  string
		tensors []policy.Tensor
	}{{paramPrefix, c.Policy.Params}, {firstPrefix, c.Policy.M}, {secondPrefix, c.Policy.V}} {
		for _, t := range g.tensors {
			add(safetensors.Float32(g.prefix+t.Name, t.Data, t.Shape...))
		}
	}
	addMoments := func(name string, m *stats.Moments) {
		dim := len(m.Mean)
		add(safetensors.Float64(name+".count", []float64{m.Count}, 1))
		add(safetensors.Float64(name+".mean", m.Mean, dim))
		add(safetensors.Float64(name+".m2", m.M2, dim))
	}
	addMoments("normalizer", c.Policy.Normalizer.Seen)
	addMoments("reward_stats", c.Loop.Rewards)
	addMoments("return_stats", c.Loop.Returns)
	add(safetensors.Float64("discounted", c.Loop.Discounted, len(c.Loop.Discounted)))
	if len(c.Loop.Kept) > 0 {
		add(safetensors.Float64(keptKey, c.Loop.Kept, len(c.Loop.Kept)))
	}
	add(safetensors.Bytes("envs", c.Loop.Envs))
	streams := slices.Concat(c.Loop.Streams...)
	add(safetensors.Tensor{
		Name: "streams", DType: safetensors.U8, Data: streams,
		Shape: []int{len(c.Loop.Streams), len(streams) / len(c.Loop.Streams)},
	})

	sum, err := checksum(f)
	if err != nil {
		return nil, err
	}
	f.Metadata[checksumKey] = sum
	return f.Encode()
}

func checksum(f *safetensors.File) (string, error) {
	b, err := f.Encode()
	if err != nil {
		return "", err
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), nil
}

// formatError says that a file is not a checkpoint of this version.
type formatError struct{ format string }

func (e *formatError) Error() string {
	if e.format == "" {
		return fmt.Sprintf("it states no format, %q is read", formatName)
	}
	return fmt.Sprintf("its format is %q, this version reads %q", e.format, formatName)
}

// Decode reads what Encode wrote.
func Decode(b []byte) (*Checkpoint, error) {
	f, err := safetensors.Decode(b)
	if err != nil {
		return nil, err
	}
	if format := f.Metadata[formatKey]; format != formatName {
		return nil, &formatError{format}
	}
	want := f.Metadata[checksumKey]
	delete(f.Metadata, checksumKey)
	got, err := checksum(f)
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, errors.New("its checksum does not match its content")
	}
	return parse(f)
}

// parse makes a checkpoint of a file whose checksum is right. Whatever the file holds, a checkpoint
// that it returns can be encoded again and compared with a run.
func parse(f *safetensors.File) (*Checkpoint, error) {
	var h header
	if err := json.Unmarshal([]byte(f.Metadata[trainerKey]), &h); err != nil {
		return nil, err
	}
	if h.Iteration < 0 || h.Step < 0 || h.AdamSteps < 0 || h.Steps < 0 {
		return nil, errors.New("a number of its iterations or steps is below 0")
	}
	c := &Checkpoint{
		Iteration: h.Iteration, Step: h.Step,
		Policy: &policy.State{Step: h.AdamSteps},
		Facts:  h.Facts, Loop: Loop{Arithmetic: h.Arithmetic, Steps: h.Steps},
	}
	if h.Best != nil {
		c.Best = *h.Best
	}
	switch h.Rule {
	case "":
	case policy.Mode.String():
		c.Rule = policy.Mode
	case policy.Mean.String():
		c.Rule = policy.Mean
	default:
		return nil, fmt.Errorf("its rule of actions is %q: mode or mean is allowed", h.Rule)
	}
	r := reader{file: f}
	c.Policy.Params = r.group(paramPrefix)
	c.Policy.M = r.group(firstPrefix)
	c.Policy.V = r.group(secondPrefix)
	c.Policy.Normalizer = &policy.Normalizer{On: h.Normalize, Clip: h.ObsClip, Seen: r.moments("normalizer")}
	c.Loop.Rewards = r.moments("reward_stats")
	c.Loop.Returns = r.moments("return_stats")
	c.Loop.Discounted = r.float64s("discounted")
	if _, ok := f.Lookup(keptKey); ok {
		c.Loop.Kept = r.float64s(keptKey)
	}
	c.Loop.Envs = r.lookup("envs").Data
	if s := r.lookup("streams"); len(s.Shape) != 2 || len(s.Data) == 0 || s.DType != safetensors.U8 {
		r.fail(fmt.Errorf("bad type %s or shape %v of streams", s.DType, s.Shape))
	} else {
		c.Loop.Streams = slices.Collect(slices.Chunk(s.Data, s.Shape[1]))
	}
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

// reader reads tensors of a file and keeps the first error.
type reader struct {
	file *safetensors.File
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) lookup(name string) safetensors.Tensor {
	t, ok := r.file.Lookup(name)
	if !ok {
		r.fail(fmt.Errorf("it has no tensor %q", name))
	}
	return t
}

func (r *reader) float64s(name string) []float64 {
	v, err := r.lookup(name).Float64()
	if err != nil {
		r.fail(err)
	}
	return v
}

func (r *reader) group(prefix string) []policy.Tensor {
	var all []policy.Tensor
	for _, t := range r.file.Tensors {
		if name, ok := strings.CutPrefix(t.Name, prefix); ok {
			v, err := t.Float32()
			if err != nil {
				r.fail(err)
			}
			all = append(all, policy.Tensor{Name: name, Shape: t.Shape, Data: v})
		}
	}
	return all
}

func (r *reader) moments(name string) *stats.Moments {
	count, mean, m2 := r.float64s(name+".count"), r.float64s(name+".mean"), r.float64s(name+".m2")
	if len(count) != 1 || len(mean) != len(m2) {
		r.fail(fmt.Errorf("bad shape of %s", name))
		return stats.NewMoments(0)
	}
	return &stats.Moments{Count: count[0], Mean: mean, M2: m2}
}
