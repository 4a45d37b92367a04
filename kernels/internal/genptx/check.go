//go:build cgo

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"paspo/internal/checkout"
)

// check compares the PTX in a folder with what the sources give, and has it
// assembled for all cards. What cannot be checked, because a tool cannot be
// had, is said and no error.
func check(w io.Writer, lib, dir string) error {
	if _, err := nvrtcWheel.Fetch(); lib == "" && err != nil {
		fmt.Fprintf(w, "NOT CHECKED that the PTX belongs to its sources: %v\n", err)
	} else if err := current(lib, dir); err != nil {
		return err
	}
	if assembler, err := ptxas(); err != nil {
		fmt.Fprintf(w, "NOT CHECKED that the PTX can be assembled: %v\n", err)
	} else if _, err := assembleAll(assembler, dir); err != nil {
		return err
	}
	return nil
}

// current reports PTX that is not what its source gives.
func current(lib, dir string) error {
	ptx, err := generate(lib, dir)
	if err != nil {
		return err
	}
	files, err := checkout.Files(dir, "*.ptx")
	if err != nil {
		return err
	}
	var wrong []string
	for _, f := range files {
		name := filepath.Base(f)
		have, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if want, ok := ptx[name]; !ok || string(have) != want {
			wrong = append(wrong, name)
		}
		delete(ptx, name)
	}
	for name := range ptx {
		wrong = append(wrong, name)
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("not what the sources give: %s (run make ptx)", strings.Join(wrong, ", "))
	}
	return nil
}
