package cells

import "testing"

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "Ünï": 3, "предел": 6, "現金": 4, "株式 A": 6, "e\u0301": 1, "한국": 4, "ﾊﾝ": 2, "Ａ": 2, "\u200dx": 1, "█": 1,
	} {
		if got := Width(s); got != want {
			t.Errorf("%q takes %d cells, want %d", s, got, want)
		}
	}
	if got := Pad("現金", 6) + "|" + PadLeft("Ü", 3) + "|" + Pad("long", 2); got != "現金  |  Ü|long" {
		t.Errorf("%q", got)
	}
}
