package kernels

import (
	"reflect"
	"slices"
	"testing"
	"unsafe"
)

// all has one struct of arguments of every kernel.
var all = []Args{
	&GatherArgs{}, &DenseArgs{}, &MaskedArgs{}, &DenseGradXArgs{}, &MaskedGradLatentArgs{}, &DenseGradWArgs{}, &MaskedGradWArgs{},
	&BetaTermsArgs{}, &BetaTermsGradArgs{}, &LossArgs{}, &StoreOldArgs{}, &GradNormArgs{}, &AdamArgs{}, &FinishArgs{}, &SampleArgs{TileRows: 32}, &SampleArgs{TileRows: 4}, &WordsArgs{},
	&MomentsArgs{}, &MergeMomentsArgs{},
}

func TestEveryArgsHasAKernel(t *testing.T) {
	var names []string
	for _, m := range Modules() {
		names = append(names, m.Kernels...)
	}
	for _, a := range all {
		if !slices.Contains(names, a.Kernel()) {
			t.Errorf("no module has the kernel %s", a.Kernel())
		}
	}
}

// Structs of 8-byte fields alone are laid out alike in Go and in C.
func TestFieldsHave8Bytes(t *testing.T) {
	for _, a := range all {
		s := reflect.TypeOf(a).Elem()
		for i := range s.NumField() {
			switch k := s.Field(i).Type.Kind(); k {
			case reflect.Uint64, reflect.Int64, reflect.Float64:
			default:
				t.Errorf("%v.%s is a %v", s, s.Field(i).Name, k)
			}
		}
	}
	if n := unsafe.Sizeof(Control{}); n != ControlBytes {
		t.Errorf("a Control has %d bytes, not %d", n, ControlBytes)
	}
}
