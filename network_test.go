package timely_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/comm/commtest"
	"github.com/timely-go/timely/internal/comm/tcp"
	"github.com/timely-go/timely/internal/launch"
)

// written writes a file for a test, and returns its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func hostFile(t *testing.T, hosts ...string) string {
	t.Helper()
	return written(t, "hosts.txt", strings.Join(hosts, "\n")+"\n")
}

func TestMainRefusesAWrongClusterByOneLine(t *testing.T) {
	hosts := hostFile(t, "# the cluster", "", "one:2101", "two:2101")
	bad := hostFile(t, "one:2101", "two")
	twice := hostFile(t, "one:2101", "", "ONE:2101")
	short := written(t, "short", " fifteen bytes..\n")
	tests := []struct{ args, want string }{
		{"-n0", "--processes 0: there must be one at least"},
		{"-n-1", "--processes -1: there must be one at least"},
		{"-n2 -p2", "--processes 2 --process 2: there is no process 2 of 2: they are numbered from 0 to 1"},
		{"-n2 -p5", "--processes 2 --process 5: there is no process 5 of 2: they are numbered from 0 to 1"},
		{"-n2 -p-1", "--process -1: processes are numbered from 0"},
		{"-p1", "--process 1 without --processes: say how many there are, too"},
		{"-h", "flag needs an argument: 'h' in -h"},
		{"-h " + hosts + " -n2", "--hostfile " + hosts + " without --process: start the program once for each line of the file, and say which one it is with --processes and --process; without --hostfile, --processes alone starts them all on this machine"},
		{"-h " + hosts, "--hostfile " + hosts + " without --process: start the program once for each line of the file, and say which one it is with --processes and --process; without --hostfile, --processes alone starts them all on this machine"},
		{"-h " + hosts + " -n4 -p1", "--processes 4 --process 1 --hostfile " + hosts + ": there are 4 processes and 2 addresses: give each process one"},
		{"-h " + bad + " -n2 -p1", `--hostfile: ` + bad + `:2: "two": the port is missing: write two:2101`},
		{"-h " + twice + " -n2 -p1", "--hostfile: " + twice + ":3: one:2101 is on line 1 too: give each process an address of its own"},
		{"-h /nowhere -n2 -p1", "--hostfile: host file: open /nowhere: no such file or directory; name a file with one host:port a line"},
		{"-n2 --secret-file " + short, `invalid argument "` + short + `" for "--secret-file" flag: ` + short + ": a secret of 15 bytes is too short: it needs 16 at least"},
		{"-n2 --secret-file /nowhere", `invalid argument "/nowhere" for "--secret-file" flag: open /nowhere: no such file or directory`},
		{"-n2 --join-timeout 0s", "--join-timeout 0s: there must be some time to join"},
		{"-n2 --join-timeout soon", `invalid argument "soon" for "--join-timeout" flag: parse error`},
		{"-n 2000", "--processes 2000: one machine runs 1024 at most; name several with --hostfile"},
	}
	for _, test := range tests {
		stdout, stderr, status := ran(t, "show", strings.Fields(test.args)...)
		_, text, _ := strings.Cut(stderr, ": ") // the program's name
		if stdout != "" || text != test.want+"; --help lists the flags\n" || status != 2 {
			t.Errorf("%s: got %q, %q, status %d; want %q", test.args, stdout, stderr, status, test.want)
		}
	}
}

// TestAWrongProcessIsRefusedAtOnce takes the best of some runs: other tests run, too.
func TestAWrongProcessIsRefusedAtOnce(t *testing.T) {
	const limit = 100 * time.Millisecond
	best := time.Hour
	for range 5 {
		begun := time.Now()
		if _, _, status := ran(t, "show", "-n2", "-p5"); status != 2 {
			t.Fatalf("status %d", status)
		}
		if best = min(best, time.Since(begun)); best < limit {
			return
		}
	}
	t.Errorf("it took %v", best)
}

func TestMainSaysWhyItCannotJoin(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	free := commtest.Hosts(t, 2)
	nobody := hostFile(t, free...)
	outside := hostFile(t, "192.0.2.1:2101", "192.0.2.2:2101")
	secret := written(t, "secret", "a secret of many bytes\n")
	cannot := "timely: process 0 cannot listen at 192.0.2.1:2101: listen tcp 192.0.2.1:2101: bind: "
	tests := []struct{ args, want string }{
		{"-n2 -p0 -h " + hostFile(t, at, free[1]), "timely: process 0 cannot listen at " + at + ": listen tcp " + at + ": bind: address already in use\n"},
		{"-n2 -p0 --join-timeout 50ms -h " + nobody, "timely: process 0: not everybody joined within 50ms: process 1 (" + free[1] + "): it has not connected\n"},
		{"-n2 -p0 -h " + outside, "timely: process 0 would listen at 192.0.2.1:2101, where other machines can connect, without TLS or a secret: "},
		{"-n2 -p0 --insecure -h " + outside, cannot},
		{"-n2 -p0 --secret-file " + secret + " -h " + outside, cannot},
		{"-n2 -p1 --tls-dir /nowhere -h " + nobody, "timely: process 1: certificate of process 1: open /nowhere/process-1.pem: no such file or directory\n"},
	}
	for _, test := range tests {
		stdout, stderr, status := ran(t, "show", strings.Fields(test.args)...)
		if stdout != "" || !strings.HasPrefix(stderr, test.want) || strings.Count(stderr, "\n") != 1 || status != 1 {
			t.Errorf("%s: got %q, %q, status %d; want %q", test.args, stdout, stderr, status, test.want)
		}
	}
}

func TestASignalEndsTheJoining(t *testing.T) {
	hosts := commtest.Hosts(t, 2)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		var stderr strings.Builder
		cmd := command(t, "show", "-n2", "-p0", "-h", hostFile(t, hosts...))
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		within(t, patience, func() {
			for { // it listens: it waits for the other one
				conn, err := net.Dial("tcp", hosts[0])
				if err == nil {
					conn.Close()
					break
				}
				time.Sleep(time.Millisecond)
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait()
		})
		want := fmt.Sprintf("timely: process 0, while the cluster came together: ended by signal: %v\n", s)
		if said := lastLine(stderr.String()); said != want || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%v: %q, status %d", s, stderr.String(), cmd.ProcessState.ExitCode())
		}
	}
}

// lastLine returns what a program said when it ended: others before it were logged.
func lastLine(text string) (last string) {
	for line := range strings.Lines(text) {
		last = line
	}
	return last
}

func TestMainStartsAllProcesses(t *testing.T) {
	stdout, stderr, status := ran(t, "show", "-n2", "-w2", "--name", "all", "a", "b")
	lines := strings.Split(stdout, "\n")
	for _, want := range []string{"p0: returned", "p1: returned"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if !strings.HasSuffix(stdout, "\nreturned\n") || status != 0 || stderr != "" {
		t.Errorf("got %q, %q, status %d", stdout, stderr, status)
	}
}

// TestASIGTERMStopsAllProcesses sends it to the launcher once all are ready.
func TestASIGTERMStopsAllProcesses(t *testing.T) {
	var stderr strings.Builder
	cmd := command(t, "parked", "-n2")
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	within(t, patience, func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if said = append(said, lines.Text()); len(said) == 2 {
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
			}
		}
		_ = cmd.Wait()
	})
	slices.Sort(said)
	want := "p0: ready, p0: returned, p0: stopping, p1: ready, p1: returned, p1: stopping, returned"
	if got := strings.Join(said, ", "); got != want || stderr.Len() > 0 || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("got %q, %q, status %d; want %q", got, stderr.String(), cmd.ProcessState.ExitCode(), want)
	}
}

// started are processes of one cluster that somebody starts one by one.
func started(t *testing.T, program string, lines ...string) (stderrs []string, statuses []int) {
	t.Helper()
	var cmds []*exec.Cmd
	for _, line := range lines {
		cmd := command(t, program, strings.Fields(line)...)
		cmd.Stderr = new(strings.Builder)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	within(t, patience, func() {
		for _, cmd := range cmds {
			_ = cmd.Wait()
			stderrs = append(stderrs, fmt.Sprint(cmd.Stderr))
			statuses = append(statuses, cmd.ProcessState.ExitCode())
		}
	})
	return stderrs, statuses
}

func TestProcessesJoinThatAreStartedOneByOne(t *testing.T) {
	certs := filepath.Join(t.TempDir(), "certs")
	if err := tcp.MakeCertificates(certs, 2); err != nil {
		t.Fatal(err)
	}
	secret := written(t, "secret", "a secret of many bytes\n")
	for _, flags := range []string{"", " --secret-file " + secret, " --tls-dir " + certs, " --tls-dir " + certs + " --secret-file " + secret} {
		flags += " -n2 -h " + hostFile(t, commtest.Hosts(t, 3)...)
		stderrs, statuses := started(t, "show", "-p0"+flags, "-p1"+flags)
		if strings.Join(stderrs, "") != "" || !slices.Equal(statuses, []int{0, 0}) {
			t.Errorf("%s: got %q, status %d", flags, stderrs, statuses)
		}
	}
}

// TestProcessesThatDoNotFitSayWhy has two processes that can never work together, or that
// do not know each other.
func TestProcessesThatDoNotFitSayWhy(t *testing.T) {
	secret := written(t, "secret", "a secret of many bytes\n")
	other := written(t, "other", "another secret of many bytes\n")
	tests := []struct{ zero, one, want string }{
		{"-w1", "-w2", "worker"},
		{"--cluster a", "--cluster b", "a cluster of another name"},
		{"--secret-file " + secret, "--secret-file " + other, "secret"},
		{"--secret-file " + secret, "", "secret"},
	}
	for _, test := range tests {
		flags := " -n2 --join-timeout 300ms -h " + hostFile(t, commtest.Hosts(t, 2)...)
		stderrs, statuses := started(t, "show", "-p0 "+test.zero+flags, "-p1 "+test.one+flags)
		for i, stderr := range stderrs {
			last := lastLine(stderr)
			if statuses[i] != 1 || !strings.HasPrefix(last, "timely: process ") || !strings.Contains(last, test.want) {
				t.Errorf("%s, %s: process %d: %q, status %d", test.zero, test.one, i, stderr, statuses[i])
			}
		}
	}
}

func TestTwoProgramsHaveTwoHashes(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := timely.ExecutableHash()
	if want := fmt.Sprintf("%x", sha256.Sum256(program)); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestMainFailsIfAProcessDoes(t *testing.T) {
	stdout, stderr, status := ran(t, "error", "-n2")
	if stdout != "" || status != 1 || !strings.Contains(stderr, ": it is no good\n") || !strings.HasPrefix(lastLine(stderr), "timely: ") {
		t.Errorf("got %q, %q, status %d", stdout, stderr, status)
	}
}

func TestMainIsNotLaunchedByAnybody(t *testing.T) {
	t.Setenv("TIMELY_MEMBER", "nonsense")
	stdout, stderr, status := ran(t, "show")
	if stdout != "" || status != 1 || !strings.HasPrefix(stderr, "timely: environment variable TIMELY_MEMBER: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("got %q, %q, status %d", stdout, stderr, status)
	}
}

func TestExitStatusTellsALauncherWhoFailed(t *testing.T) {
	own := errors.New("it is no good")
	tests := []struct {
		err  error
		peer bool
	}{
		{own, false},
		{&timely.Failure{Err: own}, false},
		{&timely.Failure{Err: &tcp.PeerError{Peer: 1, Err: io.EOF}}, true},
		{&timely.Failure{Err: fmt.Errorf("it: %w", &tcp.AbortError{Origin: 1, Cause: "no"})}, true},
	}
	for _, test := range tests {
		if got := timely.ExitStatus(test.err, false); got != 1 {
			t.Errorf("%v: %d, without a launcher", test.err, got)
		}
		if got := timely.ExitStatus(test.err, true); (got == launch.ExitPeer) != test.peer || !test.peer && got != 1 {
			t.Errorf("%v: %d", test.err, got)
		}
	}
}

func TestConfigsThatCannotWorkAreRefused(t *testing.T) {
	two := []string{"one:2101", "two:2101"}
	tests := []struct {
		config timely.Config
		want   string
	}{
		{timely.Config{Workers: -1}, "timely: Config.Workers is negative; 1 is the default"},
		{timely.Config{EdgeBudget: -1}, "timely: Config.EdgeBudget is negative; 1 MiB is the default"},
		{timely.Config{Grace: -1}, "timely: Config.Grace is negative; 1 s is the default"},
		{timely.Config{Processes: -1}, "timely: Config.Processes is negative; 1 is the default"},
		{timely.Config{Hosts: two}, "timely: Config.Hosts has 2 addresses, and Config.Processes is 0: say how many of them there are processes for"},
		{timely.Config{Hosts: two, Processes: 3}, "timely: Config: there are 3 processes and 2 addresses: give each process one"},
		{timely.Config{Hosts: two, Processes: 2, Process: 2}, "timely: Config: there is no process 2 of 2: they are numbered from 0 to 1"},
		{timely.Config{Processes: 2, Process: -1}, "timely: Config: there is no process -1: they are numbered from 0"},
		{timely.Config{Process: 1}, "timely: Config: there is no process 1 of 1: they are numbered from 0 to 0"},
		{timely.Config{Network: timely.Network{Secret: []byte{}}}, "timely: Config.Network.Secret has 0 bytes; it needs 16 at least"},
		{timely.Config{Network: timely.Network{JoinTimeout: -1}}, "timely: Config.Network.JoinTimeout is negative; 60 s is the default"},
		{timely.Config{Network: timely.Network{Heartbeat: -1}}, "timely: Config.Network.Heartbeat is negative; 500 ms is the default"},
		{timely.Config{Network: timely.Network{DeadAfter: -1}}, "timely: Config.Network.DeadAfter is negative; 3 s is the default"},
	}
	for _, test := range tests {
		err := timely.Execute(t.Context(), test.config, func(*timely.Worker) error { t.Error("it runs"); return nil })
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestWhatKeepsProcessesFromJoiningIsAFailure(t *testing.T) {
	free := commtest.Hosts(t, 3)
	tests := []struct {
		network timely.Network
		want    string
	}{
		{timely.Network{JoinTimeout: 20 * time.Millisecond}, "timely: process 1: not everybody joined within 20ms: process 0 ("},
		{timely.Network{DeadAfter: time.Millisecond}, "timely: process 1: a process cannot be dead after 1ms if heartbeats are 500ms apart: at least twice that"},
		{timely.Network{Build: strings.Repeat("b", 257)}, "timely: process 1: a build id of 257 bytes; at most 256"},
	}
	for _, test := range tests {
		config := timely.Config{Processes: 2, Process: 1, Hosts: free, Network: test.network}
		err := timely.Execute(t.Context(), config, func(*timely.Worker) error { t.Error("it runs"); return nil })
		var failure *timely.Failure
		if !errors.As(err, &failure) || failure.Process != 1 || failure.Worker != -1 || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	given := errors.New("given up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(given)
	err := timely.Execute(ctx, timely.Config{Processes: 2, Hosts: free}, func(*timely.Worker) error { t.Error("it runs"); return nil })
	if !errors.Is(err, given) || err.Error() != "timely: process 0, while the cluster came together: given up" {
		t.Error(err)
	}
}

func TestFailuresInAClusterNameTheProcess(t *testing.T) {
	own := errors.New("it is no good")
	tests := []struct {
		failure timely.Failure
		want    string
	}{
		{timely.Failure{Process: 1, Worker: 3, Operator: "Map", Site: "main.go:12", Err: own}, "timely: process 1, worker 3, Map@main.go:12: it is no good"},
		{timely.Failure{Process: 0, Worker: 0, Err: own}, "timely: process 0, worker 0: it is no good"},
		{timely.Failure{Process: 1, Worker: -1, Err: own}, "timely: process 1: it is no good"},
		{timely.Failure{Process: 1, Worker: -1, Err: errors.New("timely: it is no good")}, "timely: process 1: it is no good"},
		{timely.Failure{Process: 1, Worker: -1, Err: errors.New("comm/tcp: process 1 cannot listen")}, "timely: process 1 cannot listen"},
		{timely.Failure{Process: 1, Worker: -1, Err: errors.New("comm/tcp: process 12 is gone")}, "timely: process 1: process 12 is gone"},
		{timely.Failure{Process: 0, Worker: -1, Err: &tcp.AbortError{Origin: 1, Cause: "worker 3: no"}}, "timely: process 0: process 1 failed: worker 3: no"},
	}
	for _, test := range tests {
		if got := timely.InCluster(test.failure).Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if got := (&timely.Failure{Process: 1, Worker: 3, Err: own}).Error(); got != "timely: process 1, worker 3: it is no good" {
		t.Error(got)
	}
}

func TestConfigFlagsDescribeAProcess(t *testing.T) {
	hosts := hostFile(t, "one:2101", "two:2101", "three:2101")
	secret := written(t, "secret", "\n 16 bytes at least \n")
	bad := hostFile(t, "one")
	for _, args := range [][]string{
		{"-w", "2", "-n", "3", "-p", "1", "-h", hosts, "-cluster", "c", "-tls-dir", "d", "-secret-file", secret, "-insecure", "-join-timeout", "3s"},
		{"-workers=2", "-processes=3", "-process=1", "-hostfile=" + hosts, "-cluster=c", "-tls-dir=d", "-secret-file=" + secret, "-insecure=true", "-join-timeout=3000ms"},
	} {
		var c timely.Config
		fs := flag.NewFlagSet("program", flag.ContinueOnError)
		c.Flags(fs)
		if err := fs.Parse(args); err != nil {
			t.Fatal(err)
		}
		n := c.Network
		if c.Workers != 2 || c.Processes != 3 || c.Process != 1 || strings.Join(c.Hosts, " ") != "one:2101 two:2101 three:2101" ||
			n.Cluster != "c" || n.TLSDir != "d" || string(n.Secret) != "16 bytes at least" || !n.Insecure || n.JoinTimeout != 3*time.Second {
			t.Errorf("%q: %+v", args, c)
		}
	}
	var c timely.Config
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.Flags(fs)
	if err := fs.Parse([]string{"-h", bad}); err == nil || !strings.Contains(err.Error(), bad+`:1: "one": the port is missing`) {
		t.Error(err)
	}
}

// TestSecretFilesAreBounded reads one that is too long to be one, and one without end.
func TestSecretFilesAreBounded(t *testing.T) {
	long := written(t, "long", strings.Repeat("x", 64<<10+1))
	for _, path := range []string{long, "/dev/zero"} {
		if _, err := os.Stat(path); err != nil {
			continue // not on this system
		}
		var c timely.Config
		fs := flag.NewFlagSet("program", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		c.Flags(fs)
		if err := fs.Parse([]string{"-secret-file", path}); err == nil || !strings.Contains(err.Error(), path+": longer than 64 KiB") {
			t.Error(err)
		}
	}
}

// TestDeployedCommandLinesAreUnderstood looks up the flags that the files of deploy show.
func TestDeployedCommandLinesAreUnderstood(t *testing.T) {
	help, _, _ := ran(t, "show", "--help")
	files, err := filepath.Glob("deploy/*")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	long := regexp.MustCompile(`(?:^|[\s\["])(--[a-z][a-z-]+)`)
	n := 0
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			line := lines.Text()
			if strings.HasPrefix(strings.TrimSpace(line), "#") { // other programs' command lines
				continue
			}
			for _, match := range long.FindAllStringSubmatch(line, -1) {
				n++
				if !strings.Contains(help, " "+match[1]+" ") {
					t.Errorf("%s: no flag %s", path, match[1])
				}
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d flags found", n)
	}
}
