package sweep

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/sweep/search"
)

// Spec is what a sweep file says.
type Spec struct {
	Base      Base
	Seeds     []uint64 // that every setting trains on
	Objective Objective
	Search    Search
	Prune     Prune
	Report    Report
	Space     search.Space

	text  []byte            // the file
	where map[string]string // file and line of the base and of every key of the space
}

// Base is the settings that those of the space go over.
type Base struct {
	Preset string
	File   string // that goes over the preset, empty for none
	inline []byte // or settings in its place
}

// Objective is what is to be large.
type Objective struct {
	Metric    string
	Statistic string
	Episodes  int // of validation
}

// Search says how settings are chosen.
type Search struct {
	Method string
	Trials int
	Seed   uint64
}

// Prune says which settings are given up before their end; none where Method is empty.
type Prune struct {
	Method   string
	MinSteps int64
	Factor   int
}

// Report says how many of the best settings are trained again, and on which seeds.
type Report struct {
	Seeds    []uint64
	Settings int
}

const (
	methodGrid   = "grid"
	methodRandom = "random"
	methodSobol  = "sobol"
	methodTPE    = "tpe"
	methodCMAES  = "cmaes"

	pruneASHA = "asha"

	metricReturn = "return"
)

var (
	methods    = []string{methodGrid, methodRandom, methodSobol, methodTPE, methodCMAES}
	statistics = []string{"iqm", "mean", "median", "worst"}
)

// ReadSpec reads a sweep file. Errors are of one line that names the file, the line, the
// key, the value and what is allowed.
func ReadSpec(path string) (*Spec, error) {
	data, err := limits.ReadFile(path, limits.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot read the sweep %s: %w", path, atomicfile.Cause(err))
	}
	return parse(&parser{name: path}, data)
}

// parseIn parses the sweep file of a folder, in which a copy of the base may be.
func parseIn(path string, data []byte, base string) (*Spec, error) {
	s, err := parse(&parser{name: path, copied: true}, data)
	if err == nil && (s.Base.File != "" || s.Base.inline != nil) {
		s.Base.File, s.Base.inline = base, nil
	}
	return s, err
}

// parser reads a document.
type parser struct {
	name   string
	copied bool // the base is a copy
}

func (p *parser) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.name, n.Line, fmt.Sprintf(format, args...))
}

// wrong says what is allowed in the place of a value.
func (p *parser) wrong(n *yaml.Node, key, allowed string) error {
	return p.errorf(n, "%s is %s: %s is allowed", key, show(n), allowed)
}

func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			return "an empty list"
		}
		return "a list"
	}
	if n.Value == "" {
		return "empty"
	}
	const most = 60
	if len(n.Value) > most {
		return strconv.Quote(strings.ToValidUTF8(n.Value[:most], "") + "...")
	}
	return strconv.Quote(n.Value)
}

// mapping calls the function of every key that a mapping has.
func (p *parser) mapping(n *yaml.Node, key string, of map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return p.wrong(n, key, "a mapping")
	}
	prefix := ""
	if key != "the document" {
		prefix = key + "."
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		f := of[name.Value]
		if f == nil {
			var names []string
			for k := range of {
				names = append(names, k)
			}
			slices.Sort(names)
			return p.errorf(name, "unknown key %s%s: one of %s is allowed", prefix, name.Value, strings.Join(names, ", "))
		}
		if seen[name.Value] {
			return p.errorf(name, "%s%s is set twice", prefix, name.Value)
		}
		seen[name.Value] = true
		if err := f(value); err != nil {
			return err
		}
	}
	return nil
}

func parse(p *parser, data []byte) (*Spec, error) {
	name := p.name
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")
		if rest, ok := strings.CutPrefix(text, "line "); ok {
			return nil, fmt.Errorf("%s:%s", name, rest)
		}
		return nil, fmt.Errorf("%s: %s", name, text)
	}
	if doc.Kind == 0 {
		return nil, fmt.Errorf("%s: it is empty: base, seeds, search and space are needed", name)
	}
	s := &Spec{
		Objective: Objective{Metric: metricReturn, Statistic: "iqm", Episodes: 200},
		Search:    Search{Method: methodRandom, Seed: 1},
		Base:      Base{Preset: config.AutoPreset},
		Report:    Report{Settings: 3},
		text:      data,
	}
	root := doc.Content[0]
	at := map[string]*yaml.Node{}
	var space *yaml.Node
	keep := func(key string, f func(*yaml.Node) error) func(*yaml.Node) error {
		return func(n *yaml.Node) error { at[key] = n; return f(n) }
	}
	err := p.mapping(root, "the document", map[string]func(*yaml.Node) error{
		"base":  keep("base", func(n *yaml.Node) error { return p.base(n, &s.Base) }),
		"seeds": keep("seeds", func(n *yaml.Node) (err error) { s.Seeds, err = p.seeds(n, "seeds"); return err }),
		"objective": func(n *yaml.Node) error {
			return p.mapping(n, "objective", map[string]func(*yaml.Node) error{
				"metric":    p.choice("objective.metric", &s.Objective.Metric, metricReturn),
				"statistic": p.choice("objective.statistic", &s.Objective.Statistic, statistics...),
				"episodes":  p.integer("objective.episodes", &s.Objective.Episodes, 2, 100_000),
			})
		},
		"search": keep("search", func(n *yaml.Node) error {
			seed := int(s.Search.Seed)
			err := p.mapping(n, "search", map[string]func(*yaml.Node) error{
				"method": keep("search.method", p.choice("search.method", &s.Search.Method, methods...)),
				"trials": keep("search.trials", p.integer("search.trials", &s.Search.Trials, 1, search.MaxTrials)),
				"seed":   p.integer("search.seed", &seed, 0, 1<<53),
			})
			s.Search.Seed = uint64(seed)
			return err
		}),
		"prune": keep("prune", func(n *yaml.Node) error {
			least := 0
			s.Prune.Factor = 3
			err := p.mapping(n, "prune", map[string]func(*yaml.Node) error{
				"method":    p.choice("prune.method", &s.Prune.Method, pruneASHA),
				"min_steps": p.integer("prune.min_steps", &least, 1, 1<<52),
				"factor":    p.integer("prune.factor", &s.Prune.Factor, 2, 1000),
			})
			if err == nil && (s.Prune.Method == "" || least == 0) {
				err = p.errorf(n, "prune needs method and min_steps, such as {method: asha, min_steps: 20_000, factor: 3}")
			}
			s.Prune.MinSteps = int64(least)
			return err
		}),
		"report": func(n *yaml.Node) error {
			return p.mapping(n, "report", map[string]func(*yaml.Node) error{
				"seeds":    keep("report.seeds", func(n *yaml.Node) (err error) { s.Report.Seeds, err = p.seeds(n, "report.seeds"); return err }),
				"settings": p.integer("report.settings", &s.Report.Settings, 0, 1000),
			})
		},
		"space": func(n *yaml.Node) error { space = n; return nil },
	})
	if err != nil {
		return nil, err
	}
	for _, needed := range []string{"base", "seeds"} {
		if at[needed] == nil {
			return nil, p.errorf(root, "%s is missing", needed)
		}
	}
	if space == nil {
		return nil, p.errorf(root, "space is missing: a mapping of settings to their values is needed")
	}
	if err := p.space(space, s); err != nil {
		return nil, err
	}
	s.where = map[string]string{"base": fmt.Sprintf("%s:%d", name, at["base"].Line)}
	for i := 0; i+1 < len(space.Content); i += 2 {
		key := space.Content[i]
		s.where["space."+key.Value] = fmt.Sprintf("%s:%d", name, key.Line)
	}
	if err := p.searched(root, at, s); err != nil {
		return nil, err
	}
	return s, p.reportSeeds(at, s)
}

// searched completes what is said of the search.
func (p *parser) searched(root *yaml.Node, at map[string]*yaml.Node, s *Spec) error {
	if s.Search.Method == methodCMAES && (search.CMAES{Space: s.Space}).Ranges() == 0 {
		return p.errorf(at["search.method"], "search.method is cmaes, and the space has choices alone: a range such as {log: [1e-5, 1e-2]} is needed")
	}
	if s.Prune.Method != "" && slices.ContainsFunc(s.Space, func(d search.Dimension) bool { return d.Key == "steps" }) {
		return p.errorf(at["prune"], "prune compares settings at equal steps: space.steps cannot be given with it")
	}
	if s.Search.Method != methodGrid {
		if s.Search.Trials == 0 {
			n := root
			if at["search"] != nil {
				n = at["search"]
			}
			return p.errorf(n, "search.trials is missing: the number of settings that %s tries is needed", s.Search.Method)
		}
		return nil
	}
	all := search.Grid{Space: s.Space}.Trials()
	if all > search.MaxTrials {
		return p.errorf(at["search"], "the grid has more than %d settings: give ranges of the space points, for example {log: [1e-5, 1e-2], points: 4}", search.MaxTrials)
	}
	if s.Search.Trials != 0 && s.Search.Trials != all {
		return p.errorf(at["search.trials"], "search.trials is %d: the grid has %d settings; leave it out", s.Search.Trials, all)
	}
	s.Search.Trials = all
	return nil
}

// reportSeeds gives the report seeds of its own and refuses those that settings are chosen
// on: what was chosen on a seed does better there than elsewhere.
func (p *parser) reportSeeds(at map[string]*yaml.Node, s *Spec) error {
	if s.Report.Seeds == nil {
		next := slices.Max(s.Seeds)
		for range s.Seeds {
			next++
			s.Report.Seeds = append(s.Report.Seeds, next)
		}
		return nil
	}
	for _, seed := range s.Report.Seeds {
		if slices.Contains(s.Seeds, seed) {
			return p.errorf(at["report.seeds"], "report.seeds has %d, which seeds has too: settings are reported on other seeds than they were chosen on", seed)
		}
	}
	return nil
}

func (p *parser) choice(key string, to *string, allowed ...string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
			return p.wrong(n, key, "one of "+strings.Join(allowed, ", "))
		}
		*to = n.Value
		return nil
	}
}

func number(n *yaml.Node) (float64, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!str" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	return x, err == nil && x-x == 0
}

func (p *parser) integer(key string, to *int, least, most int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		x, ok := number(n)
		if !ok || x != float64(int(x)) || int(x) < least || int(x) > most {
			return p.wrong(n, key, fmt.Sprintf("an integer from %d to %d", least, most))
		}
		*to = int(x)
		return nil
	}
}

// seeds reads a list of seeds, or ranges such as 1..5.
func (p *parser) seeds(n *yaml.Node, key string) ([]uint64, error) {
	const allowed = "a list of seeds such as [1, 2, 3], or a range such as 1..5,"
	const most = 10_000
	var parts []string
	switch {
	case n.Kind == yaml.ScalarNode && n.Value != "":
		parts = strings.Split(n.Value, ",")
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return nil, p.wrong(n, key, allowed)
			}
			parts = append(parts, c.Value)
		}
	default:
		return nil, p.wrong(n, key, allowed)
	}
	var all []uint64
	for _, part := range parts {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "..")
		if !ok {
			to = from
		}
		a, e1 := strconv.ParseUint(from, 10, 63)
		b, e2 := strconv.ParseUint(to, 10, 63)
		if e1 != nil || e2 != nil || b < a {
			return nil, p.errorf(n, "%s has %q: %s is allowed", key, part, allowed)
		}
		if b-a >= most || len(all) >= most {
			return nil, p.errorf(n, "%s has more than %d seeds: fewer are allowed", key, most)
		}
		for ; a <= b; a++ {
			if slices.Contains(all, a) {
				return nil, p.errorf(n, "%s has %d twice: it would count twice", key, a)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// base reads a file, a preset or settings.
func (p *parser) base(n *yaml.Node, to *Base) error {
	const allowed = "a configuration file, a preset (%s) or settings such as {env: {name: compute}, steps: 50_000}"
	presets := strings.Join(config.PresetNames(), ", ")
	switch n.Kind {
	case yaml.ScalarNode:
		if slices.Contains(config.PresetNames(), n.Value) {
			to.Preset = n.Value
			return nil
		}
		to.File = n.Value
		if !filepath.IsAbs(to.File) {
			to.File = filepath.Join(filepath.Dir(p.name), to.File)
		}
		if p.copied {
			return nil
		}
		if info, err := os.Stat(to.File); n.Value == "" || err != nil || info.IsDir() {
			return p.errorf(n, "base is %s, and there is no file %s: "+allowed+" is allowed", show(n), to.File, presets)
		}
		return nil
	case yaml.MappingNode:
		rest := *n
		rest.Content = nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "preset" {
				if err := p.choice("base.preset", &to.Preset, config.PresetNames()...)(n.Content[i+1]); err != nil {
					return err
				}
				continue
			}
			rest.Content = append(rest.Content, n.Content[i], n.Content[i+1])
		}
		var err error
		to.inline, err = yaml.Marshal(&rest)
		return err
	}
	return p.errorf(n, "base is %s: "+allowed+" is allowed", show(n), presets)
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

func (p *parser) dimension(name, n *yaml.Node) (*search.Dimension, error) {
	key := name.Value
	kind, ok := config.Default().Kind(key)
	if !ok {
		_, err := config.Load("", []string{key + "=0"}, nil)
		text := "it is a section"
		if err != nil {
			_, text, _ = strings.Cut(err.Error(), ": ")
		}
		return nil, p.errorf(name, "space: %s", text)
	}
	switch {
	case key == "seed":
		return nil, p.errorf(name, "space.seed: the seeds of all settings are those of seeds")
	case key == "device" || key == "kernels" || strings.HasPrefix(key, "report."):
		return nil, p.errorf(name, "space.%s: it does not change what is learned", key)
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
	return d, nil
}

// span reads the ends of a range.
func (p *parser) span(n *yaml.Node, key string, kind reflect.Kind, d *search.Dimension) error {
	if kind == reflect.String || kind == reflect.Bool || kind == reflect.Slice {
		return p.errorf(n, "%s is no number: {choices: [a, b]} is allowed", key)
	}
	allowed := "[low, high] with finite numbers and low < high"
	switch {
	case d.Integer:
		allowed = "[low, high] with integers and low < high"
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
		return p.errorf(n, "%s is [%s, %s]: %s is allowed", key, n.Content[0].Value, n.Content[1].Value, allowed)
	}
	d.Low, d.High = lo, hi
	return nil
}

func (p *parser) choices(n *yaml.Node, key string, d *search.Dimension) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return p.wrong(n, key+".choices", "a list of at least one value")
	}
	for _, c := range n.Content {
		var plain any
		text := c.Value
		if c.Kind != yaml.ScalarNode {
			flow := *c
			flow.Style = yaml.FlowStyle
			b, err := yaml.Marshal(&flow)
			if err != nil {
				return err
			}
			text = string(bytes.TrimSpace(b))
			plain = text
		} else if x, ok := number(c); ok {
			plain = x
			if x == float64(int64(x)) {
				plain = int64(x)
			}
		} else if err := c.Decode(&plain); err != nil {
			return p.errorf(c, "%s: %v", key, err)
		} else if _, isBool := plain.(bool); !isBool {
			plain = text
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
