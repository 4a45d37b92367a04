package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/stats"
	"paspo/internal/sweep/search"
)

// Method returns what chooses settings.
func (s *Spec) Method() search.Method {
	var m search.Method = search.Random{Space: s.Space, Seed: s.Search.Seed}
	switch s.Search.Method {
	case methodGrid:
		return search.Grid{Space: s.Space}
	case methodCMAES:
		return search.CMAES{Space: s.Space, Seed: s.Search.Seed} // without Fresh: it is told results of points that it suggested itself
	case methodSobol:
		m = search.Sobol{Space: s.Space, Seed: s.Search.Seed}
	case methodTPE:
		m = search.TPE{Space: s.Space, Seed: s.Search.Seed}
	}
	return search.Fresh{Method: m, Space: s.Space, Seed: s.Search.Seed}
}

// Text returns the settings of a base, nil for none.
func (b *Base) Text() ([]byte, error) {
	if b.File == "" {
		return b.inline, nil
	}
	data, err := limits.ReadFile(b.File, limits.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot read the base %s: %w", b.File, atomicfile.Cause(err))
	}
	return data, nil
}

// Config returns the base with assignments over it; one of a preset takes the place of the base's.
func (s *Spec) Config(assignments []string) (c *config.Config, err error) {
	preset := s.Base.Preset
	var settings []string
	for _, a := range assignments {
		if name, ok := strings.CutPrefix(a, presetKey+"="); ok {
			preset = name
			continue
		}
		settings = append(settings, a)
	}
	if s.Base.inline == nil {
		c, err = config.LoadOver(preset, s.Base.File, settings, nil)
	} else {
		c, err = config.LoadTextOver(preset, inlineName, s.Base.dir, s.Base.inline, settings)
	}
	if err != nil {
		if text, ok := strings.CutPrefix(err.Error(), "--set "); ok {
			err = errors.New(text) // nobody gave a flag
		}
	}
	return c, err
}

// CheckServes returns an error where one of the algorithms cannot be trained on one of the environments.
func (s *Spec) CheckServes(envs, algos []string) error {
	for _, env := range envs {
		var all []*config.Config
		for _, algo := range algos {
			c, err := s.Config([]string{"env.name=" + env, "algo.name=" + algo})
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		if err := agent.CheckServes(all); err != nil {
			return err
		}
	}
	return nil
}

// inlineName is what errors call a base that is in the sweep file.
const inlineName = "base"

var inlineLine = regexp.MustCompile(`^` + inlineName + `:\d+: `)

// Check returns an error that names the first value of the space that no training can have.
// One that fits others of the space, where it does not fit the base, is allowed.
func (s *Spec) Check() error {
	c, err := s.Config(nil)
	if err != nil {
		if s.Base.inline != nil {
			// Its lines are those of the text that was made of it.
			return fmt.Errorf("%s: base: %s", s.where["base"], inlineLine.ReplaceAllString(err.Error(), ""))
		}
		return fmt.Errorf("%s: base: %w", s.where["base"], err)
	}
	a, err := agent.New(c)
	if err != nil {
		return fmt.Errorf("%s: base: %w", s.where["base"], err)
	}
	a.Close()
	algos, envs := s.names("algo.name", c.Algo.Name), s.names("env.name", c.Env.Name)
	for i := range s.Space {
		key := s.Space[i].Key
		if why := config.Unused(key, algos, envs); why != "" {
			return fmt.Errorf("%s: space.%s: %s", s.where["space."+key], key, why)
		}
	}
	random := search.Random{Space: s.Space, Seed: 1}
	for i := range s.Space {
		d := &s.Space[i]
		values := []float64{d.Low, d.High}
		if d.Kind == search.Choices {
			values = values[:0]
			for k := range d.Choices {
				values = append(values, float64(k))
			}
		}
		for _, v := range values {
			set := d.Key + "=" + d.Text(v)
			_, err := s.Config([]string{set})
			for try := 0; err != nil && try < 200; try++ {
				p := random.Suggest(make([]search.Result, try))
				p[i] = v
				if _, e := s.Config(s.Space.Assignments(p)); e == nil {
					err = nil
				}
			}
			if err != nil {
				text, own := strings.CutPrefix(err.Error(), set+": ")
				if !own {
					text = set + ": " + text + "; change that in base, or give it values in space that fit" // it breaks what another setting says
				}
				return fmt.Errorf("%s: space.%s: %s", s.where["space."+d.Key], d.Key, text)
			}
		}
	}
	return nil
}

// names returns the names that a setting such as algo.name has in trainings, where the base has one.
func (s *Spec) names(key, base string) (all []string) {
	k := slices.IndexFunc(s.Space, func(d search.Dimension) bool { return d.Key == key })
	if k < 0 {
		return []string{base}
	}
	for _, c := range s.Space[k].Choices {
		all = append(all, c.Text)
	}
	return all
}

// Rungs returns the steps at which settings of a number of steps are compared.
func (p *Prune) Rungs(steps int64) (all []int64) {
	if p.Method == "" {
		return nil
	}
	for at := p.MinSteps; at < steps; at *= int64(p.Factor) {
		all = append(all, at)
	}
	return all
}

// Projected says whether actions that break constraints are projected before they are played.
func (o *Objective) Projected() bool { return o.Metric == metricProjected }

// Of returns what the returns of a setting come to.
func (o *Objective) Of(returns []float64) float64 {
	switch o.Statistic {
	case "mean":
		return stats.Mean(returns)
	case "median":
		return stats.Median(returns)
	case "worst":
		return slices.Min(returns)
	}
	return stats.IQM(returns)
}
