package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"paspo/internal/checkout"
	"paspo/internal/wheel"
)

var runtimeWheel = wheel.Wheel{
	Name: "nvidia-cuda-runtime-cu12", Version: "12.9.79", Folder: "nvidia/cuda_runtime/include/",
	SHA256: map[string]string{
		"amd64": "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
		"arm64": "83469a846206f2a733db0c42e223589ab62fd2fabac4432d2f8802de4bded0a4",
	},
}

// oldest is the first CUDA_VERSION whose header has all that is needed.
const oldest = 12000

func main() {
	find := flag.Bool("find", false, "fail where cuda.h would have to be downloaded")
	flag.Parse()
	text, err := settings(os.Getenv, []string{"/usr/local/cuda", "/opt/cuda", "/usr"}, *find)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cuda.h:", err)
		os.Exit(1)
	}
	fmt.Print(text)
}

func settings(env func(string) string, toolkits []string, find bool) (string, error) {
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	include, err := header(env("CUDA_HOME"), toolkits)
	if err != nil {
		return "", err
	}
	if include == "" {
		if find && !runtimeWheel.Here() {
			return "", fmt.Errorf("no CUDA toolkit from 12.0 on is installed")
		}
		if include, err = runtimeWheel.Fetch(); err != nil {
			return "", err
		}
	}
	own := filepath.Join(root, "cuda", "internal", "driver")
	// This module's folders come first: its cuda.h makes that of CUDA 13 fit, its
	// libcuda.a keeps the linker from any libcuda.so.
	return export("CGO_CFLAGS", env("CGO_CFLAGS"), "-I"+filepath.Join(own, "include"), "-I"+include) +
		export("CGO_LDFLAGS", env("CGO_LDFLAGS"), "-L"+filepath.Join(own, "lib")), nil
}

// header returns the folder of an installed cuda.h, "" for none. Where home is
// not empty it has to be there.
func header(home string, toolkits []string) (string, error) {
	if home != "" {
		include := filepath.Join(home, "include")
		if v := headerVersion(include); v < oldest {
			return "", fmt.Errorf("CUDA_HOME=%s: no include/cuda.h of CUDA 12.0 or later there", home)
		}
		return include, nil
	}
	for _, t := range toolkits {
		if include := filepath.Join(t, "include"); headerVersion(include) >= oldest {
			return include, nil
		}
	}
	return "", nil
}

var versionLine = regexp.MustCompile(`(?m)^#define CUDA_VERSION (\d+)`)

// headerVersion returns CUDA_VERSION of the cuda.h in a folder, 0 without one.
func headerVersion(include string) int {
	text, err := os.ReadFile(filepath.Join(include, "cuda.h"))
	if err != nil {
		return 0
	}
	m := versionLine.FindSubmatch(text)
	if m == nil {
		return 0
	}
	v, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return v
}

// export puts flags before those that a variable has, once.
func export(name, old string, flags ...string) string {
	if old == "" {
		old = "-O2 -g" // what go takes where the variable is not set
	}
	var words []string
	for _, f := range flags {
		if strings.ContainsAny(f, " \t") {
			f = `"` + f + `"`
		}
		if !strings.Contains(old, f) {
			words = append(words, f)
		}
	}
	value := strings.Join(append(words, old), " ")
	return "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n"
}
