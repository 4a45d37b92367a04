package config

import (
	"strconv"
	"strings"
)

// Values of Config.Device. A number may follow the GPU, as in gpu:1.
const (
	DeviceAuto = "auto"
	DeviceCPU  = "cpu"
	DeviceGPU  = "gpu"
)

// GPU returns the GPU of a run: none where may is false. Where must is true, the run fails without
// the GPU of this ordinal; else it uses the first GPU if there is one.
func (c *Config) GPU() (ordinal int, may, must bool) {
	ordinal, ok := gpuOrdinal(c.Device)
	return ordinal, ok || c.Device == DeviceAuto, ok
}

// gpuOrdinal parses gpu and gpu:N.
func gpuOrdinal(device string) (int, bool) {
	if device == DeviceGPU {
		return 0, true
	}
	digits, ok := strings.CutPrefix(device, DeviceGPU+":")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil && digits[0] != '+'
}

func validDevice(device string) bool {
	_, gpu := gpuOrdinal(device)
	return gpu || device == DeviceAuto || device == DeviceCPU
}
