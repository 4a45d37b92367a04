package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"paspo/baselines"
	"paspo/envs/benchmarks"
)

// field is one setting or one section of a document.
type field struct {
	key   string // dotted
	name  string // last part of key
	doc   string
	file  bool // it names a file
	value reflect.Value
}

func (f field) section() bool { return f.value.Kind() == reflect.Struct }

// walk calls visit for all fields of a struct, and for a section before its fields.
func walk(v reflect.Value, prefix string, visit func(field)) {
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if inline(t) {
			walk(v.Field(i), prefix, visit)
			continue
		}
		name := yamlName(t)
		if name == "" {
			continue
		}
		value, ok := dereferenced(v.Field(i))
		if !ok {
			continue
		}
		doc := t.Tag.Get("doc")
		if of := t.Tag.Get("of"); of != "" {
			doc = strings.ReplaceAll(of, ",", ", ") + ": " + doc
		}
		f := field{join(prefix, name), name, doc, t.Tag.Get("file") == "true", value}
		visit(f)
		if f.section() {
			walk(f.value, f.key, visit)
		}
	}
}

// lookup returns the field of a struct by its name in YAML.
func lookup(v reflect.Value, name string) (reflect.Value, bool) {
	if v.Kind() != reflect.Struct || name == "" {
		return reflect.Value{}, false
	}
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if inline(t) {
			if f, ok := lookup(v.Field(i), name); ok {
				return f, true
			}
		}
		if yamlName(t) == name {
			return dereferenced(v.Field(i))
		}
	}
	return reflect.Value{}, false
}

// dereferenced returns the struct that a field of an interface type points to, false for nil, and
// other fields unchanged.
func dereferenced(v reflect.Value) (reflect.Value, bool) {
	if v.Kind() != reflect.Interface {
		return v, true
	}
	if v.IsNil() {
		return v, false
	}
	return v.Elem().Elem(), true
}

// inline reports whether the fields of a struct count as fields of the struct that embeds it.
func inline(f reflect.StructField) bool { return f.Tag.Get("yaml") == ",inline" }

// yamlName returns the name of a field in YAML, empty where it has none.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// Kind returns the kind of the values of a setting, and false for a section or an unknown key.
func (c *Config) Kind(key string) (reflect.Kind, bool) {
	at := reflect.ValueOf(c).Elem()
	for part := range strings.SplitSeq(key, ".") {
		f, ok := lookup(at, part)
		if !ok {
			return reflect.Invalid, false
		}
		at = f
	}
	return at.Kind(), at.Kind() != reflect.Struct
}

// Unused says why a setting changes nothing that some algorithms learn on some environments, nothing
// where it may.
func Unused(key string, algos, envs []string) string {
	if setting, ok := strings.CutPrefix(key, "algo."); ok {
		using := baselines.Using(setting)
		if using == nil || slices.ContainsFunc(algos, func(name string) bool { return slices.Contains(using, name) }) {
			return ""
		}
		return fmt.Sprintf("it changes nothing where algo.name is %s: one of %s is needed", strings.Join(algos, ", "), strings.Join(using, ", "))
	}
	setting, ok := strings.CutPrefix(key, "env.")
	section, _, nested := strings.Cut(setting, ".")
	if !ok || !nested || slices.ContainsFunc(envs, func(name string) bool { return benchmarks.Config{Name: name}.Section() == section }) {
		return ""
	}
	return fmt.Sprintf("it changes nothing where env.name is %s: an environment with settings in env.%s is needed", strings.Join(envs, ", "), section)
}
