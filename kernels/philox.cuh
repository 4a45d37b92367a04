// The random streams of package rng, continued on the device.
#pragma once
#include "common.cuh"

__device__ inline u32 high32(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }

// philox_block is block c of a stream by Philox4x32-10 (Salmon et al., SC 2011).
__device__ inline void philox_block(u64 key, u64 id, u64 c, u64 *w0, u64 *w1)
{
	u32 c0 = (u32)c, c1 = (u32)(c >> 32), c2 = (u32)id, c3 = (u32)(id >> 32), k0 = (u32)key, k1 = (u32)(key >> 32);
#pragma unroll
	for (int i = 0; i < 10; i++) {
		const u32 h0 = high32(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
		const u32 h1 = high32(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
		c0 = h1 ^ c1 ^ k0;
		c1 = l1;
		c2 = h0 ^ c3 ^ k1;
		c3 = l0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	*w0 = (u64)c0 | (u64)c1 << 32;
	*w1 = (u64)c2 | (u64)c3 << 32;
}
