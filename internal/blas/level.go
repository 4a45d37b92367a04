package blas

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// Auto is the level of the best instructions that the processor has.
const Auto = "auto"

// The last is what the plain level of arm64 is called, which has no others.
var levelNames = [...]string{"plain", "avx2", "avx512", "neon"}

// Levels returns what Use takes.
func Levels() []string { return append([]string{Auto}, levelNames[:]...) }

// level is that in use.
var level atomic.Int64

func init() { level.Store(int64(limitISA(len(levelNames) - 1))) }

// Use makes all kernels of the process take the instructions of a level: plain for
// those that every processor of its kind has (on arm64 that is neon), avx2 (with FMA),
// avx512, or auto. Levels round differently, so that results differ in their last bits. It is
// an error if the processor has not got them. Use must not be called while kernels run.
func Use(name string) error {
	if name == plainLevel {
		name = levelNames[0]
	}
	want := len(levelNames) - 1
	if name != Auto {
		want = -1
		for i, l := range levelNames {
			if l == name {
				want = i
			}
		}
		if want < 0 {
			return fmt.Errorf("one of %s is allowed", strings.Join(Levels(), ", "))
		}
	}
	if int(level.Load()) == want {
		return nil
	}
	have := limitISA(want)
	if name != Auto && have < want {
		limitISA(int(level.Load()))
		return fmt.Errorf("this processor has no %s; its best is %s", name, nameOf(have))
	}
	level.Store(int64(have))
	return nil
}

func nameOf(level int) string {
	if level == 0 {
		return plainLevel
	}
	return levelNames[level]
}

// Level names what the bits of results depend on: the architecture and the level in
// use.
func Level() string { return runtime.GOARCH + " " + nameOf(int(level.Load())) }
