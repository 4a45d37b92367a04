package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/setting"
)

// source is the place where a value was set.
type source struct {
	name string
	line int // 0 where the source has one line
}

func (s source) String() string {
	if s.line == 0 {
		return s.name
	}
	return fmt.Sprintf("%s:%d", s.name, s.line)
}

// decoder sets the fields of a struct of settings from documents and assignments, of which later
// ones override earlier ones, and records where each was set.
type decoder struct {
	root reflect.Value // struct
	keys []string      // all dotted keys, sections included
	from map[string]source
}

func newDecoder(settings any) *decoder {
	d := &decoder{root: reflect.ValueOf(settings).Elem(), from: map[string]source{}}
	walk(d.root, "", func(f field) { d.keys = append(d.keys, f.key) })
	return d
}

// document applies a YAML document.
func (d *decoder) document(name string, data []byte) error {
	root, err := setting.Document(name, data)
	if root == nil || err != nil {
		return err
	}
	return d.value(d.root, "", root, func(n *yaml.Node) source { return source{name, n.Line} })
}

// assignment applies one "a.b=c", where c is YAML.
func (d *decoder) assignment(s string) error {
	from := source{name: fmt.Sprintf("--set %s", s)}
	key, text, ok := strings.Cut(s, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return fmt.Errorf("%v: write it as key=value, for example ppo.lr=3e-4", from)
	}
	at := d.root
	path := ""
	for part := range strings.SplitSeq(key, ".") {
		f, ok := lookup(at, part)
		if !ok {
			return d.unknown(from, key)
		}
		at, path = f, join(path, part)
	}
	node, err := setting.Document(from.name, []byte(text))
	if err != nil {
		return err
	}
	if node == nil {
		node = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"} // the value is empty
	}
	return d.value(at, path, node, func(*yaml.Node) source { return from })
}

// ownKey is the section with the options of the environment that this program adds (see cli.Main).
const ownKey = "env.options"

func (d *decoder) unknown(from source, key string) error {
	msg := fmt.Sprintf("%v: unknown key %s", from, key)
	if (key == ownKey || strings.HasPrefix(key, ownKey+".")) && !slices.Contains(d.keys, ownKey) {
		msg += ": options are those of an environment that a program adds, and this binary adds none with options: the program of that environment reads them"
	} else if n := Nearest(key, d.keys); n != "" {
		msg += fmt.Sprintf("; did you mean %s?", n)
	}
	return fmt.Errorf("%s", msg)
}

// value sets v, the setting or section at key, from a node.
func (d *decoder) value(v reflect.Value, key string, n *yaml.Node, at func(*yaml.Node) source) error {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	wrong := func(allowed string) error {
		what := key
		if what == "" {
			what = "the document"
		}
		return fmt.Errorf("%v: %s is %s: %s is allowed", at(n), what, show(n), allowed)
	}
	d.from[key] = at(n)

	switch v.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return wrong("a mapping of settings")
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			full := join(key, name.Value)
			f, ok := lookup(v, name.Value)
			if !ok || name.Kind != yaml.ScalarNode {
				return d.unknown(at(name), full)
			}
			if seen[name.Value] {
				return fmt.Errorf("%v: %s is set twice", at(name), full)
			}
			seen[name.Value] = true
			if err := d.value(f, full, n.Content[i+1], at); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong("a list of " + plural(v.Type().Elem().Kind()))
		}
		s := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, c := range n.Content {
			if err := d.value(s.Index(i), fmt.Sprintf("%s[%d]", key, i), c, at); err != nil {
				return err
			}
		}
		v.Set(s)
		return nil
	}

	if own, ok := v.Addr().Interface().(yaml.Unmarshaler); ok {
		if err := own.UnmarshalYAML(n); err != nil {
			return fmt.Errorf("%v: %s is %s: %w", at(n), key, show(n), err)
		}
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		return wrong(singular(v.Kind()))
	}
	return scalar(v, n, wrong)
}

// scalar sets v from a scalar node.
func scalar(v reflect.Value, n *yaml.Node, wrong func(string) error) error {
	text := strings.ReplaceAll(n.Value, "_", "")
	switch v.Kind() {
	case reflect.String:
		if n.Tag == "!!null" {
			v.SetString("")
			return nil
		}
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil || n.Tag != "!!bool" {
			return wrong("true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, ok := integer(text)
		if !ok || n.Tag == "!!str" || v.OverflowInt(i) {
			return wrong("an integer")
		}
		v.SetInt(i)
	case reflect.Uint64:
		u, err := strconv.ParseUint(text, 10, 64)
		if i, ok := integer(text); err != nil && ok && i >= 0 {
			u, err = uint64(i), nil
		}
		if err != nil || n.Tag == "!!str" {
			return wrong("an integer from 0 to 18446744073709551615")
		}
		v.SetUint(u)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || n.Tag == "!!str" || math.IsNaN(x) || math.IsInf(x, 0) {
			return wrong("a finite number")
		}
		v.SetFloat(x)
	default:
		panic("config: bad type of setting: " + v.Type().String())
	}
	return nil
}

// integer also takes whole numbers such as 1e6.
func integer(s string) (int64, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, true
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return 0, false
	}
	return int64(x), true
}

func singular(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a finite number"
	}
	return "an integer"
}

func plural(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "strings"
	case reflect.Float64:
		return "numbers"
	}
	return "integers"
}

// show returns the value of a node for messages, in one short line.
func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	const most = 60
	s := n.Value
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	if s == "" {
		return "empty"
	}
	return strconv.Quote(s)
}
