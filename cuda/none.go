//go:build !gpu

package cuda

// Devices lists the devices.
func Devices() ([]Device, error) { return nil, ErrNotBuilt }

// DriverVersion is the CUDA version that the driver supports, such as 12.4.
func DriverVersion() (string, error) { return "", ErrNotBuilt }

// Context is a device that is in use.
type Context struct{}

// Open takes a device into use.
func Open(ordinal int) (*Context, error) { return nil, ErrNotBuilt }

// Device returns the device.
func (c *Context) Device() Device { return Device{} }

// Do calls f on the thread of the context.
func (c *Context) Do(f func() error) error { return ErrNotBuilt }

// Memory returns the bytes of device memory that are free, and all.
func (c *Context) Memory() (free, total int64, err error) { return 0, 0, ErrNotBuilt }

// Close lets go of the device.
func (c *Context) Close() error { return nil }
