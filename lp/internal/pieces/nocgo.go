//go:build !cgo

package pieces

const compiled = false

func (p *Pieces) wideC(b *Batch, col []float64) bool   { return p.rows(b, col) }
func (p *Pieces) narrowC(b *Batch, col []float64) bool { return p.rows(b, col) }
func limitISA(int) int                                 { return 0 }
