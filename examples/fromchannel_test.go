package examples_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// This file tests the example that waits for a channel.

func TestFromchannelEndsWhenTheChannelCloses(t *testing.T) {
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		for _, count := range []int{0, 1, 10, 30} {
			var want strings.Builder
			for n := range count {
				fmt.Fprintf(&want, "heard %d\n", n)
			}
			wantLines(t, run(t, "", "fromchannel", flag, fmt.Sprint(count)), want.String())
		}
	})
}

func TestFromchannelEndsWithItsContext(t *testing.T) {
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		status, said := signalled(t, os.Interrupt, flag)
		if status != 1 || !strings.Contains(said, "ended by signal: interrupt") {
			t.Errorf("exit status %d, want 1; it says %q", status, said)
		}
	})
}

func TestFromchannelStopsInGoodOrder(t *testing.T) {
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		status, said := signalled(t, syscall.SIGTERM, flag)
		if status != 0 || said != "" {
			t.Errorf("exit status %d, want 0; it says %q", status, said)
		}
	})
}

// signalled starts a fromchannel that hears numbers for an hour, sends it a
// signal when it has heard the first, and waits for its end.
func signalled(t *testing.T, signal os.Signal, flag string) (status int, said string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("signals cannot be sent here")
	}
	var stderr bytes.Buffer
	cmd := command(t, "fromchannel", flag, "1000000")
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := bufio.NewReader(out)
	if first, err := heard.ReadString('\n'); err != nil || !strings.HasPrefix(first, "heard ") {
		t.Fatalf("got %q, %v", first, err)
	}
	start := time.Now()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, heard); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v to end", d)
	}
	return cmd.ProcessState.ExitCode(), stderr.String()
}
