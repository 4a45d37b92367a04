//go:build gpu

package cuda

import (
	"fmt"
	"os"
	"reflect"

	"gorgonia.org/cu"

	"paspo/cuda/internal/driver"
)

// oldest is the first CUDA version that takes PTX ISA 8.0.
const oldest = 12000

// Codes that this package tells apart.
const (
	codeOutOfMemory = 2
	codeNoDevice    = 100
)

func version(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// open opens the driver once; where that failed the next call tries again.
func open() error {
	path := os.Getenv("PASPO_LIBCUDA")
	if path == "" {
		path = "libcuda.so.1"
	}
	switch o := driver.Open(path, oldest); o.Status {
	case driver.Opened:
		return nil
	case driver.Absent:
		return fmt.Errorf("%w: %s", ErrNoDriver, o.Why)
	case driver.Old:
		return fmt.Errorf("%w: it supports CUDA %s, %s is needed (driver 525 or later)", ErrOld, version(o.Value), version(oldest))
	case driver.Failed:
		e := &Error{Call: "cuInit", Code: o.Value, Name: o.Name, Meaning: o.Why}
		if o.Value == codeNoDevice {
			return fmt.Errorf("%w: %w", ErrNoDevice, e)
		}
		return fmt.Errorf("cuda: the driver does not start: %w", e)
	default:
		return fmt.Errorf("%w: %s", ErrBroken, o.Why)
	}
}

// check makes an *Error of a code that is not 0.
func check(call string, code int) error {
	if code == 0 {
		return nil
	}
	e := &Error{Call: call, Code: code}
	e.Name, e.Meaning = driver.Explain(code)
	return e
}

// wrap makes an *Error of an error of gorgonia.org/cu, which is a code.
func wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	if v := reflect.ValueOf(err); v.CanInt() {
		return check(call, int(v.Int()))
	}
	return fmt.Errorf("%s: %w", call, err)
}

// DriverVersion is the CUDA version that the driver supports, such as 12.4.
func DriverVersion() (string, error) {
	if err := open(); err != nil {
		return "", err
	}
	v, code := driver.Version()
	return version(v), check("cuDriverGetVersion", code)
}

// Devices lists the devices. None is ErrNoDevice; without a driver it is
// ErrNoDriver, ErrBroken, ErrOld or an *Error.
func Devices() ([]Device, error) {
	if err := open(); err != nil {
		return nil, err
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, wrap("cuDeviceGetCount", err)
	}
	if n == 0 {
		return nil, ErrNoDevice
	}
	devices := make([]Device, n)
	for i := range devices {
		if devices[i], err = describe(i); err != nil {
			return nil, err
		}
	}
	return devices, nil
}

func describe(ordinal int) (Device, error) {
	d := Device{Ordinal: ordinal}
	h, err := cu.GetDevice(ordinal)
	if err != nil {
		return d, wrap("cuDeviceGet", err)
	}
	if d.Name, err = h.Name(); err != nil {
		return d, wrap("cuDeviceGetName", err)
	}
	if d.Memory, err = h.TotalMem(); err != nil {
		return d, wrap("cuDeviceTotalMem", err)
	}
	for _, a := range []struct {
		of cu.DeviceAttribute
		to *int
	}{
		{cu.ComputeCapabilityMajor, &d.Major},
		{cu.ComputeCapabilityMinor, &d.Minor},
		{cu.MultiprocessorCount, &d.SMs},
		{maxSharedMemoryPerBlockOptin, &d.SharedMemory},
		{cu.ClockRate, &d.ClockKHz},
		{cu.MemoryClockRate, &d.MemoryKHz},
		{cu.GlobalMemoryBusWidth, &d.BusBits},
	} {
		if *a.to, err = h.Attribute(a.of); err != nil {
			return d, wrap("cuDeviceGetAttribute", err)
		}
	}
	return d, nil
}

// maxSharedMemoryPerBlockOptin is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN.
const maxSharedMemoryPerBlockOptin cu.DeviceAttribute = 97
