//go:build openblas

package openblas

// #cgo pkg-config: openblas
// #include <cblas.h>
//
// static void mul(int count, int m, int n, int k, const float *a, int lda, int abatch,
//	const float *b, int ldb, int bbatch, float *c, int ldc, int cbatch) {
//	for (int i = 0; i < count; i++)
//		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a + i*abatch, lda,
//			b + i*bbatch, ldb, 0, c + i*cbatch, ldc);
// }
import "C"

import "paspo/internal/blas"

func init() { C.openblas_set_num_threads(1) }

// Mul computes the products of p, without bias or ReLU, in one call of cgo.
func Mul(p *blas.Product, a, b, c []float32) {
	C.mul(C.int(p.Count), C.int(p.M), C.int(p.N), C.int(p.K),
		(*C.float)(&a[0]), C.int(p.A.Row), C.int(p.A.Batch),
		(*C.float)(&b[0]), C.int(p.B.Row), C.int(p.B.Batch),
		(*C.float)(&c[0]), C.int(p.C.Row), C.int(p.C.Batch))
}
