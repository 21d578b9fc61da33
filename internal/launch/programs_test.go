//go:build unix

package launch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/timely-go/timely/internal/launch"
)

// Environment variables that make the test binary be another program.
const (
	role     = "LAUNCH_TEST_PROGRAM" // which of the programs
	size     = "LAUNCH_TEST_SIZE"    // if set, a launcher of so many processes that are that program
	grace    = "LAUNCH_TEST_GRACE"   // of such a launcher, and how long it gives its processes to stop
	watching = "LAUNCH_TEST_WATCH"   // "kernel": its processes do not watch their launcher; "pipe": the kernel does not

	shortGrace = 300 * time.Millisecond // where somebody will not leave
	quickExit  = "atexit_sleep_ms=0"    // for GORACE: else the race detector makes each exit take a second
)

// programs are what a process of a cluster can be. They return its status.
var programs = map[string]func(*launch.Member) int{
	"speak":      speak,
	"say much":   sayMuch,
	"say long":   sayLong,
	"read":       read,
	"exit":       exit,
	"peers":      peers,
	"wait":       wait,
	"spin":       spin,
	"deaf":       deaf,
	"signals":    signals,
	"who":        who,
	"family":     family,
	"leave pipe": leavePipe,
	"say more":   sayForEver,
}

func init() {
	program := os.Getenv(role)
	if program == "" {
		return
	}
	if program == "child" { // of a process of a cluster
		childOfAProcess()
	}
	m, launched, err := launch.FromEnv()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case launched:
		if os.Getenv(watching) != "kernel" {
			m.WatchParent()
		}
		os.Exit(programs[program](m))
	case os.Getenv(size) != "":
		os.Exit(launcher())
	}
	fmt.Fprintln(os.Stderr, "no launcher")
	os.Exit(1)
}

// launcher is the program that the tests start when signals should reach it.
func launcher() int {
	if os.Getenv(watching) == "pipe" {
		withoutTheKernelsHelp()
	}
	n, err := strconv.Atoi(os.Getenv(size))
	check(err)
	o := launch.Options{Processes: n, Grace: patience, StopWithin: patience}
	if text := os.Getenv(grace); text != "" {
		o.Grace, err = time.ParseDuration(text)
		check(err)
		o.StopWithin = o.Grace
	}
	status, err := launch.Local(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return status
}

func speak(m *launch.Member) int {
	fmt.Printf("one\n\ntwo")
	fmt.Fprintf(os.Stderr, "I am %d of %d\nand", m.Index, len(m.Hosts))
	return 0
}

const (
	muchLines = 5000
	muchWidth = 300
)

// muchLine is a line that shows if it is not whole.
func muchLine(process, i int) string {
	body := strings.Repeat(string(rune('a'+i%26)), i%muchWidth)
	return fmt.Sprintf("<%d %d %s>", process, i, body)
}

// sayMuch writes lines in pieces that end where they like.
func sayMuch(m *launch.Member) int {
	var text strings.Builder
	for i := range muchLines {
		fmt.Fprintln(&text, muchLine(m.Index, i))
	}
	rest := text.String()
	for i := 0; rest != ""; i++ {
		n := min(1+i*37%9000, len(rest))
		to := []*os.File{os.Stdout, os.Stderr}[m.Index%2]
		if _, err := to.WriteString(rest[:n]); err != nil {
			return 1
		}
		rest = rest[n:]
	}
	return 0
}

const longLine = 10 << 20

// sayLong writes one line, and no end.
func sayLong(m *launch.Member) int {
	chunk := []byte(strings.Repeat("x", 1<<16))
	for range longLine / len(chunk) {
		if _, err := os.Stdout.Write(chunk); err != nil {
			return 1
		}
	}
	return 0
}

func read(m *launch.Member) int {
	text, err := io.ReadAll(os.Stdin)
	fmt.Printf("%q %v\n", text, err)
	return 0
}

// exit ends with the status that is the process's in LAUNCH_TEST_STATUSES. One whose
// status is deaf does not end.
func exit(m *launch.Member) int {
	mine := strings.Fields(os.Getenv("LAUNCH_TEST_STATUSES"))[m.Index]
	if mine == "deaf" {
		return deaf(m)
	}
	status, err := strconv.Atoi(mine)
	check(err)
	return status
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
}

// peers is a process that fails when another one does, as those of a cluster do.
func peers(m *launch.Member) int {
	fmt.Println("ready", os.Getpid())
	untilGone(m, (m.Index+1)%len(m.Hosts))
	return launch.ExitPeer
}

// untilGone returns when a process does not listen any more.
func untilGone(m *launch.Member, peer int) {
	for {
		conn, err := net.Dial("tcp", m.Hosts[peer])
		if err != nil {
			return
		}
		// Nobody accepts or writes: it ends with the process.
		_, _ = conn.Read(make([]byte, 1))
		conn.Close()
	}
}

// wait does nothing, for ever.
func wait(*launch.Member) int {
	fmt.Println("ready", os.Getpid())
	for {
		time.Sleep(time.Hour)
	}
}

// spin computes for ever.
func spin(*launch.Member) int {
	fmt.Println("ready", os.Getpid())
	for n := 0; ; n++ {
		_ = n
	}
}

// deaf takes no notice of any signal.
func deaf(m *launch.Member) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	return wait(m)
}

// signals prints signals, and ends with an interrupt.
func signals(m *launch.Member) int {
	got := make(chan os.Signal, 16)
	defer m.Notify(got, os.Interrupt, syscall.SIGTERM)()
	fmt.Println("ready", os.Getpid())
	for s := range got {
		fmt.Println(s)
		if s == os.Interrupt {
			break
		}
	}
	return 0
}

// who prints what it was told, and proves the listener.
func who(m *launch.Member) int {
	_, still := os.LookupEnv("TIMELY_MEMBER")
	conn, err := net.Dial("tcp", m.Hosts[m.Index])
	check(err)
	check(conn.Close())
	accepted, err := m.Listener.Accept()
	check(err)
	check(accepted.Close())
	fmt.Printf("%d %s %x %v %q\n", m.Index, strings.Join(m.Hosts, ","), m.Secret, still, os.Args[1:])
	return 0
}

// child returns this program as a child of a process.
func child(task string) *exec.Cmd {
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), role+"=child", "LAUNCH_TEST_CHILD="+task)
	cmd.Stdout = os.Stdout
	return cmd
}

// family starts a child that says what it inherited.
func family(*launch.Member) int {
	check(child("say what is inherited").Run())
	return 0
}

// leavePipe ends, and leaves its output to a child.
func leavePipe(*launch.Member) int {
	cmd := child("wait")
	check(cmd.Start())
	fmt.Println("child", cmd.Process.Pid)
	return 0
}

func childOfAProcess() {
	if os.Getenv("LAUNCH_TEST_CHILD") == "wait" {
		for {
			time.Sleep(time.Hour)
		}
	}
	_, variable := os.LookupEnv("TIMELY_MEMBER")
	fmt.Println("variable", variable)
	for _, f := range openFiles() {
		fmt.Println("inherited", f)
	}
	os.Exit(0)
}

// openFiles returns the pipes and sockets that are open beside the standard files, where
// that can be known.
func openFiles() (files []string) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		panic(err)
	}
	for _, f := range open {
		to, err := os.Readlink("/proc/self/fd/" + f.Name())
		if n, _ := strconv.Atoi(f.Name()); err == nil && n > 2 && (strings.HasPrefix(to, "pipe:") || strings.HasPrefix(to, "socket:")) {
			files = append(files, to)
		}
	}
	return files
}

// sayForEver writes until it cannot.
func sayForEver(m *launch.Member) int {
	fmt.Println("ready", os.Getpid())
	for {
		if _, err := fmt.Println(strings.Repeat("x", 100)); err != nil {
			return 1
		}
	}
}
