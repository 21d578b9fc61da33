package tcp

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// sealed gives each process its certificate.
func sealed(t testing.TB, processes int) func(int, *Config) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tls")
	if err := MakeCertificates(dir, processes); err != nil {
		t.Fatal(err)
	}
	return func(i int, c *Config) {
		var err error
		if c.TLS, err = LoadTLS(dir, i); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkThroughput sends data of so many bytes, not more than 1 MiB ahead of the receiver.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dKiB/mesh", size>>10), func(b *testing.B) { throughput(b, size, nil) })
		b.Run(fmt.Sprintf("%dKiB/tls", size>>10), func(b *testing.B) { throughput(b, size, sealed(b, 2)) })
		b.Run(fmt.Sprintf("%dKiB/bare", size>>10), func(b *testing.B) { bareThroughput(b, size) })
	}
}

func throughput(b *testing.B, size int, change func(int, *Config)) {
	meshes := cluster(b, 2, change)
	ahead := make(chan struct{}, max(4, 1<<20/size))
	meshes[0].Start(discard, nothing)
	meshes[1].Start(func(f Frame) { f.Release(); <-ahead }, nothing)
	payload := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		ahead <- struct{}{}
		meshes[0].Send(1, to(Data, 0, 0, 1, payload))
		if len(ahead) == cap(ahead) {
			meshes[0].Flush(1)
		}
	}
	meshes[0].Flush(1)
	for range cap(ahead) {
		ahead <- struct{}{} // all has arrived
	}
	closeInOrder(b, meshes)
}

func bareThroughput(b *testing.B, size int) {
	here, there := pair(b)
	done := make(chan error)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{there}, make([]byte, slabSize))
		done <- err
	}()
	payload := make([]byte, size)
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := here.Write(payload); err != nil {
			b.Fatal(err)
		}
	}
	here.Close()
	<-done
}

// pair returns the two ends of a connection.
func pair(t testing.TB) (here, there net.Conn) {
	t.Helper()
	_, listeners := addresses(t, 1)
	here, err := net.Dial("tcp", listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if there, err = listeners[0].Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// BenchmarkRoundTrip sends a small frame there and back, from the goroutine that took it.
func BenchmarkRoundTrip(b *testing.B) {
	for _, kind := range []Kind{Data, Progress} {
		b.Run("mesh/"+kind.String(), func(b *testing.B) { roundTrip(b, kind, nil) })
	}
	b.Run("mesh/pulled", pulledRoundTrip)
	b.Run("tls/data", func(b *testing.B) { roundTrip(b, Data, sealed(b, 2)) })
	b.Run("bare", bareRoundTrip)
}

func roundTrip(b *testing.B, kind Kind, change func(int, *Config)) {
	meshes := cluster(b, 2, change)
	back := make(chan struct{}, 1)
	payload := make([]byte, 64)
	var left atomic.Int64
	meshes[1].Start(func(f Frame) {
		f.Release()
		meshes[1].Send(0, to(kind, 0, 1, 0, payload))
		meshes[1].Flush(0)
	}, nothing)
	meshes[0].Start(func(f Frame) {
		f.Release()
		if left.Add(-1) == 0 {
			back <- struct{}{}
		} else {
			meshes[0].Send(1, to(kind, 0, 0, 1, payload))
			meshes[0].Flush(1)
		}
	}, nothing)
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	meshes[0].Send(1, to(kind, 0, 0, 1, payload))
	meshes[0].Flush(1)
	<-back
	b.StopTimer()
	closeInOrder(b, meshes)
}

func pulledRoundTrip(b *testing.B) {
	meshes := cluster(b, 2, nil)
	back := make(chan struct{}, 1)
	var left atomic.Int64
	pull := func(_ int, into []byte) []byte { return append(into, make([]byte, 64)...) }
	meshes[1].Start(func(f Frame) { f.Release(); meshes[1].Ready(0); meshes[1].Flush(0) }, pull)
	meshes[0].Start(func(f Frame) {
		f.Release()
		if left.Add(-1) == 0 {
			back <- struct{}{}
		} else {
			meshes[0].Ready(1)
			meshes[0].Flush(1)
		}
	}, pull)
	left.Store(int64(b.N))
	b.ResetTimer()
	meshes[0].Ready(1)
	meshes[0].Flush(1)
	<-back
	b.StopTimer()
	closeInOrder(b, meshes)
}

func bareRoundTrip(b *testing.B) {
	here, there := pair(b)
	go io.CopyBuffer(struct{ io.Writer }{there}, struct{ io.Reader }{there}, make([]byte, 1024))
	message := make([]byte, 96)
	for b.Loop() {
		if _, err := here.Write(message); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(here, message); err != nil {
			b.Fatal(err)
		}
	}
}
