package spec

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/run/config"
	"paspo/internal/sweep/search"
)

// presetKey is the preset, under what the base says: of the base, and of the space.
const presetKey = "preset"

// unlearned names settings of how a training is run that change no bit of what is learned. Folders
// of sweeps that go through them are read nevertheless.
var unlearned = []string{
	"lp.workers", "lp.max_bases", "debias.sampler.workers", "debias.cache_dir", "ppo.checkpoint_every", "ppo.checkpoint_seconds", "ppo.checkpoint_keep",
	"env.python.workers", "env.python.start", "env.python.timeout",
}

// space reads the dimensions.
func (p *parser) space(n *yaml.Node, s *Spec) error {
	if n.Kind != yaml.MappingNode {
		return p.wrong(n, "space", "a mapping of settings to their values, such as {ppo.lr: {log: [1e-5, 1e-2]}},")
	}
	if len(n.Content) == 0 {
		return p.errorf(n, "space is empty: at least one setting with its values is needed, such as ppo.lr: {log: [1e-5, 1e-2]}")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if slices.ContainsFunc(s.Space, func(d search.Dimension) bool { return d.Key == name.Value }) {
			return p.errorf(name, "space.%s is set twice", name.Value)
		}
		d, err := p.dimension(name, value)
		if err != nil {
			return err
		}
		s.Space = append(s.Space, *d)
	}
	return nil
}

// dimension reads a setting and its values.
func (p *parser) dimension(name, n *yaml.Node) (*search.Dimension, error) {
	key := name.Value
	kind, ok := config.Default().Kind(key)
	if key == presetKey {
		kind = reflect.String
	} else if !ok {
		if kind == reflect.Struct {
			return nil, p.errorf(name, "space.%s is a section: settings are named with dots, such as ppo.lr: {log: [1e-5, 1e-2]}", key)
		}
		_, err := config.Load("", []string{key + "=0"}, nil)
		_, text, _ := strings.Cut(err.Error(), ": ")
		return nil, p.errorf(name, "space: %s", text)
	}
	switch {
	case key == "seed":
		return nil, p.errorf(name, "space.seed: the seeds of all settings are those of seeds")
	case key == "device" || key == "kernels" || strings.HasPrefix(key, "report.") || !p.copied && slices.Contains(unlearned, key):
		return nil, p.errorf(name, "space.%s: it does not change what is learned", key)
	case key == "ppo.eval_seed" || key == "ppo.eval_max_steps":
		return nil, p.errorf(name, "space.%s: all settings are compared on the same episodes; give it in base", key)
	case config.NamesFile(key):
		return nil, p.errorf(name, "space.%s: a setting that names a file belongs into base", key)
	}
	key = "space." + key
	d := &search.Dimension{Key: name.Value}
	const allowed = "{choices: [a, b]}, {linear: [low, high]}, {log: [low, high]} or {int: [low, high]}"
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return nil, p.wrong(n, key, allowed)
	}
	given := 0
	span := func(k search.Kind, integer bool) func(*yaml.Node) error {
		return func(n *yaml.Node) error {
			given++
			d.Kind, d.Integer = k, integer || kind == reflect.Int || kind == reflect.Int64 || kind == reflect.Uint64
			return p.span(n, key, kind, d)
		}
	}
	err := p.mapping(n, key, map[string]func(*yaml.Node) error{
		"choices": func(n *yaml.Node) error { given++; d.Kind = search.Choices; return p.choices(n, key, d) },
		"linear":  span(search.Linear, false),
		"int":     span(search.Linear, true),
		"log":     span(search.Log, false),
		"points":  p.integer(key+".points", &d.Points, 2, search.MaxTrials),
	})
	if err != nil {
		return nil, err
	}
	if given != 1 {
		return nil, p.errorf(n, "%s has %d kinds of values: one of %s is allowed", key, given, allowed)
	}
	if d.Kind == search.Choices && d.Points > 0 {
		return nil, p.errorf(n, "%s.points: choices are all points of a grid", key)
	}
	if name.Value == presetKey {
		for _, c := range d.Choices {
			if !slices.Contains(config.PresetNames(), c.Text) {
				return nil, p.errorf(n, "%s.choices has %s: presets are %s", key, c.Text, strings.Join(config.PresetNames(), ", "))
			}
		}
	}
	return d, nil
}

// span reads the endpoints of a range.
func (p *parser) span(n *yaml.Node, key string, kind reflect.Kind, d *search.Dimension) error {
	if kind == reflect.String || kind == reflect.Bool || kind == reflect.Slice {
		return p.errorf(n, "%s is no number: {choices: [a, b]} is allowed", key)
	}
	allowed := "[low, high] with finite numbers and low < high"
	switch {
	case d.Integer:
		allowed = "[low, high] with integers of at most 2^53 in size and low < high"
		if d.Kind == search.Log {
			allowed += ", low at least 1,"
		}
	case d.Kind == search.Log:
		allowed = "[low, high] with finite numbers and 0 < low < high"
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return p.wrong(n, key, allowed)
	}
	lo, ok1 := number(n.Content[0])
	hi, ok2 := number(n.Content[1])
	const exact = 1 << 53
	if !ok1 || !ok2 || !(lo < hi) || d.Kind == search.Log && !(lo > 0) ||
		d.Integer && (lo != float64(int64(lo)) || hi != float64(int64(hi)) || max(-lo, hi) > exact) {
		return p.errorf(n, "%s is %s: %s is allowed", key, flow(n), allowed)
	}
	d.Low, d.High = lo, hi
	return nil
}

// flow writes a value in one line.
func flow(n *yaml.Node) string {
	one := *n
	one.Style = yaml.FlowStyle
	b, err := yaml.Marshal(&one)
	if err != nil {
		return show(n)
	}
	return string(bytes.TrimSpace(b))
}

// choices reads a list of values, none of them twice.
func (p *parser) choices(n *yaml.Node, key string, d *search.Dimension) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return p.wrong(n, key+".choices", "a list of at least one value")
	}
	for _, c := range n.Content {
		var plain any
		text := c.Value
		if c.Kind != yaml.ScalarNode {
			text = flow(c)
			plain = text
		} else if x, ok := number(c); ok {
			digits := strings.ReplaceAll(text, "_", "")
			plain = x
			if whole, err := strconv.ParseInt(digits, 10, 64); err == nil {
				plain = whole
			} else if large, err := strconv.ParseUint(digits, 10, 64); err == nil {
				plain = large
			} else if x == float64(int64(x)) {
				plain = int64(x)
			}
		} else if err := c.Decode(&plain); err != nil {
			return p.errorf(c, "%s: %v", key, err)
		} else if _, isBool := plain.(bool); !isBool {
			plain = text
			var read yaml.Node
			if yaml.Unmarshal([]byte(text), &read) != nil || len(read.Content) == 0 || read.Content[0].Value != text {
				// Only its quotes say what it is.
				b, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: text})
				if err != nil {
					return err
				}
				text = string(bytes.TrimSpace(b))
			}
		}
		for _, other := range d.Choices {
			if other.Text == text || reflect.DeepEqual(other.Plain, plain) {
				return p.errorf(c, "%s.choices has %s twice", key, text)
			}
		}
		d.Choices = append(d.Choices, search.Choice{Text: text, Plain: plain})
	}
	return nil
}
