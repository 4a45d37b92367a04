package spec

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/count"
	"paspo/internal/run/config"
	"paspo/internal/setting"
	"paspo/internal/sweep/search"
)

// parse reads a document, and checks its parts against one another.
func parse(p *parser, data []byte) (*Spec, error) {
	name := p.name
	root, err := setting.Document(name, data)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, fmt.Errorf("%s: it is empty: base, seeds, search and space are needed", name)
	}
	if err := p.aliases(root, ""); err != nil {
		return nil, err
	}
	s := &Spec{
		Objective: Objective{Metric: metricReturn, Statistic: "iqm", Episodes: 200},
		Search:    Search{Method: methodRandom, Seed: 1},
		Base:      Base{Preset: config.AutoPreset},
		Report:    Report{Settings: 3},
		Text:      data,
	}
	at := map[string]*yaml.Node{}
	var space *yaml.Node
	keep := func(key string, f func(*yaml.Node) error) func(*yaml.Node) error {
		return func(n *yaml.Node) error { at[key] = n; return f(n) }
	}
	err = p.mapping(root, "the document", map[string]func(*yaml.Node) error{
		"base":  keep("base", func(n *yaml.Node) error { return p.base(n, &s.Base) }),
		"seeds": keep("seeds", func(n *yaml.Node) (err error) { s.Seeds, err = p.seeds(n, "seeds"); return err }),
		"objective": func(n *yaml.Node) error {
			return p.mapping(n, "objective", map[string]func(*yaml.Node) error{
				"metric":    p.choice("objective.metric", &s.Objective.Metric, metrics...),
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
		n := s.Space.Points()
		if s.Search.Trials > n && s.Search.Method != methodCMAES && !p.copied {
			return p.errorf(at["search.trials"], "search.trials is %d: the space has %s, and none is tried twice: at most %d is allowed",
				s.Search.Trials, count.Of(n, "setting"), n)
		}
		return nil
	}
	for _, d := range s.Space {
		if d.Kind != search.Choices && !d.Integer && d.Points == 0 {
			return fmt.Errorf("%s: space.%s has no points: a grid needs how many of the range it tries, for example {log: [1e-5, 1e-2], points: 4}", s.where["space."+d.Key], d.Key)
		}
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
		last := slices.Max(s.Seeds)
		if last > math.MaxUint64-uint64(len(s.Seeds)) {
			return p.errorf(at["seeds"], "seeds has %d, after which there are not %d more for the report: give others by report.seeds", last, len(s.Seeds))
		}
		for k := range s.Seeds {
			s.Report.Seeds = append(s.Report.Seeds, last+1+uint64(k))
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

// seeds reads a list of seeds, or ranges such as 1..5.
func (p *parser) seeds(n *yaml.Node, key string) (all Seeds, err error) {
	const allowed = "a list of seeds such as [1, 2, 3], or a range such as 1..5,"
	nodes := n.Content
	if n.Kind == yaml.ScalarNode {
		nodes = []*yaml.Node{n}
	}
	var parts []string
	for _, c := range nodes {
		if c.Kind == yaml.ScalarNode {
			parts = append(parts, c.Value)
		}
	}
	if n.Kind == yaml.MappingNode || len(parts) == 0 || len(parts) < len(nodes) {
		return nil, p.wrong(n, key, allowed)
	}
	if err := all.Set(strings.Join(parts, ",")); err != nil {
		return nil, p.errorf(n, "%s: %v", key, err)
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
		if n.Value == "" {
			return p.wrong(n, "base", fmt.Sprintf(allowed, presets))
		}
		to.File = n.Value
		if !filepath.IsAbs(to.File) {
			to.File = filepath.Join(filepath.Dir(p.name), to.File)
		}
		if p.copied {
			return nil
		}
		if info, err := os.Stat(to.File); err != nil || info.IsDir() {
			return p.errorf(n, "base is %s, and there is no file %s: "+allowed+" is allowed", show(n), to.File, presets)
		}
		return nil
	case yaml.MappingNode:
		rest := *n
		rest.Content = nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == presetKey {
				if err := p.choice("base."+presetKey, &to.Preset, config.PresetNames()...)(n.Content[i+1]); err != nil {
					return err
				}
				continue
			}
			rest.Content = append(rest.Content, n.Content[i], n.Content[i+1])
		}
		var err error
		to.dir = filepath.Dir(p.name)
		to.inline, err = yaml.Marshal(&rest)
		return err
	}
	return p.errorf(n, "base is %s: "+allowed+" is allowed", show(n), presets)
}
