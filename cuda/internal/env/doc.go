// Command env prints, as shell commands, the settings with which programs that
// use the GPU are built:
//
//	eval "$(go run ./cuda/internal/env)" && go build -tags gpu ./cmd/train
//
// They name the folder with cuda.h: that of CUDA_HOME where it is set, else of an
// installed toolkit, else of a wheel of PyPI, which pip downloads. With -find it
// only says whether there is one already.
package main
