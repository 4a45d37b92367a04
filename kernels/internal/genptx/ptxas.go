//go:build cgo

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"paspo/internal/checkout"
)

// cards are the architectures that the PTX is assembled for.
var cards = []string{"sm_75", "sm_80", "sm_90"}

// usage is what a kernel takes of a card.
type usage struct {
	kernel                    string
	registers, shared, spills int // shared and spills in bytes
}

// assemble has ptxas translate a file of PTX.
func assemble(ptxas, file, card string) ([]usage, error) {
	out, err := exec.Command(ptxas, "--gpu-name="+card, "--verbose", "--output-file="+os.DevNull, file).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ptxas --gpu-name=%s %s: %w\n%s", card, filepath.Base(file), err, out)
	}
	return parseUsage(string(out))
}

var (
	entryLine  = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	spillLine  = regexp.MustCompile(`(\d+) bytes spill stores, (\d+) bytes spill loads`)
	usedLine   = regexp.MustCompile(`Used (\d+) registers`)
	sharedLine = regexp.MustCompile(`(\d+) bytes smem`)
)

// parseUsage reads what ptxas prints of each kernel: its name, then its spills,
// then the rest in one line.
func parseUsage(out string) ([]usage, error) {
	starts := entryLine.FindAllStringSubmatchIndex(out, -1)
	var us []usage
	for i, at := range starts {
		end := len(out)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		text := out[at[1]:end]
		spills, used := spillLine.FindStringSubmatch(text), usedLine.FindStringSubmatch(text)
		if spills == nil || used == nil {
			return nil, fmt.Errorf("ptxas printed nothing about %s:\n%s", out[at[2]:at[3]], text)
		}
		u := usage{kernel: out[at[2]:at[3]]}
		u.registers = number(used[1])
		u.spills = number(spills[1]) + number(spills[2])
		if s := sharedLine.FindStringSubmatch(text); s != nil {
			u.shared = number(s[1])
		}
		us = append(us, u)
	}
	return us, nil
}

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err) // the expressions match digits only
	}
	return n
}

// ptxas returns the path of the assembler of PyPI.
func ptxas() (string, error) {
	folder, err := nvccWheel.Fetch()
	return filepath.Join(folder, "ptxas"), err
}

// assembleAll has ptxas translate all PTX of a folder for all cards, and returns
// what every kernel takes of each.
func assembleAll(assembler, dir string) (map[string][]usage, error) {
	files, err := checkout.Files(dir, "*.ptx")
	if err != nil {
		return nil, err
	}
	perKernel := map[string][]usage{}
	for _, f := range files {
		for _, card := range cards {
			us, err := assemble(assembler, f, card)
			if err != nil {
				return nil, err
			}
			for _, u := range us {
				perKernel[u.kernel] = append(perKernel[u.kernel], u)
			}
		}
	}
	return perKernel, nil
}

// writeUsage writes a Markdown table of what the kernels in a folder take.
func writeUsage(w io.Writer, dir string) error {
	assembler, err := ptxas()
	if err != nil {
		return err
	}
	perKernel, err := assembleAll(assembler, dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "| kernel | registers, sm_75 | sm_80 | sm_90 | static shared memory, bytes | spilled, bytes |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, n := range slices.Sorted(maps.Keys(perKernel)) {
		u, spills := perKernel[n], 0
		for _, x := range u {
			spills = max(spills, x.spills)
		}
		fmt.Fprintf(w, "| `%s` | %d | %d | %d | %d | %d |\n", n, u[0].registers, u[1].registers, u[2].registers, u[2].shared, spills)
	}
	return nil
}
