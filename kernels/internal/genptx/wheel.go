//go:build cgo

package main

import "paspo/internal/wheel"

// What is needed of the CUDA toolkit.
var (
	nvrtcWheel = wheel.Wheel{
		Name: "nvidia-cuda-nvrtc-cu12", Version: "12.0.140", Folder: "nvidia/cuda_nvrtc/lib/",
		SHA256: map[string]string{"amd64": "8e94e991d85c422de4da87bdc7472fdc1364367bd4aace7000b559cd33122071"},
	}
	nvccWheel = wheel.Wheel{
		Name: "nvidia-cuda-nvcc-cu12", Version: "12.9.86", Folder: "nvidia/cuda_nvcc/bin/",
		SHA256: map[string]string{"amd64": "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"},
	}
)
