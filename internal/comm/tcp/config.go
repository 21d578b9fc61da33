package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Config says which cluster a process belongs to, and which of its processes it is.
type Config struct {
	Hosts   []string // where each process listens, as host:port; the same at all
	Index   int      // this process: 0 <= Index < len(Hosts)
	Workers int      // of each process; default 1
	Cluster string   // the cluster's name: two with other names refuse each other; default ""
	Build   string   // what the program was built from, at most 256 bytes; the same at all; default ""

	// TLS has the process's certificate and the cluster's authority, as LoadTLS
	// returns them; default nil, no TLS. Secret is known to all processes, of at least
	// 16 bytes; default nil, none. Insecure allows to listen without either beyond
	// the loopback interface; default false.
	TLS      *tls.Config
	Secret   []byte
	Insecure bool

	JoinTimeout      time.Duration // for all processes to have joined each other; default 60 s
	HandshakeTimeout time.Duration // for a connection to say who it is; default 5 s
	Heartbeat        time.Duration // who has nothing to say says so, this often; default 500 ms
	DeadAfter        time.Duration // who is silent for so long is dead; default 3 s
	MaxMessage       int           // bytes of a message, in as many frames as it takes; default 1 GiB

	Listener net.Listener                                                // if it is open already; closed by the mesh
	Dial     func(ctx context.Context, address string) (net.Conn, error) // default net.Dialer's
	Log      *slog.Logger                                                // who was refused, and why; default silence
}

const (
	maxProcesses = 1 << 16
	maxWorkers   = 1 << 16 // of a process
	maxBuild     = 256     // bytes
	minSecret    = 16      // bytes
)

// complete returns the configuration with its defaults, or says what is wrong with it.
func (c Config) complete() (Config, error) {
	for _, d := range []struct {
		value   *time.Duration
		initial time.Duration
	}{
		{&c.JoinTimeout, time.Minute},
		{&c.HandshakeTimeout, 5 * time.Second},
		{&c.Heartbeat, 500 * time.Millisecond},
		{&c.DeadAfter, 3 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.initial
		}
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1 << 30
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	return c, c.check()
}

func (c *Config) check() error {
	switch {
	case len(c.Hosts) == 0 || len(c.Hosts) > maxProcesses:
		return fmt.Errorf("comm/tcp: a cluster of %d processes", len(c.Hosts))
	case c.Index < 0 || c.Index >= len(c.Hosts):
		return fmt.Errorf("comm/tcp: process %d of %d", c.Index, len(c.Hosts))
	case c.Workers < 0 || c.Workers > maxWorkers:
		return fmt.Errorf("comm/tcp: %d workers a process", c.Workers)
	case len(c.Build) > maxBuild:
		return fmt.Errorf("comm/tcp: a build id of %d bytes; at most %d", len(c.Build), maxBuild)
	case c.Secret != nil && len(c.Secret) < minSecret:
		return fmt.Errorf("comm/tcp: a secret of %d bytes is too short: it needs %d at least", len(c.Secret), minSecret)
	case c.TLS != nil && (len(c.TLS.Certificates) == 0 || c.TLS.RootCAs == nil || c.TLS.ClientCAs == nil):
		return errors.New("comm/tcp: TLS needs a certificate, and the authority of the others' (RootCAs and ClientCAs)")
	case c.DeadAfter < 2*c.Heartbeat || c.Heartbeat < 0:
		return fmt.Errorf("comm/tcp: a process cannot be dead after %v if heartbeats are %v apart: at least twice that", c.DeadAfter, c.Heartbeat)
	}
	owner := map[string]int{}
	for i, address := range c.Hosts {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("comm/tcp: address of process %d: %w", i, err)
		}
		if first, taken := owner[address]; taken {
			return fmt.Errorf("comm/tcp: processes %d and %d have the same address %s", first, i, address)
		}
		owner[address] = i
	}
	return nil
}

// listen opens the process's address, unless it came open.
func (c *Config) listen(ctx context.Context) (net.Listener, error) {
	if c.Listener != nil {
		return c.Listener, c.checkExposure(c.Listener.Addr().String())
	}
	address := c.Hosts[c.Index]
	if err := c.checkExposure(address); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("comm/tcp: process %d cannot listen at %s: %w", c.Index, address, err)
	}
	return listener, nil
}

// checkExposure refuses to listen where other machines can connect, if nobody has
// to show who he is.
func (c *Config) checkExposure(address string) error {
	if c.TLS != nil || c.Secret != nil || c.Insecure || len(c.Hosts) == 1 {
		return nil
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return fmt.Errorf("comm/tcp: address of process %d: %w", c.Index, err)
	}
	if at.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("comm/tcp: process %d would listen at %s, where other machines can connect, without TLS or a secret: anybody could join the cluster and send it what he likes; use --tls-dir, --secret-file, or --insecure if the network is trusted", c.Index, address)
}
