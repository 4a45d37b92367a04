package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"paspo/internal/checkout"
)

// binaries are the tests of the packages that drive a GPU, compiled.
func binaries(dir string) ([]string, error) {
	all, err := checkout.Files(dir, "*.test")
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no test binaries (*.test) in %s: make gpu-check puts them there", dir)
	}
	return all, err
}

// onCard makes tests open the driver of the machine.
func onCard(cmd *exec.Cmd, gpu int) *exec.Cmd {
	cmd.Env = append(os.Environ(), "PASPO_TEST_GPU=1", fmt.Sprintf("CUDA_VISIBLE_DEVICES=%d", gpu))
	return cmd
}

// tests runs all test binaries on the card.
func tests(ctx context.Context, w io.Writer, dir string, gpu int) error {
	all, err := binaries(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| package | passed | failed | skipped |\n|---|---|---|---|\n")
	var notes bytes.Buffer
	bad := 0
	for _, path := range all {
		name := strings.TrimSuffix(filepath.Base(path), ".test")
		args := []string{"-test.v", "-test.timeout=9m"}
		if name == "gpu" {
			args = append(args, "-test.run=^TestGPU") // the others are about the processor
		}
		out, err := onCard(exec.CommandContext(ctx, path, args...), gpu).CombinedOutput()
		count := map[string]int{}
		var last []string
		lines := bufio.NewScanner(bytes.NewReader(out))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			line := lines.Text()
			for _, verdict := range []string{"PASS", "FAIL", "SKIP"} {
				if strings.HasPrefix(line, "--- "+verdict+": ") {
					count[verdict]++
					if verdict != "PASS" {
						fmt.Fprintf(&notes, "- %s: %s\n", name, strings.TrimPrefix(line, "--- "))
						for _, l := range last {
							fmt.Fprintf(&notes, "  - %s\n", l)
						}
					}
				}
			}
			if strings.HasPrefix(line, "=== ") {
				last = nil
			} else if last = append(last, strings.TrimSpace(line)); len(last) > 3 {
				last = last[1:]
			}
		}
		fmt.Fprintf(w, "| %s | %d | %d | %d |\n", name, count["PASS"], count["FAIL"], count["SKIP"])
		if err != nil {
			bad++
			fmt.Fprintf(&notes, "- %s ended with %v: %s\n", name, err, strings.Join(last, " / "))
		}
	}
	if notes.Len() > 0 {
		fmt.Fprintf(w, "\n%s", notes.String())
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d packages failed", bad, len(all))
	}
	return nil
}

// sanitize runs the kernels' tests under compute-sanitizer, where there is one.
func sanitize(ctx context.Context, w io.Writer, dir string, gpu int) error {
	sanitizer, err := exec.LookPath("compute-sanitizer")
	if err != nil {
		for _, path := range []string{"/usr/local/cuda/bin/compute-sanitizer", "/usr/local/cuda/compute-sanitizer/compute-sanitizer"} {
			if _, e := os.Stat(path); e == nil {
				sanitizer, err = path, nil
			}
		}
	}
	if err != nil {
		fmt.Fprintln(w, "Not on this machine: not run.")
		return nil
	}
	kernels := filepath.Join(dir, "kernels.test")
	if _, err := os.Stat(kernels); err != nil {
		return err
	}
	var errs []error
	for _, tool := range []string{"memcheck", "racecheck"} {
		out, err := onCard(exec.CommandContext(ctx, sanitizer, "--tool", tool, "--error-exitcode", "9", kernels, "-test.short", "-test.timeout=9m"), gpu).CombinedOutput()
		verdict := "no errors"
		if err != nil {
			verdict = err.Error()
			errs = append(errs, fmt.Errorf("%s: %w", tool, err))
		}
		fmt.Fprintf(w, "- %s of the kernels' tests: %s\n", tool, verdict)
		for line := range strings.SplitSeq(string(out), "\n") {
			if strings.Contains(line, "SUMMARY") {
				fmt.Fprintf(w, "  - %s\n", strings.Trim(line, "= "))
			}
		}
	}
	return errors.Join(errs...)
}
