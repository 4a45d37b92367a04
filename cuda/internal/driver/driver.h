// What open_driver answers.
enum { DRIVER_OPEN, DRIVER_ABSENT, DRIVER_BROKEN, DRIVER_OLD, DRIVER_INIT };

// Opens the library at path, unless one is open. Where that fails it is closed
// again, why says why, and value is the version of a driver older than oldest or
// the code of cuInit; why is then the name and the meaning of that code, in two lines.
int open_driver(const char *path, int oldest, int *value, char *why, int size);
