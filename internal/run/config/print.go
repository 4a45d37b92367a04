package config

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// printSettings writes settings as a YAML document with their documentation as
// comments. What it writes reads back to the same settings.
func printSettings(w io.Writer, settings any) error {
	b := bufio.NewWriter(w)
	walk(reflect.ValueOf(settings).Elem(), "", func(f field) {
		depth := strings.Count(f.key, ".")
		indent := strings.Repeat("  ", depth)
		if f.section() && depth == 0 {
			fmt.Fprintln(b)
		}
		if f.doc != "" {
			fmt.Fprintf(b, "%s# %s\n", indent, f.doc)
		}
		if f.section() {
			fmt.Fprintf(b, "%s%s:\n", indent, f.name)
			return
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, f.name, literal(f.value))
	})
	return b.Flush()
}

// literal returns a value as YAML on one line.
func literal(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}

// quoted returns a string as a YAML scalar, plain where it can be.
func quoted(s string) string {
	plain := s != ""
	for _, r := range s {
		plain = plain && (r == '_' || r == '-' || r == '/' || r == '.' ||
			'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}
	if plain {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(s), &n); err == nil && n.Kind != 0 && n.Content[0].Tag == "!!str" && n.Content[0].Value == s {
			return s
		}
	}
	// YAML's double-quoted scalars have the escapes of strconv.
	return strconv.Quote(s)
}
