// How an agent's observations are standardised.
#pragma once
#include "common.cuh"

// Normalizer mirrors the Go type.
struct Normalizer {
	double count, on, clip;

	__device__ double *means() { return (double *)(this + 1); }
	__device__ const double *means() const { return (const double *)(this + 1); }
};

// Standard turns components of an agent's observations into what networks see.
struct Standard {
	const double *mean, *squares;
	double count, clip, floor;

	__device__ Standard(const Normalizer *n, i64 dim, double least)
		: mean(n->means()), squares(mean + dim), count(n->on != 0 ? n->count : 0), clip(n->clip), floor(least)
	{
	}

	__device__ float operator()(double x, int k) const
	{
		if (count > 0) {
			// What has been the same up to rounding says nothing of the scale of another value.
			const double variance = squares[k] / count;
			x = (x - mean[k]) / (variance <= 1e-24 * mean[k] * mean[k] ? 1 : sqrt(variance + floor));
			if (clip > 0)
				x = x > clip ? clip : x < -clip ? -clip : x; // NaN stays
		}
		return (float)x;
	}
};
