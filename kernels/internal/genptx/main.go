//go:build cgo

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"paspo/internal/checkout"
)

// The oldest architecture and PTX version that the product supports: drivers
// from 525 on translate it for every card since Turing.
const architecture = "compute_75"

var options = []string{"--gpu-architecture=" + architecture, "--std=c++17", "--fmad=true"}

func main() {
	lib := flag.String("lib", "", "NVRTC 12.0: the toolkit's libnvrtc.so.12; none: that of PyPI")
	table := flag.Bool("usage", false, "print registers, shared memory and spills of every kernel")
	compare := flag.Bool("check", false, "write nothing, but fail where the PTX is not what the sources give or no card's")
	flag.Parse()
	dir := "kernels"
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	var err error
	switch {
	case *table:
		err = writeUsage(os.Stdout, dir)
	case *compare:
		err = check(os.Stderr, *lib, dir)
	default:
		err = run(*lib, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genptx:", err)
		os.Exit(1)
	}
}

func run(lib, dir string) error {
	ptx, err := generate(lib, dir)
	if err != nil {
		return err
	}
	for name, text := range ptx {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate compiles every source in the folder, and returns the PTX by the name
// of the file that it belongs in.
func generate(lib, dir string) (map[string]string, error) {
	if lib == "" {
		folder, err := nvrtcWheel.Fetch()
		if err != nil {
			return nil, err
		}
		lib = filepath.Join(folder, "libnvrtc.so.12")
	}
	c, err := loadCompiler(lib)
	if err != nil {
		return nil, err
	}
	if major, minor := c.version(); major != 12 || minor != 0 {
		return nil, fmt.Errorf("NVRTC is version %d.%d: PTX ISA 8.0, which old drivers need, takes 12.0", major, minor)
	}
	headers := map[string]string{}
	sources := map[string]string{}
	for pattern, to := range map[string]map[string]string{"*.cuh": headers, "*.cu": sources} {
		files, err := checkout.Files(dir, pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			to[filepath.Base(f)] = string(text)
		}
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s has no sources", dir)
	}
	ptx := map[string]string{}
	for name, text := range sources {
		p, err := c.compile(name, text, headers, options...)
		if err != nil {
			return nil, err
		}
		ptx[strings.TrimSuffix(name, ".cu")+".ptx"] = p
	}
	return ptx, nil
}
