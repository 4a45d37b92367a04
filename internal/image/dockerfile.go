package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// instruction is one of a Dockerfile, its lines joined.
type instruction struct {
	name  string // in capitals
	flags []string
	text  string
}

// stage is what stands between two FROM.
type stage struct {
	from, name string
	steps      []instruction
}

// parse reads a Dockerfile without heredocs.
func parse(text string) ([]stage, error) {
	var stages []stage
	var line string
	for raw := range strings.Lines(text) {
		raw = strings.TrimSpace(raw)
		if strings.HasPrefix(raw, "#") {
			continue
		}
		part, more := strings.CutSuffix(raw, `\`)
		line += part
		if more {
			line += " "
			continue
		}
		if line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		line = ""
		in := instruction{name: strings.ToUpper(name), text: strings.TrimSpace(rest)}
		for strings.HasPrefix(in.text, "--") {
			flag, rest, _ := strings.Cut(in.text, " ")
			in.flags = append(in.flags, flag)
			in.text = strings.TrimSpace(rest)
		}
		if in.name == "FROM" {
			words := strings.Fields(in.text)
			s := stage{from: words[0]}
			if len(words) == 3 && strings.EqualFold(words[1], "as") {
				s.name = words[2]
			}
			stages = append(stages, s)
			continue
		}
		if len(stages) == 0 {
			return nil, fmt.Errorf("%s before the first FROM", in.name)
		}
		last := &stages[len(stages)-1]
		last.steps = append(last.steps, in)
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("no FROM")
	}
	return stages, nil
}

func (s *stage) all(name string) []instruction {
	var found []instruction
	for _, in := range s.steps {
		if in.name == name {
			found = append(found, in)
		}
	}
	return found
}

var install = regexp.MustCompile(`apt-get install ([^&]*)`)

// packages are those that a stage installs.
func (s *stage) packages() []string {
	var list []string
	for _, in := range s.all("RUN") {
		for _, m := range install.FindAllStringSubmatch(in.text, -1) {
			for _, word := range strings.Fields(m[1]) {
				if !strings.HasPrefix(word, "-") {
					list = append(list, word)
				}
			}
		}
	}
	return list
}

// shape says what is wrong with the stages: sources are built in one and not
// taken along, what runs is not root.
func shape(stages []stage) error {
	if len(stages) < 2 {
		return fmt.Errorf("one stage: what builds is in the image that runs")
	}
	build, last := stages[0], stages[len(stages)-1]
	if last.from == build.name || last.from == build.from {
		return fmt.Errorf("the image that runs starts from %s, which builds", last.from)
	}
	users := last.all("USER")
	if len(users) == 0 || slices.Contains([]string{"root", "0"}, strings.SplitN(users[len(users)-1].text, ":", 2)[0]) {
		return fmt.Errorf("the last stage runs as root")
	}
	if len(last.all("ENTRYPOINT")) != 1 {
		return fmt.Errorf("the last stage has %d entry points", len(last.all("ENTRYPOINT")))
	}
	for _, in := range last.all("COPY") {
		if strings.HasPrefix(in.text, ". ") {
			return fmt.Errorf("the sources are copied into the image that runs")
		}
	}
	return nil
}
