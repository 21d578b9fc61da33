package timely_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely"
	"github.com/timely-go/timely/internal/comm/commtest"
)

// Clusters of real processes: the test binary, started once for each. What may go
// wrong with one, and which test has it go wrong:
//
//	a process is killed               TestAKilledProcessEndsAllWithItsName, TestAKilledProcessEndsItsLauncher, TestProcessesKilledAtRandomMoments
//	it stops, or the network does     TestAStoppedProcessIsSilentToAll; in comm/tcp TestCutOffProcessesFailWithinTheirTime, TestSilentProcessIsDead
//	it is slow                        TestAWorkerThatComputesForLongIsNotDead, TestASenderKeepsToItsBudgetWhileItsPeerIsStopped
//	an operator panics                TestAPanicEndsAllProcessesWithItsCause, TestLaunchedProcessesEndWithTheCauseOfAPanic
//	a program fails, or returns       TestAnErrorOfOneWorkerEndsAllProcesses, TestAnEarlyReturnIsCompletion
//	a probe, or nothing, is said      TestStrangersDoNotDisturbTheStart; in comm/tcp TestProbeThatConnectsAndLeavesIsIgnored, TestSilentClientIsClosedAfterTheHandshakeTimeout
//	HTTP and garbage come             TestStrangersDoNotDisturbTheStart; in comm/tcp TestHTTPRequestAndGarbageAreIgnored, TestRefusalsAreLoggedOnceASecondWithTheReason
//	an index is wrong, or taken       TestASecondProcessOfAnIndexIsRefused; in comm/tcp TestStrangerDoesNotEndTheJoining, TestIndexThatIsTakenIsRefusedWithItsOwner
//	somebody never comes              TestWhoIsMissingIsListed, TestMainSaysWhyItCannotJoin
//	-p is not less than -n            TestMainRefusesAWrongClusterByOneLine, TestAWrongProcessIsRefusedAtOnce
//	-w differs                        TestProcessesThatDoNotFitSayWhy
//	programs differ                   TestDifferentProgramsEndWithWhatDiffers, TestAnotherBuildIsRefused, TestTwoProgramsHaveTwoHashes
//	versions differ                   TestAnotherVersionIsNamed; in comm/tcp TestOtherVersionIsNamedAtBothSides
//	frames are malformed              in comm/tcp TestNonsenseIsAFailureThatNamesPlaceAndPeer, TestClaimedLengthTakesNoMemory, TestMessageLargerThanTheLimitIsAFailure
//	a payload is garbage              TestRecordsThatCannotBeReadEndAllProcesses; in comm/tcp, checksums: TestNonsenseIsAFailureThatNamesPlaceAndPeer
//	a port is taken, a host file bad  TestMainSaysWhyItCannotJoin, TestMainRefusesAWrongClusterByOneLine; in comm/tcp TestUnresolvableHostIsNamed
//	one is left of an earlier run     TestAProcessOfAnEarlierRunIsRefused; in comm/tcp TestStrangerDoesNotEndTheJoining
//	SIGTERM                           TestASIGTERMStopsAllProcesses, TestASIGTERMDrainsAllProcesses, TestASecondSIGTERMEndsAllProcesses, TestWhatDoesNotStopAfterASIGTERMIsEnded, TestASIGTERMAfterTheEndIsIgnoredOnce
//	the launcher is killed            TestNoProcessOutlivesAKilledLauncher
//	there is standard input           TestStandardInputOfTheLauncherGoesToProcess0
//	one worker drops a dataflow       TestSendersDoNotWaitForAWorkerThatDroppedTheDataflow

const (
	// clusterProgram is the environment variable that makes the test binary be a
	// process of a cluster: which program it runs. With clusterNetwork, too, which is a
	// timely.Network as JSON, it calls Execute instead of Main.
	clusterProgram = "TIMELY_TEST_CLUSTER"
	clusterNetwork = "TIMELY_TEST_NETWORK"
)

// clusterPrograms are those programs. Each test file has its own.
var clusterPrograms = []map[string]func(*timely.Worker) error{
	{"epochs": runsEpochs, "flood": floods},
	failingPrograms, strangePrograms, differentPrograms, endingPrograms, stoppedPrograms,
}

func init() {
	name := os.Getenv(clusterProgram)
	for _, programs := range clusterPrograms {
		program := programs[name]
		switch network := os.Getenv(clusterNetwork); {
		case program == nil:
			continue
		case network == "":
			timely.Main(program)
		default:
			executeWith(network, program)
		}
		fmt.Println("returned")
		if name == "lingers" {
			answerQuits()
		}
		os.Exit(0)
	}
}

// executeWith runs a program as Main does, with a network that has no flags.
func executeWith(network string, program func(*timely.Worker) error) {
	var c timely.Config
	flags := flag.NewFlagSet("program", flag.ExitOnError)
	c.Flags(flags)
	_ = flags.Parse(os.Args[1:])
	c.Args = flags.Args()
	if err := json.Unmarshal([]byte(network), &c.Network); err != nil {
		panic(err)
	}
	if err := timely.Execute(context.Background(), c, program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// argument returns a number from the command line, or 0.
func argument(w *timely.Worker, i int) int {
	if i >= len(w.Args()) {
		return 0
	}
	n, err := strconv.Atoi(w.Args()[i])
	if err != nil {
		panic(err)
	}
	return n
}

// runsEpochs has each worker send a record to each in every epoch, and says when an
// epoch is complete. Its argument is how many there are; without, they end with SIGTERM.
// At last it says what has arrived.
func runsEpochs(w *timely.Worker) error {
	epochs := argument(w, 0)
	input, probe := timely.NewInput[epoch, int](), timely.NewProbe[epoch]()
	arrived := 0
	flowOf(w, func(s epochScope) {
		counts := timely.Accumulate(timely.Exchange(input.Stream(s), toWorker), 0, func(n, _ int) int { return n + 1 })
		timely.ProbeWith(timely.Inspect(counts, func(n int) {
			if arrived += n; epochs > 0 && n != w.Peers() {
				fmt.Println("wrong: an epoch of", n)
			}
		}), probe)
	})
	for e := epoch(0); (epochs == 0 || int(e) < epochs) && !w.Stopping(); e++ {
		for to := range w.Peers() {
			input.Send(to)
		}
		input.AdvanceTo(e + 1)
		for probe.LessThan(e + 1) {
			w.Step()
		}
		fmt.Println("epoch", e)
	}
	input.Close()
	for !probe.Done() {
		w.Step()
	}
	fmt.Println("answer", arrived)
	return nil
}

// floods has each worker send to all without an end, and says when much has arrived.
func floods(w *timely.Worker) error {
	batches := 0
	flowOf(w, func(s epochScope) {
		xs := timely.Exchange(timely.ToStream(s, forever), toWorker)
		timely.InspectBatch(xs, func(epoch, []int) {
			if batches++; batches == 100 {
				fmt.Println("running")
			}
		})
	})
	return nil
}

// said is what a process has printed so far.
type said struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{} // closed when there is more
}

func newSaid() *said { return &said{news: make(chan struct{})} }

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// lines returns the whole lines.
func (s *said) lines() []string {
	all := strings.Split(s.String(), "\n")
	return all[:len(all)-1]
}

// process is one that a test has started.
type process struct {
	cmd          *exec.Cmd
	stdout, errs *said
	ended        chan struct{} // closed when it has ended, and all that it said is there
	at           time.Time     // when that was
}

// begin starts a process. It does not outlive the test.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, stdout: newSaid(), errs: newSaid(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.stdout, p.errs
	diesWithTests(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		p.at = time.Now()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Log(p)
		}
	})
	return p
}

// await waits until the process has said so many lines that begin with the words.
func (p *process) await(t *testing.T, n int, words string) {
	t.Helper()
	late := time.After(patience)
	for {
		p.stdout.mu.Lock()
		news := p.stdout.news
		p.stdout.mu.Unlock()
		if len(p.says(words)) >= n {
			return
		}
		select {
		case <-news:
		case <-p.ended:
			if len(p.says(words)) < n {
				t.Fatalf("it has ended, and has not said %q %d times: %v", words, n, p)
			}
		case <-late:
			t.Fatalf("it has not said %q %d times: %v", words, n, p)
		}
	}
}

// says returns the lines that begin with the words.
func (p *process) says(words string) (lines []string) {
	for _, line := range p.stdout.lines() {
		if strings.HasPrefix(line, words) {
			lines = append(lines, line)
		}
	}
	return lines
}

// wait waits for the end.
func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it has not ended: %v", p)
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// status returns the exit status, or -1 if a signal ended it.
func (p *process) status() int { return p.cmd.ProcessState.ExitCode() }

func (p *process) String() string {
	const most = 1000
	out := p.stdout.String()
	if len(out) > most {
		out = "… " + out[len(out)-most:]
	}
	return fmt.Sprintf("%q: standard output %q, standard error %q, %v", p.cmd.Args[1:], out, p.errs, p.cmd.ProcessState)
}

// machines are the processes of a cluster, which a test starts one by one.
type machines struct {
	program   string
	hosts     []string
	args      []string        // of all
	network   *timely.Network // nil: Main's
	processes []*process      // by index; the last that was started
}

func newMachines(t *testing.T, program string, processes int, args ...string) *machines {
	t.Helper()
	return &machines{program: program, hosts: commtest.Hosts(t, processes), args: args, processes: make([]*process, processes)}
}

// impatient has processes notice soon that another one is silent.
func (c *machines) impatient(dead time.Duration) *machines {
	c.network = &timely.Network{Heartbeat: dead / 6, DeadAfter: dead}
	return c
}

// start starts one process.
func (c *machines) start(t *testing.T, index int, args ...string) *process {
	t.Helper()
	return c.startWith(t, index, func(*exec.Cmd) {}, args...)
}

func (c *machines) startWith(t *testing.T, index int, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	all := []string{"-n", strconv.Itoa(len(c.hosts)), "-p", strconv.Itoa(index), "-h", hostFile(t, c.hosts...)}
	cmd := command(t, "", slices.Concat(all, args, c.args)...)
	cmd.Env = append(cmd.Env, clusterProgram+"="+c.program)
	if c.network != nil {
		text, err := json.Marshal(c.network)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, clusterNetwork+"="+string(text))
	}
	change(cmd)
	c.processes[index] = begin(t, cmd)
	return c.processes[index]
}

// startAll starts all processes.
func (c *machines) startAll(t *testing.T) {
	t.Helper()
	for i := range c.hosts {
		c.start(t, i)
	}
}

// others returns all processes but one.
func (c *machines) others(but int) []*process {
	return slices.Delete(slices.Clone(c.processes), but, but+1)
}

// named is how the others name a process that is gone.
func (c *machines) named(index int) string {
	return fmt.Sprintf("process %d at %s", index, c.hosts[index])
}

// answered checks that all processes end well, and that each of so many workers gives
// the answer.
func answered(t *testing.T, processes []*process, workers int, answer string) {
	t.Helper()
	for _, p := range processes {
		p.wait(t)
		if said := p.says("answer"); len(said) != workers || said[0] != answer || said[workers-1] != answer || p.status() != 0 || p.errs.String() != "" {
			t.Errorf("want %d × %q, got %v", workers, answer, p)
		}
	}
}

// failed checks that a process has ended with one line, and returns that.
func failed(t *testing.T, p *process) string {
	t.Helper()
	p.wait(t)
	text := p.errs.String()
	if p.status() != 1 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "timely: process ") {
		t.Errorf("want status 1 and one line, got %v", p)
	}
	if slices.Contains(p.stdout.lines(), "returned") {
		t.Errorf("it returned: %v", p)
	}
	return text
}

// launched starts a program with a launcher, with so many processes.
func launched(t *testing.T, program string, processes int, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	cmd := command(t, "", slices.Concat([]string{"-n", strconv.Itoa(processes)}, args)...)
	cmd.Env = append(cmd.Env, clusterProgram+"="+program)
	change(cmd)
	return begin(t, cmd)
}

func asItIs(*exec.Cmd) {}

// slack is by how much something may be late on a machine that has other things to do.
func slack() time.Duration {
	if raceEnabled {
		return 4 * time.Second
	}
	return 0
}

// mayTake runs something up to three times, until it takes no longer than it may: other
// programs run on the machine, too.
func mayTake(t *testing.T, limit time.Duration, run func() time.Duration) {
	t.Helper()
	best := time.Hour
	for range 3 {
		if best = min(best, run()); best <= limit+slack() || t.Failed() {
			return
		}
	}
	t.Errorf("it took %v at best, and may take %v", best, limit)
}

// last returns when the last of the processes ended.
func last(t *testing.T, processes []*process) (at time.Time) {
	t.Helper()
	for _, p := range processes {
		p.wait(t)
		if p.at.After(at) {
			at = p.at
		}
	}
	return at
}
