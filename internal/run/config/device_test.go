package config

import (
	"strings"
	"testing"
)

func TestDevice(t *testing.T) {
	for _, s := range []struct {
		device    string
		ordinal   int
		may, must bool
	}{
		{"auto", 0, true, false}, {"cpu", 0, false, false}, {"gpu", 0, true, true}, {"gpu:0", 0, true, true}, {"gpu:11", 11, true, true},
	} {
		c, err := Load("", []string{"device=" + s.device}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, may, must := c.GPU(); n != s.ordinal || may != s.may || must != s.must {
			t.Errorf("%s: GPU %d, may %t, must %t", s.device, n, may, must)
		}
	}
	for _, bad := range []string{"gpu:", "gpu:-1", "gpu:+1", "gpu:x", "gpu:1.5", "gpu:99999", "gpu1", "GPU", "cuda"} {
		_, err := Load("", nil, []Setting{{"--device", "device", bad}})
		if err == nil || !strings.Contains(err.Error(), "one of auto, cpu, gpu, gpu:N is allowed") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
