package kernels

// NormParams is for the tests.
const NormParams = normParams
