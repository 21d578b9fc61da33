package timely_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely"
)

// mainProgram is the environment variable that makes the test binary be a program
// that calls Main: which one.
const mainProgram = "TIMELY_TEST_MAIN"

// mainPrograms are those programs.
var mainPrograms = map[string]func(){
	"show": func() {
		name := flag.String("name", "nobody", "whom to \x60greet\x60")
		loud := flag.Bool("loud", false, "greet loudly")
		timely.Main(func(w *timely.Worker) error {
			if w.Index() == 0 {
				fmt.Println(w.Peers(), *name, *loud, strings.Join(w.Args(), "|"))
			}
			return nil
		})
		fmt.Println("returned")
	},
	"clash": func() {
		flag.Int("workers", 3, "")
		timely.Main(func(*timely.Worker) error { return nil })
	},
	"own help": func() {
		flag.Bool("help", false, "")
		timely.Main(func(*timely.Worker) error { return nil })
	},
	"error": func() {
		timely.Main(func(*timely.Worker) error { return errors.New("it is no good") })
		fmt.Println("returned")
	},
	"panic": func() {
		timely.Main(func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) { timely.Inspect(threeInts(s), func(int) { panic("in pieces") }) })
			return nil
		})
	},
	"log": func() {
		timely.Main(func(w *timely.Worker) error {
			if w.Index() == 0 {
				return errors.New("the first")
			}
			<-w.Context().Done()
			return errors.New("the second")
		})
	},
	// It is parked for ever, with a waker that nobody uses.
	"parked": func() {
		timely.Main(func(w *timely.Worker) error {
			input := timely.NewInput[epoch, int]()
			flowOf(w, func(s epochScope) { timely.Exchange(input.Stream(s), toWorker) })
			w.Waker()
			for w.Poll() {
			}
			fmt.Println("ready")
			for !w.Stopping() {
				w.Step()
			}
			fmt.Println("stopping")
			return nil
		})
		fmt.Println("returned")
	},
	"source": func() {
		timely.Main(func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) { timely.Exchange(timely.ToStream(s, forever), toWorker) })
			fmt.Println("ready")
			return nil
		})
		fmt.Println("returned")
	},
	"deaf": func() {
		timely.Main(func(w *timely.Worker) error {
			flowOf(w, func(s epochScope) { timely.NewInput[epoch, int]().Stream(s) })
			w.Waker()
			fmt.Println("ready")
			for {
				w.Step()
				if w.Stopping() {
					fmt.Println("stopping")
				}
			}
		})
	},
}

func init() {
	if program := mainPrograms[os.Getenv(mainProgram)]; program != nil {
		program()
		os.Exit(0)
	}
}

// command returns the test binary as a program that calls Main.
func command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), mainProgram+"="+program)
	cmd.WaitDelay = patience
	return cmd
}

// ran runs it, and returns what it printed and its exit status.
func ran(t *testing.T, program string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := command(t, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestMainReadsFlagsAnywhere(t *testing.T) {
	tests := []struct{ args, want string }{
		{"", "1 nobody false "},
		{"-w2", "2 nobody false "},
		{"-w 3 a", "3 nobody false a"},
		{"-w=2", "2 nobody false "},
		{"--workers=2", "2 nobody false "},
		{"--workers 4 a b", "4 nobody false a|b"},
		{"a -w2 b --name=x c --loud d", "2 x true a|b|c|d"},
		{"a --name x -- -w2 --b", "1 x false a|-w2|--b"},
		{"--loud=false -", "1 nobody false -"},
	}
	for _, test := range tests {
		stdout, stderr, status := ran(t, "show", strings.Fields(test.args)...)
		if stdout != test.want+"\nreturned\n" || stderr != "" || status != 0 {
			t.Errorf("%s: got %q, %q, status %d; want %q", test.args, stdout, stderr, status, test.want)
		}
	}
}

func TestMainRefusesAWrongCommandLine(t *testing.T) {
	tests := []struct{ program, args, want string }{
		{"show", "--nonsense", "unknown flag: --nonsense; --help lists the flags"},
		{"show", "-x", "--help"},
		{"show", "-h", "--help"},
		{"show", "a -h", "--help"},
		{"show", "-w", "--help"},
		{"show", "-w0", "there must be one at least"},
		{"show", "-w-1", "there must be one at least"},
		{"show", "--workers=many", "--help"},
		{"show", "--loud=perhaps", "--help"},
		{"clash", "", "rename it"},
		{"own help", "", "rename it"},
	}
	for _, test := range tests {
		stdout, stderr, status := ran(t, test.program, strings.Fields(test.args)...)
		if stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || status != 2 {
			t.Errorf("%s %s: got %q, %q, status %d; want %q", test.program, test.args, stdout, stderr, status, test.want)
		}
	}
}

func TestMainHelpListsTheProgramsFlags(t *testing.T) {
	stdout, stderr, status := ran(t, "show", "a", "--help")
	for _, want := range []string{"-w, --workers", "--name greet", "whom to greet", "--loud", "--help"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\nwant %q", stdout, want)
		}
	}
	if stderr != "" || status != 0 || strings.Contains(stdout, "returned\nreturned") {
		t.Error(stderr, status)
	}
}

func TestMainFailsWithOneLineAndTheStack(t *testing.T) {
	stdout, stderr, status := ran(t, "error", "-w2")
	if stdout != "" || status != 1 || !strings.HasSuffix(stderr, ": it is no good\n") && !strings.Contains(stderr, "another failure") {
		t.Errorf("%q, %q, status %d", stdout, stderr, status)
	}
	stdout, stderr, status = ran(t, "panic", "-w2")
	first := ""
	for line := range strings.Lines(stderr) { // logged lines come before
		if strings.HasPrefix(line, "timely: ") {
			first = line
			break
		}
	}
	if stdout != "" || status != 1 || !strings.Contains(first, "Inspect@main_test.go:") || !strings.HasSuffix(first, "panic: in pieces\n") || !strings.Contains(stderr, "goroutine") {
		t.Errorf("%q, %q, status %d", stdout, stderr, status)
	}
	_, stderr, status = ran(t, "log", "-w2")
	if status != 1 || !strings.Contains(stderr, "timely: worker 0: the first\n") || !strings.Contains(stderr, `err="the second"`) {
		t.Errorf("%q, status %d", stderr, status)
	}
}

// TestSignals sends signals to programs once each of their workers is ready.
func TestSignals(t *testing.T) {
	tests := []struct {
		name    string
		program string
		signals []syscall.Signal // each after the line that is said before
		says    []string
		stderr  string
		status  int
	}{
		{"SIGTERM stops a program that looks", "parked", []syscall.Signal{syscall.SIGTERM}, []string{"ready", "ready", "stopping", "stopping", "returned"}, "", 0},
		{"SIGTERM ends sources", "source", []syscall.Signal{syscall.SIGTERM}, []string{"ready", "ready", "returned"}, "", 0},
		{"a second SIGTERM cancels", "deaf", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, []string{"ready", "ready", "stopping", "stopping"}, "timely: ended by signal: terminated", 1},
		{"an interrupt cancels", "deaf", []syscall.Signal{syscall.SIGINT}, []string{"ready", "ready"}, "timely: ended by signal: interrupt", 1},
		{"an interrupt after SIGTERM cancels", "deaf", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, []string{"ready", "ready", "stopping", "stopping"}, "timely: ended by signal: interrupt", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr strings.Builder
			cmd := command(t, test.program, "-w2")
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var said []string
			lines := bufio.NewScanner(stdout)
			begun := time.Now()
			within(t, patience, func() {
				signals := test.signals
				for lines.Scan() {
					said = append(said, lines.Text())
					if len(said)%2 == 0 && len(signals) > 0 {
						if err := cmd.Process.Signal(signals[0]); err != nil {
							t.Error(err)
						}
						signals = signals[1:]
					}
				}
				_ = cmd.Wait()
			})
			if status := cmd.ProcessState.ExitCode(); status != test.status || !strings.HasPrefix(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("status %d, %q", status, stderr.String())
			}
			if strings.Join(said, " ") != strings.Join(test.says, " ") {
				t.Errorf("it said %q, want %q", said, test.says)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
