package relay

import "paspo/lp"

// BadEntity is what a chain panics with that is asked for more entities than there are.
const BadEntity = "lp: bad number of entities"

// Batch is what a chain keeps of its actions in the making: their limits, what has been fixed
// of them, and which of them are answered elsewhere.
type Batch struct {
	Size   int    // rows of the batch
	Entity int    // the next one
	Away   []bool // of rows: answered elsewhere, by the chain before or by that of the successor
	Gone   []int  // the rows that the successor has

	limits []*lp.Limits // of rows, nil for the polytope's own
	prefix []float64    // the amounts of the first entity in all rows, then those of the next
	row    []float64    // the prefix of one row
	to     *Successor
	behind Taker // nil until a row is handed over
	err    error // the successor did not start
}

// NewBatch returns a batch of at most so many actions of n entities. Their chain hands rows over
// to the successor, and none where that is nil.
func NewBatch(n, most int, to *Successor) Batch {
	return Batch{
		Away: make([]bool, most), Gone: make([]int, 0, most), limits: make([]*lp.Limits, most),
		prefix: make([]float64, n*most), row: make([]float64, n), to: to,
	}
}

// BeginEmpty begins a batch of rows of which none is its own.
func (b *Batch) BeginEmpty(rows int) {
	b.Size, b.Entity, b.Gone, b.err = rows, 0, b.Gone[:0], nil
	for r := range rows {
		b.Away[r] = true
	}
}

// Most is how many rows there can be.
func (b *Batch) Most() int { return len(b.Away) }

// Take makes row r its own, with the prefix that all rows have.
func (b *Batch) Take(r int, lim *lp.Limits, prefix []float64) {
	b.Away[r], b.limits[r], b.Entity = false, lim, len(prefix)
	for i, a := range prefix {
		b.prefix[i*len(b.Away)+r] = a
	}
}

// TakeAll makes all rows its own, under the polytope's own limits.
func (b *Batch) TakeAll() {
	clear(b.Away[:b.Size])
	clear(b.limits[:b.Size])
}

// Asked returns the entity that is asked for. It panics where none is left.
func (b *Batch) Asked() int {
	if b.Entity >= len(b.row) {
		panic(BadEntity)
	}
	return b.Entity
}

// Hand hands row r over with the prefix that it has. outside is as for a Taker.
func (b *Batch) Hand(r int, outside bool) {
	b.Away[r] = true
	if b.err != nil {
		return
	}
	if b.behind == nil {
		s, err := b.to.get()
		if err != nil {
			b.err = err
			return
		}
		b.behind = s.Taker(len(b.Away))
	}
	if len(b.Gone) == 0 {
		b.behind.BeginEmpty(b.Size)
	}
	b.Gone = append(b.Gone, r)
	prefix := b.row[:b.Entity]
	for i := range prefix {
		prefix[i] = b.prefix[i*len(b.Away)+r]
	}
	b.behind.Take(r, b.limits[r], prefix, outside)
}

// Rest has the successor answer the rows that it has.
func (b *Batch) Rest(lo, hi []float64) error {
	if b.err != nil || len(b.Gone) == 0 {
		return b.err
	}
	return b.behind.Next(lo, hi)
}

// Fix fixes the next entity of all rows. It is called before any of them is handed over for that.
func (b *Batch) Fix(a []float64) {
	copy(b.prefix[b.Entity*len(b.Away):], a[:b.Size])
	b.Entity++
	if len(b.Gone) > 0 {
		b.behind.Fix(a)
	}
}

// Handed returns the rows that the successor has, and its chain.
func (b *Batch) Handed() ([]int, Taker) { return b.Gone, b.behind }
