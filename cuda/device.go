package cuda

import "fmt"

// Device is a GPU.
type Device struct {
	Ordinal      int // in the driver's order
	Name         string
	Memory       int64 // bytes
	Major, Minor int   // compute capability
	SMs          int   // multiprocessors
	SharedMemory int   // bytes that a block may have, at most
	ClockKHz     int   // of the multiprocessors
	MemoryKHz    int   // of the memory
	BusBits      int   // width of the memory's bus
}

func (d Device) String() string {
	return fmt.Sprintf("gpu:%d %s (sm_%d%d, %d SMs, %s)", d.Ordinal, d.Name, d.Major, d.Minor, d.SMs, size(d.Memory))
}

// Ptr is an address in device memory.
type Ptr uint64

// Aligned is the number of bytes that Arena.Take uses up for bytes.
func Aligned(bytes int64) int64 { return (bytes + align - 1) &^ (align - 1) }

const align = 256
