package event

import "testing"

func BenchmarkMarshalJSON(b *testing.B) {
	e := vsftpd()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}
