// The most that one core multiplies and adds, for one instruction set: n rounds of twelve
// independent chains of fused multiply-adds, which hide its latency. The result is the number
// of operations.
static ptrdiff_t NAME(peak)(ptrdiff_t n, float *sink)
{
	VEC x[12], a = SPLAT(0.999f), b = SPLAT(1e-3f);
#pragma GCC unroll 12
	for (int i = 0; i < 12; i++)
		x[i] = SPLAT((float)i);
	for (ptrdiff_t l = 0; l < n; l++)
#pragma GCC unroll 12
		for (int i = 0; i < 12; i++)
			x[i] = FMA(a, x[i], b);
	for (int i = 1; i < 12; i++)
		x[0] = ADD(x[0], x[i]);
	STORE(sink, x[0]);
	return 2 * 12 * LANES * n;
}
