package finite

// First returns the index of the first NaN or Inf, -1 if there is none.
func First[F float32 | float64](v []F) int {
	for i, x := range v {
		if !Is(x) {
			return i
		}
	}
	return -1
}

// All says whether all numbers are finite.
func All[F float32 | float64](v []F) bool { return First(v) < 0 }

// Is says whether x is a finite number: x-x is 0 for these alone.
func Is[F float32 | float64](x F) bool { return x-x == 0 }
