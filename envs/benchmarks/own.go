package benchmarks

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/lp"
)

// own is the problem that this binary adds to the benchmarks, and its name.
var own struct {
	problem envs.Problem
	name    string
}

// Register adds a problem to the benchmarks of this process, which then is what
// DefaultConfig chooses. It is called once, before anything else of this package.
func Register(p envs.Problem) error {
	if own.problem != nil {
		return fmt.Errorf("the problem %s is registered already", own.name)
	}
	var name string
	if err := envs.Call(p, "Spec", func() { name = p.Spec().Name }); err != nil {
		return err
	}
	switch {
	case name == "":
		return fmt.Errorf("the problem %T has no name: Spec().Name is what a configuration calls it", p)
	case strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	}):
		return fmt.Errorf("the problem %T is called %q: a name of letters of ASCII, digits, '.', '_' and '-' is allowed", p, name)
	case named(name) != nil:
		return fmt.Errorf("the problem %T is called %q as a benchmark is: another name is allowed", p, name)
	}
	if c, ok := p.(envs.Configurable); ok {
		options, err := optionsOf(c)
		if err != nil {
			return err
		}
		if err := checkOptions(reflect.TypeOf(options).Elem(), ""); err != nil {
			return fmt.Errorf("the options of %s (%T): %w", name, options, err)
		}
	}
	own.problem, own.name = p, name
	return nil
}

func optionsOf(c envs.Configurable) (options any, err error) {
	if err := envs.Call(c, "Options", func() { options = c.Options() }); err != nil {
		return nil, err
	}
	if v := reflect.ValueOf(options); v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("the problem %T: Options returned %T: a pointer to a struct is allowed", c, options)
	}
	return options, nil
}

// checkOptions checks that a configuration can set every option.
func checkOptions(t reflect.Type, prefix string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		if name != strings.TrimSpace(name) || strings.ContainsAny(name, ".:#") {
			return fmt.Errorf("field %s%s is called %q in YAML: a word is allowed", prefix, f.Name, name)
		}
		at := f.Type
		if f.Tag.Get("file") != "" && at.Kind() != reflect.String {
			return fmt.Errorf("field %s%s is a %v: the name of a file is a string", prefix, f.Name, f.Type)
		}
		if at.Kind() == reflect.Slice {
			at = at.Elem()
		} else if at.Kind() == reflect.Struct {
			if err := checkOptions(at, prefix+f.Name+"."); err != nil {
				return err
			}
			continue
		}
		switch at.Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		default:
			return fmt.Errorf("field %s%s is a %v: string, bool, int, int64, uint64, float64, slices of these and structs are allowed", prefix, f.Name, f.Type)
		}
	}
	return nil
}

// IsOwn says whether the chosen problem is the one that this binary adds.
func (c Config) IsOwn() bool { return own.problem != nil && c.Name == own.name }

// configured returns the problem that this binary adds, with its options.
func (c Config) configured() (p envs.Problem, err error) {
	with, ok := own.problem.(envs.Configurable)
	if !ok {
		return own.problem, nil
	}
	if e := envs.Call(with, "Configure", func() { p, err = with.Configure(c.Options) }); e != nil {
		return nil, e
	}
	if err == nil && p == nil {
		err = fmt.Errorf("the problem %T: Configure returned neither a problem nor an error", with)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// checkOwn returns the error of the options, which begins with what is to be set.
func (c Config) checkOwn() error {
	p, err := c.configured()
	if err != nil {
		key, _, _ := strings.Cut(err.Error(), " ")
		at := reflect.TypeOf(c.Options).Elem()
		for part := range strings.SplitSeq(key, ".") {
			if at = optionType(at, part); at == nil {
				return fmt.Errorf("options are refused: %w", err)
			}
		}
		return fmt.Errorf("options.%w", err)
	}
	var spec envs.Spec
	if err := envs.Call(p, "Spec", func() { spec = p.Spec() }); err != nil {
		return fmt.Errorf("name is %q: %w", c.Name, err)
	}
	if spec.Name != own.name {
		return fmt.Errorf("name is %q: the problem calls itself %q once it is configured", c.Name, spec.Name)
	}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("name is %q: %w", c.Name, err)
	}
	return nil
}

// optionType returns the type of the option, nil where there is none.
func optionType(t reflect.Type, name string) reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); tag == name && name != "" {
			return t.Field(i).Type
		}
	}
	return nil
}

// WithOwnOptions returns the configuration with a copy of its options. Setting an option of
// the copy leaves c as it is, although Options is a pointer.
func (c Config) WithOwnOptions() Config {
	if c.Options != nil {
		options := reflect.New(reflect.TypeOf(c.Options).Elem())
		options.Elem().Set(reflect.ValueOf(c.Options).Elem())
		c.Options = options.Interface()
	}
	return c
}

// newOwn returns the problem that this binary adds, over another polytope where p is one.
func (c Config) newOwn(p *lp.Polytope) (envs.Problem, error) {
	made, err := c.configured()
	if err != nil || p == nil {
		return made, err
	}
	with, ok := made.(envs.Constrainable)
	if !ok {
		return nil, ownConstraints(c.Name)
	}
	if has, given := made.Spec().Polytope.Entities(), p.Entities(); !slices.Equal(has, given) {
		return nil, fmt.Errorf("the constraints are of the entities %s: those of %s are allowed, %s", strings.Join(given, ", "), c.Name, strings.Join(has, ", "))
	}
	var over envs.Problem
	if e := envs.Call(with, "Constrain", func() { over, err = with.Constrain(p) }); e != nil {
		return nil, e
	}
	if err == nil && over == nil {
		err = errors.New("its Constrain returned neither a problem nor an error")
	}
	if err != nil {
		return nil, fmt.Errorf("environment %q: %w", c.Name, err)
	}
	var spec envs.Spec
	if err := envs.Call(over, "Spec", func() { spec = over.Spec() }); err != nil {
		return nil, err
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if spec.Polytope.Hash() != p.Hash() {
		return nil, fmt.Errorf("environment %q: its Constrain returned a problem over other constraints than the given ones", c.Name)
	}
	return over, nil
}

func ownConstraints(name string) error {
	return fmt.Errorf("environment %q: its constraints are its own, others cannot be given", name)
}

// AllNames returns what can be chosen: the problem that this binary adds, the benchmarks and
// their variants.
func AllNames() []string {
	names := namesOf(paper, variant, other)
	if own.problem != nil {
		names = slices.Insert(names, 0, own.name)
	}
	return names
}

// PythonName is the form of the names of environments in Python.
const PythonName = python.Form
