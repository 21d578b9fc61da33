package tcp

import (
	"context"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm/commtest"
)

// suite returns when a randomized suite ends.
func suite(t *testing.T) time.Time {
	t.Helper()
	seconds := 1.0
	if text := os.Getenv("TIMELY_SUITE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal("TIMELY_SUITE_SECONDS: ", err)
		}
	}
	return time.Now().Add(time.Duration(seconds * float64(time.Second)))
}

// dialThrough dials a process's relay, if it has one.
func dialThrough(relays map[string]*commtest.Relay) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		if r := relays[address]; r != nil {
			address = r.Address()
		}
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}
