package walkforward

import "fmt"

// Fold is a window of periods First..Begin-1 to train on, and what follows it, Begin..End-1,
// to trade.
type Fold struct{ First, Begin, End int }

// Folds cuts periods into windows that move by what is traded. What is traded begins where
// the first window ends and leaves out nothing; its last part may be shorter.
func Folds(periods, window, trade int) ([]Fold, error) {
	if window < 2 || trade < 1 {
		return nil, fmt.Errorf("a window of %d periods and %d to trade: at least 2 and 1 are allowed", window, trade)
	}
	if periods < window+2 {
		return nil, fmt.Errorf("there are returns of %d periods, a window takes %d, and at least 2 are traded after it, which deviations and intervals are of: a shorter --window or more prices are needed", periods, window)
	}
	var all []Fold
	for begin := window; begin < periods; begin += trade {
		all = append(all, Fold{begin - window, begin, min(begin+trade, periods)})
	}
	return all, nil
}
