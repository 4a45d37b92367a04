package limits

import (
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
