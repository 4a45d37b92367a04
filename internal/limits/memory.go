package limits

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Memory returns the bytes of memory that the process can have: the machine's, or less
// where its control group has less. ok is false where the system does not say.
func Memory() (bytes int64, ok bool) {
	bytes = math.MaxInt64
	least := func(text string, unit int64) {
		if v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && v > 0 && v <= math.MaxInt64/unit {
			bytes, ok = min(bytes, v*unit), true
		}
	}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if rest, found := strings.CutPrefix(line, "MemTotal:"); found {
				least(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 1<<10)
			}
		}
	}
	for _, path := range [...]string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if data, err := os.ReadFile(path); err == nil {
			least(string(data), 1)
		}
	}
	return bytes, ok
}

// FreeMemory returns the bytes of memory that the machine has left, or that the control group of the
// process may have where that is less, and the largest integer where the system says neither.
func FreeMemory() int64 {
	has, ok := Memory()
	if !ok {
		has = math.MaxInt64
	}
	text, _ := os.ReadFile("/proc/meminfo")
	return free(string(text), has)
}

func free(meminfo string, has int64) int64 {
	for line := range strings.Lines(meminfo) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kB); n == 1 {
			has = min(has, kB<<10)
		}
	}
	return has
}
