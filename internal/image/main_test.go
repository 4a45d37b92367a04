package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const good = `
# comment
FROM golang:1 AS build
RUN apt-get update && apt-get install -y a \
	# within
	b && rm x
COPY . .
RUN --mount=type=cache,target=/x make build
FROM debian:1
RUN apt-get install c
COPY --from=build /x /y
USER me
ENTRYPOINT ["x"]
`

func TestParse(t *testing.T) {
	stages, err := parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0].name != "build" || stages[0].from != "golang:1" || stages[1].name != "" {
		t.Fatalf("got %+v", stages)
	}
	if got := stages[0].packages(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("packages %q", got)
	}
	run := stages[0].all("RUN")[1]
	if run.text != "make build" || !slices.Equal(run.flags, []string{"--mount=type=cache,target=/x"}) {
		t.Errorf("got %+v", run)
	}
	for _, bad := range []string{"", "RUN x\nFROM y"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestShape(t *testing.T) {
	for name, c := range map[string][2]string{
		"good":           {"", ""},
		"as root":        {"USER me", "USER root"},
		"as user 0":      {"USER me", "USER 0:0"},
		"no user":        {"USER me", ""},
		"the same image": {"FROM debian:1", "FROM build"},
		"one stage":      {"FROM debian:1", ""},
		"the sources":    {"COPY --from=build /x /y", "COPY . /y"},
		"no entry point": {"ENTRYPOINT", "CMD"},
	} {
		text := good
		if name != "good" {
			if text = strings.Replace(good, c[0], c[1], 1); text == good {
				t.Fatal(name)
			}
		}
		stages, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := shape(stages); (err == nil) != (name == "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLint(t *testing.T) {
	tool, err := hadolint.Fetch()
	if err != nil {
		t.Skipf("SKIPPED, not checked: %v", err)
	}
	path := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(path, []byte("FROM debian\nRUN cd /x && apt-get install y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := lint(filepath.Join(tool, "hadolint"), path); err == nil || !strings.Contains(err.Error(), "DL3006") {
		t.Errorf("got %v", err)
	}
}

func TestLibraries(t *testing.T) {
	strange, err := libraries("/bin/ls", []string{"coreutils"})
	if err != nil {
		t.Skipf("SKIPPED, not checked: %v", err)
	}
	if len(strange) > 0 {
		t.Errorf("coreutils does not bring %v", strange)
	}
	if strange, err = libraries("/bin/ls", []string{"libc6"}); err != nil || len(strange) == 0 {
		t.Errorf("libc6 brings all that ls needs: %v, %v", strange, err)
	}
}

func TestLinkLibraries(t *testing.T) {
	strange, err := linkLibraries([]string{"coinor-libclp-dev", "g++"})
	if err != nil {
		t.Skipf("SKIPPED, not checked: %v", err)
	}
	// CLP's package names libz for the linker and does not depend on it.
	if !slices.Equal(strange, []string{"libz.so"}) {
		t.Errorf("coinor-libclp-dev does not bring %v", strange)
	}
}
