// The kernels as functions of the host, for the fake driver: one library of
//
//	void host_NAME(const void *args, const unsigned grid[3], const unsigned block[3], unsigned shared)
//	const size_t NAME_args_size
//
// for every kernel, made by
//
//	g++ -std=c++17 -O3 -march=native -fPIC -shared -pthread -I kernels kernels/host/all.cpp
#define PASPO_HOST
#ifdef PASPO_RACE
#include "shim.h" // shim.cpp is with race.cpp, since what it does itself is not to be checked
#else
#include "shim.cpp"
#endif

#include "../beta.cu"
#include "../dense.cu"
#include "../gradw.cu"
#include "../loss.cu"
#include "../moments.cu"
#include "../sample.cu"
#include "../step.cu"

#ifdef PASPO_RACE
#include "racy.cu"
#endif
