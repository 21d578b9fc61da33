package commtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Hosts returns addresses of this machine at which nobody listens, for processes that
// begin to do so later. Where all of 127.0.0.0/8 is this machine, as on Linux, they are
// of an address that is drawn at random: a port of 127.0.0.1 is given to the next who
// asks for any, such as a test of another package that runs beside this one.
func Hosts(t testing.TB, n int) (hosts []string) {
	t.Helper()
	own := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	if l, err := net.Listen("tcp", own+":0"); err == nil {
		l.Close()
	} else {
		own = "127.0.0.1"
	}
	for range n {
		l, err := net.Listen("tcp", own+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // not before all have one
		hosts = append(hosts, l.Addr().String())
	}
	return hosts
}
