package timely

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/launch"
)

// Network says how the processes of a cluster find and trust each other. It means
// nothing to a process that is alone. A process with another Cluster or Build, with
// other Config.Hosts, or with another number of processes or workers, is refused with
// a sentence that says what differs, at both ends.
//
// Who can connect to a process is a stranger until he has shown otherwise. With
// neither TLSDir nor Secret nobody has to show anything, so a process then listens only
// on the loopback interface, where all users of the machine can connect.
//
// While answers come soon, within 100 µs, the goroutine that reads from another process
// looks for the next for some 60 µs before it sleeps, if the process has a processor that
// no worker needs: so a cluster that is busy with short messages keeps one more processor
// busy than its workers do. Processes on one machine share its processors evenly
// (GOMAXPROCS).
type Network struct {
	Cluster string // the cluster's name, so that two on the same machines are told apart; default ""
	Build   string // what the program was built from, 256 bytes at most; default the SHA-256 of the executable

	// TLSDir is a directory with ca.pem, and process-I.pem and process-I-key.pem of
	// process I, as cmd/timely-certs makes them: processes then talk TLS 1.3, and both
	// sides show that they are the process that they claim to be. Default "", no TLS.
	// Secret, of 16 random bytes or more, is the light alternative: who joins shows
	// that he knows it, but nothing is encrypted, and who can change bytes on their way
	// can do so unnoticed. Default nil, none.
	TLSDir   string
	Secret   []byte
	Insecure bool // listen beyond the loopback interface with neither, because the network is trusted; default false

	JoinTimeout time.Duration // how long Execute waits for all processes to join before it fails, and says who is missing; default 60 s
	Heartbeat   time.Duration // how often a process says that it lives, if it has nothing else to say; default 500 ms
	DeadAfter   time.Duration // how long a process may be silent before it is dead to the others; default 3 s, and twice Heartbeat at least
}

const (
	minSecret     = 16       // bytes
	maxSecretFile = 64 << 10 // bytes: who names another file should hear of it, whatever its size
)

// check says what cannot work. Durations that do not fit each other, and a Build that
// is too long, are found when the process joins.
func (n *Network) check() error {
	switch {
	case n.Secret != nil && len(n.Secret) < minSecret:
		return fmt.Errorf("timely: Config.Network.Secret has %d bytes; it needs %d at least", len(n.Secret), minSecret)
	case n.JoinTimeout < 0:
		return errors.New("timely: Config.Network.JoinTimeout is negative; 60 s is the default")
	case n.Heartbeat < 0:
		return errors.New("timely: Config.Network.Heartbeat is negative; 500 ms is the default")
	case n.DeadAfter < 0:
		return errors.New("timely: Config.Network.DeadAfter is negative; 3 s is the default")
	}
	return nil
}

// join connects this process to the others, and returns nil if there are none. A
// process that was launched has its address open already, and a secret that its
// launcher made.
func (c *Config) join(ctx context.Context, launched *launch.Member, log *slog.Logger) (*tcp.Mesh, error) {
	if c.Processes <= 1 {
		return nil, nil
	}
	n := &c.Network
	t := tcp.Config{
		Hosts: c.hosts()[:c.Processes], Index: c.Process, Workers: max(1, c.Workers),
		Cluster: n.Cluster, Build: n.Build, Secret: n.Secret, Insecure: n.Insecure,
		JoinTimeout: n.JoinTimeout, Heartbeat: n.Heartbeat, DeadAfter: n.DeadAfter,
		Log: log,
	}
	var err error
	if t.TLS, err = n.loadTLS(c.Process); err != nil {
		return nil, err
	}
	if t.Build == "" {
		if t.Build, err = executableHash(); err != nil {
			return nil, fmt.Errorf("hash of the executable: %w; set Config.Network.Build", err)
		}
	}
	if launched != nil {
		t.Listener, t.Secret = launched.Listener, launched.Secret
	}
	return tcp.Join(ctx, t)
}

func (n *Network) loadTLS(process int) (*tls.Config, error) {
	if n.TLSDir == "" {
		return nil, nil
	}
	return tcp.LoadTLS(n.TLSDir, process)
}

// executableHash returns the SHA-256 of the program that runs.
var executableHash = sync.OnceValues(func() (string, error) {
	file, err := openExecutable()
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
})

func openExecutable() (*os.File, error) {
	if runtime.GOOS == "linux" { // the file that runs, also if another has taken its name
		if file, err := os.Open("/proc/self/exe"); err == nil {
			return file, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// readSecret returns what a file holds, without the space around it.
func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch secret := bytes.TrimSpace(text); {
	case err != nil:
		return nil, err
	case len(text) > maxSecretFile:
		return nil, fmt.Errorf("%s: longer than 64 KiB: this is no secret", path)
	case len(secret) < minSecret:
		return nil, fmt.Errorf("%s: a secret of %d bytes is too short: it needs %d at least", path, len(secret), minSecret)
	default:
		return secret, nil
	}
}
