package checkpoint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"paspo/lp"
)

// Fact is a property of a training that its checkpoints state: of the polytope, the environment
// or the settings. A run goes on only from a checkpoint with the same facts.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`

	// Minor marks a fact whose difference is a warning only.
	Minor bool `json:"minor,omitempty"`
}

// PolytopeFacts returns one fact for every part of a polytope, so that an error can name a
// difference, and one for lp.Polytope.Hash, which covers them all.
func PolytopeFacts(p *lp.Polytope) []Fact {
	var facts []Fact
	add := func(name, value string) { facts = append(facts, Fact{Name: name, Value: value}) }
	entities := p.Entities()
	add("number of entities", strconv.Itoa(len(entities)))
	lower, upper := p.Bounds()
	for j, e := range entities {
		if p.Points() == nil {
			e = fmt.Sprintf("%s in [%s, %s]", e, number(lower[j]), number(upper[j]))
		}
		add(fmt.Sprintf("entity %d", j+1), e)
	}
	rows := func(kind, relation string, coef, limits []float64) {
		n := len(entities)
		for i, limit := range limits {
			text := linear(coef[i*n:][:n], entities)
			add(fmt.Sprintf("%s %d", kind, i+1), short(fmt.Sprintf("%s %s %s", text, relation, number(limit))))
		}
	}
	if points := p.Points(); points != nil {
		for i, v := range points {
			add(fmt.Sprintf("point %d", i+1), short(fmt.Sprint(v)))
		}
	} else {
		e, f, _ := p.Equalities()
		rows("equality", "=", e, f)
		a, b, _ := p.Inequalities()
		rows("inequality", "<=", a, b)
		for k := range b {
			for i, t := range p.Terms(k) {
				name := entities[t.Entity]
				if t.Sum != nil {
					name = linear(t.Sum, entities)
				}
				add(fmt.Sprintf("term %d of inequality %d", i+1, k+1), fmt.Sprintf("%s: %s above and %s below %s, holding %t",
					name, number(t.Above), number(t.Below), number(t.From), t.Holding))
			}
		}
	}
	add(whole, p.Hash())
	return facts
}

// whole is the name of the fact that covers a whole polytope.
const whole = "sha256 of the polytope"

// ofPolytope reports whether name is that of a fact of PolytopeFacts about one bound, row or point.
func ofPolytope(name string) bool {
	for _, kind := range []string{"entity ", "equality ", "inequality ", "point ", "term "} {
		if strings.HasPrefix(name, kind) {
			return true
		}
	}
	return false
}

// PolytopeDifferences describes how the polytope of c differs from that of own, one text for each
// bound, row and point. Polytopes that differ in nothing of this kind differ in their hash.
func PolytopeDifferences(c *Checkpoint, own []Fact) []string {
	var all []string
	ours := make(map[string]bool, len(own))
	hash := ""
	for _, f := range own {
		ours[f.Name] = true
		switch theirs := c.Fact(f.Name); {
		case f.Name == whole:
			hash = Difference(c, f)
		case !ofPolytope(f.Name):
		case theirs == "":
			all = append(all, fmt.Sprintf("it has no %s, this run has %s", f.Name, f.Value))
		case theirs != f.Value:
			all = append(all, Difference(c, f))
		}
	}
	for _, f := range c.Facts {
		if ofPolytope(f.Name) && !ours[f.Name] {
			all = append(all, fmt.Sprintf("its %s, %s, is not in this run", f.Name, f.Value))
		}
	}
	if len(all) == 0 && hash != "" {
		all = append(all, hash)
	}
	return all
}

func number(x float64) string {
	if x == 0 {
		x = 0 // -0 is the same number
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func linear(coef []float64, names []string) string {
	var b strings.Builder
	for j, c := range coef {
		if c == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" + ")
		}
		if c != 1 {
			b.WriteString(number(c) + "*")
		}
		b.WriteString(names[j])
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// short cuts a long value in the middle, since a row ends with its limit, and adds a
// hash of the whole.
func short(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	begin, end := strings.ToValidUTF8(s[:most/2], ""), strings.ToValidUTF8(s[len(s)-most/4:], "")
	return fmt.Sprintf("%s ... %s (sha256 %x)", begin, end, sha256.Sum256([]byte(s)))
}

// Fact returns the value of a fact, empty where the checkpoint does not state it.
func (c *Checkpoint) Fact(name string) string {
	for _, f := range c.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// neutral has the values of settings that change nothing. A checkpoint that is older than a
// setting does not state it, and was trained as if it had such a value.
var neutral = map[string]bool{"": true, "0": true, "false": true}

// Fits returns an error that names the first difference between the facts of a checkpoint and
// those of a run, own, and warns of differences of minor facts.
func (c *Checkpoint) Fits(own []Fact) error {
	if err := Compare(c, own); err != nil {
		return Unfit(c, err)
	}
	return nil
}

// Unfit adds the path of the checkpoint, where it was read from a file, to an error that says why
// it does not fit a run.
func Unfit(c *Checkpoint, err error) error {
	if c.Path == "" {
		return err
	}
	return fmt.Errorf("checkpoint %s does not fit this run: %w", c.Path, err)
}

// Difference describes how a fact of c differs from own, that of a run. It is empty where they are
// equal or c does not state the fact.
func Difference(c *Checkpoint, own Fact) string {
	if v := c.Fact(own.Name); v != "" && v != own.Value {
		return fmt.Sprintf("its %s is %s, that of this run %s", own.Name, v, own.Value)
	}
	return ""
}

// Compare is Fits without the path of the file in its error.
func Compare(c *Checkpoint, own []Fact) error {
	theirs := make(map[string]Fact, len(c.Facts))
	for _, f := range c.Facts {
		theirs[f.Name] = f
	}
	var minor []string
	differs := func(f Fact, format string, args ...any) error {
		text := fmt.Sprintf(format, args...)
		if f.Minor {
			minor = append(minor, text)
			return nil
		}
		return errors.New(text)
	}
	for _, f := range own {
		g, ok := theirs[f.Name]
		delete(theirs, f.Name)
		var err error
		switch {
		case !ok && neutral[f.Value]:
		case !ok:
			err = differs(f, "it has no %s, that of this run is %s", f.Name, f.Value)
		case g.Value != f.Value:
			err = differs(f, "its %s is %s, that of this run %s", f.Name, g.Value, f.Value)
		}
		if err != nil {
			return err
		}
	}
	for _, f := range c.Facts {
		if _, left := theirs[f.Name]; left {
			if err := differs(f, "its %s is %s, this run has none", f.Name, f.Value); err != nil {
				return err
			}
		}
	}
	for _, text := range minor {
		slog.Warn("checkpoint and run differ", "checkpoint", c.Path, "difference", text)
	}
	return nil
}
