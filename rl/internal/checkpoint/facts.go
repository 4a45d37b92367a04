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

// Fact is one of the things that say whose policy a checkpoint holds: of the
// polytope, of the environment or of the settings. A run and what goes on with it
// must state the same.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`

	// Minor marks a fact whose difference is worth a warning alone.
	Minor bool `json:"minor,omitempty"`
}

// PolytopeFacts returns what lp.Polytope.Hash covers as a fact for every part, so that a
// difference can be named, and the hash.
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
	add("sha256 of the polytope", p.Hash())
	return facts
}

// OfPolytope reports whether a name is that of one of the facts of PolytopeFacts that differ
// between polytopes over equally many entities.
func OfPolytope(name string) bool {
	for _, kind := range []string{"entity ", "equality ", "inequality ", "point ", "sha256 of the polytope"} {
		if strings.HasPrefix(name, kind) {
			return true
		}
	}
	return false
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

// Fact returns the value of a fact that a checkpoint states, empty where it does not.
func (c *Checkpoint) Fact(name string) string {
	for _, f := range c.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// absent has the values of settings that change nothing. A checkpoint older than such a
// setting does not state it, and its policy is one of that value all the same.
var absent = map[string]bool{"": true, "0": true, "false": true}

// Fits returns an error that names the first fact of a checkpoint that differs
// from those of the run that is to take it, and warns of minor ones.
func (c *Checkpoint) Fits(own []Fact) error {
	if err := Compare(c, own); err != nil {
		return Unfit(c, err)
	}
	return nil
}

// Unfit says of an error which checkpoint does not fit, where it was read from a file.
func Unfit(c *Checkpoint, err error) error {
	if c.Path == "" {
		return err
	}
	return fmt.Errorf("checkpoint %s does not fit this run: %w", c.Path, err)
}

// Difference says how a fact of c differs from that of another run, empty where it does
// not or c does not state it.
func Difference(c *Checkpoint, own Fact) string {
	if v := c.Fact(own.Name); v != "" && v != own.Value {
		return fmt.Sprintf("its %s is %s, that of this run %s", own.Name, v, own.Value)
	}
	return ""
}

// Compare is Fits without the name of the file in its error.
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
		case !ok && absent[f.Value]:
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
