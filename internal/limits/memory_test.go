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
