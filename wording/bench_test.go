package wording

import "testing"

// BenchmarkFirstText is what help costs: the file of help is read,
// and all its texts are filled.
func BenchmarkFirstText(b *testing.B) {
	keys := For(English).Keys("help")
	for b.Loop() {
		c := For(English)
		for _, key := range keys {
			_ = Say(key).In(c)
		}
	}
}
