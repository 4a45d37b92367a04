package bench

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func TestDevice(t *testing.T) {
	defer func(a, b, c []int, d Size) {
		DeviceRows, DeviceMinibatches, DevicePolicies, DeviceTraining = a, b, c, d
	}(DeviceRows, DeviceMinibatches, DevicePolicies, DeviceTraining)
	DeviceRows, DeviceMinibatches, DevicePolicies, DeviceTraining = []int{16, 300}, []int{8, 300}, []int{1, 3}, Size{16, 4, 32}

	r, err := Device(context.Background(), CPUs, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteDevices(&b, r, r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2+2+2+2+1+2 {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines[2:] {
		if f := strings.Fields(l); f[len(f)-1] != "1.00" || f[len(f)-2] == "0" || f[len(f)-2] != f[len(f)-3] {
			t.Errorf("%q", l)
		}
	}
}
