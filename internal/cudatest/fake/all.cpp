// The fake driver as one source, since most of compiling it is reading headers.
#include "device.cpp"
#include "memory.cpp"
#include "module.cpp"
#include "order.cpp"
#include "stream.cpp"
