package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"paspo/internal/run/config"
	"paspo/internal/run/glossary"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAME]",
		Short: "Explain a number or word of a run, or list them",
		Long: `Explain a metric, by its name in metrics.jsonl or its tag in TensorBoard, a word of
the summary, of eval or of constraints check, a setting or a preset. Without a name, list
the metrics, words and presets.`,
		Example: fmt.Sprintf("  %[1]s explain policy/entropy\n  %[1]s explain share\n  %[1]s explain ppo.gamma", program),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listEntries(cmd.OutOrStdout())
			}
			return explain(cmd.OutOrStdout(), strings.Join(args, " "))
		},
	}
}

func explain(w io.Writer, name string) error {
	found := glossary.Find(name)
	if text, ok := config.Default().Doc(name); ok {
		found = append(found, glossary.Entry{Name: name, Text: text})
	}
	if use, ok := config.PresetUse(name); ok {
		found = append(found, glossary.Entry{Name: "--preset " + name, Text: use})
	}
	if len(found) == 0 {
		names := append(config.Default().Keys(), config.PresetNames()...)
		for _, entries := range [][]glossary.Entry{glossary.Metrics, glossary.Algorithms, glossary.Words} {
			for _, e := range entries {
				names = append(names, e.Name)
			}
		}
		msg := fmt.Sprintf("nothing is called %q", name)
		if near := config.Nearest(name, names); near != "" {
			msg += fmt.Sprintf("; did you mean %s?", near)
		}
		return fmt.Errorf("%s; %s explain lists what is", msg, program)
	}
	b := bufio.NewWriter(w)
	for _, e := range found {
		fmt.Fprintf(b, "%s\n", e.Name)
		wrapped(b, e.Text, "  ")
	}
	return b.Flush()
}

// listEntries lists all entries of the glossary with their first sentences.
func listEntries(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, part := range []struct {
		title   string
		entries []glossary.Entry
	}{{"metrics", glossary.Metrics}, {"metrics of single algorithms", glossary.Algorithms}, {"words", glossary.Words}} {
		fmt.Fprintln(b, part.title)
		for _, e := range part.entries {
			first, _, _ := strings.Cut(e.Text, ". ")
			wrapped(b, e.Name+": "+strings.TrimSuffix(first, "."), "  ")
		}
	}
	fmt.Fprintln(b, "presets")
	for _, name := range config.PresetNames() {
		use, _ := config.PresetUse(name)
		wrapped(b, name+": "+use, "  ")
	}
	fmt.Fprintf(b, "settings\n  %s config prints them with what they mean\n", program)
	return b.Flush()
}

// wrapped writes a text in lines of at most 80 characters.
func wrapped(w io.Writer, text, indent string) {
	const most = 80
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(indent)+len(line)+1+len(word) > most {
			fmt.Fprintln(w, indent+line)
			line = ""
			indent = "    "
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, indent+line)
}
