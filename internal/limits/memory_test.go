package limits

import (
	"os"
	"testing"
)

func TestMemory(t *testing.T) {
	n, ok := Memory()
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		t.Skip("SKIPPED: no /proc/meminfo")
	}
	if !ok || n < 1<<26 || n > 1<<50 {
		t.Errorf("%d bytes, %v", n, ok)
	}
}

func TestFree(t *testing.T) {
	for _, c := range []struct {
		meminfo   string
		has, want int64
	}{
		{"MemTotal: 9 kB\nMemAvailable:     524288 kB\n", 1 << 40, 512 << 20}, {"", 1 << 40, 1 << 40}, {"MemAvailable: 99999999 kB\n", 7, 7},
	} {
		if got := free(c.meminfo, c.has); got != c.want {
			t.Errorf("%q, %d: %d, want %d", c.meminfo, c.has, got, c.want)
		}
	}
}
