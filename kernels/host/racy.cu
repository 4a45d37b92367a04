// Kernels for the tests of the race check: most have a race, named for what is
// wrong. They have 64 threads.
struct racy_args {
	float *x; // one for every thread of all blocks
	int *n;
};

typedef racy_args racy_no_barrier_args, racy_barrier_in_loop_args, racy_warp_args, racy_shuffle_args, racy_blocks_args,
	racy_neighbours_args, racy_often_args, racy_often_later_args, racy_atomic_args, racy_constant_args, racy_none_args, racy_add_args;

__device__ inline float &mine(const racy_args &a) { return a.x[blockIdx.x * 64 + threadIdx.x]; }

KERNEL(64, 1, racy_no_barrier)
{
	SHARED(float, s, [64]);
	s[threadIdx.x] = threadIdx.x;
	mine(a) = s[63 - threadIdx.x];
}

KERNEL(64, 1, racy_barrier_in_loop)
{
	SHARED(float, s, [64]);
	for (int i = 0; i < 3; i++) {
		s[threadIdx.x] = i;
		__syncthreads();
		mine(a) += s[63 - threadIdx.x];
	}
}

KERNEL(64, 1, racy_warp)
{
	SHARED(float, s, [64]);
	s[threadIdx.x] = threadIdx.x;
	mine(a) = s[threadIdx.x ^ 1];
}

KERNEL(64, 1, racy_shuffle)
{
	DYNAMIC(float, s);
	s[threadIdx.x] = threadIdx.x;
	const float v = __shfl_xor_sync(~0u, (float)threadIdx.x, 1);
	mine(a) = v + s[threadIdx.x ^ 1];
}

KERNEL(64, 1, racy_blocks)
{
	if (threadIdx.x == 0)
		a.x[0] = blockIdx.x;
}

KERNEL(64, 1, racy_neighbours)
{
	const float v = a.x[(blockIdx.x + 1) % gridDim.x];
	__syncthreads();
	if (threadIdx.x == 0)
		a.x[blockIdx.x] = v;
}

// Words that all have read more than once, before one writes them.
KERNEL(64, 1, racy_often)
{
	SHARED(float, s, [64]);
	s[threadIdx.x] = threadIdx.x;
	__syncthreads();
	for (int i = 0; i < 3; i++)
		mine(a) += *(volatile float *)s;
	if (threadIdx.x == 40)
		s[0] = 1;
}

KERNEL(64, 1, racy_often_later)
{
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			mine(a) += *(volatile float *)(a.x + 192);
		__syncthreads();
		if (i == 2 && threadIdx.x == 40 && blockIdx.x == 1)
			a.x[192] = 1;
	}
}

KERNEL(64, 1, racy_atomic)
{
	atomicAdd(a.n, 1);
	mine(a) = *a.n;
}

KERNEL(64, 1, racy_constant)
{
	mine(a) = 1;
	a.x[192 + blockIdx.x * 64 + threadIdx.x] = __ldg(&mine(a));
}

// All that the others do, in order.
KERNEL(64, 1, racy_none)
{
	SHARED(float, s, [64]);
	DYNAMIC(float, d);
	float *x = a.x + blockIdx.x * 64;
	for (int i = 0; i < 3; i++) {
		s[threadIdx.x] = d[threadIdx.x] = i;
		__syncwarp();
		x[threadIdx.x] += d[threadIdx.x ^ 1] + __shfl_xor_sync(~0u, (float)i, 1);
		__syncthreads();
		x[threadIdx.x] += s[63 - threadIdx.x];
		__syncthreads();
		const float v = x[63 - threadIdx.x];
		__syncthreads();
		x[threadIdx.x] = v;
	}
	atomicAdd(a.n, 1);
}

// Its blocks write what is theirs: for races between launches.
KERNEL(64, 1, racy_add) { mine(a) += 1; }
