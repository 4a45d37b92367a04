package cuda

import (
	"errors"
	"fmt"
)

// Why there is no device, and why there is none any more. errors.Is finds them in
// what Devices, Open and the methods of a Context return.
var (
	ErrNotBuilt = errors.New("cuda: this program was built without GPU support (make build)")
	ErrNoDriver = errors.New("cuda: no NVIDIA driver")
	ErrBroken   = errors.New("cuda: the driver library cannot be used")
	ErrOld      = errors.New("cuda: the driver is too old")
	ErrNoDevice = errors.New("cuda: no CUDA device")
	ErrLost     = errors.New("cuda: the device is lost")
	ErrClosed   = errors.New("cuda: the context is closed")
)

// Error is a driver call that failed.
type Error struct {
	Call    string // as the driver calls it
	Code    int    // CUresult
	Name    string // of the code, "" where the driver does not know it
	Meaning string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: error %d", e.Call, e.Code)
	if e.Name != "" {
		s += " " + e.Name
	}
	if e.Meaning != "" {
		s += ": " + e.Meaning
	}
	return s
}

// Is reports whether target is ErrLost and the error one after which the device answers nothing
// else. An error of cuInit is not: there was no device to lose.
func (e *Error) Is(target error) bool {
	return target == ErrLost && sticky(e.Code) && e.Call != "cuInit"
}

// sticky tells codes that every later call returns too: the context is gone, and
// mostly the fault of a kernel or of the hardware.
func sticky(code int) bool {
	switch code {
	case 4, // DEINITIALIZED
		46,  // DEVICE_UNAVAILABLE
		214, // ECC_UNCORRECTABLE
		220, // NVLINK_UNCORRECTABLE
		226, // CONTAINED
		700, // ILLEGAL_ADDRESS
		702, // LAUNCH_TIMEOUT
		709, // CONTEXT_IS_DESTROYED
		710, // ASSERT
		714, // HARDWARE_STACK_ERROR
		715, // ILLEGAL_INSTRUCTION
		716, // MISALIGNED_ADDRESS
		717, // INVALID_ADDRESS_SPACE
		718, // INVALID_PC
		719, // LAUNCH_FAILED
		721, // TENSOR_MEMORY_LEAK
		999: // UNKNOWN
		return true
	}
	return false
}

// OutOfMemoryError is a need of device memory that the device does not meet, in
// bytes.
type OutOfMemoryError struct {
	Need, Free, Total int64
	Device            string
}

// Missing is the number of bytes that are missing.
func (e *OutOfMemoryError) Missing() int64 { return max(0, e.Need-e.Free) }

func (e *OutOfMemoryError) Error() string {
	s := fmt.Sprintf("cuda: %s of device memory needed, %s of %s free on %s: ", size(e.Need), size(e.Free), size(e.Total), e.Device)
	if e.Missing() > 0 {
		return s + size(e.Missing()) + " missing"
	}
	return s + "not in one piece"
}

// size writes a number of bytes in the largest unit of which there are ten.
func size(bytes int64) string {
	x, unit := float64(bytes), 0
	for ; x >= 10<<10 && unit < 3; unit++ {
		x /= 1 << 10
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", x, []string{"B", "KiB", "MiB", "GiB"}[unit])
}
