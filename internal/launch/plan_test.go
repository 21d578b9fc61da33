package launch_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timely-go/timely/internal/launch"
)

// planOf reads a command line as a program would, in a folder with host files.
func planOf(t *testing.T, line string) (launch.Plan, error) {
	t.Helper()
	var flags launch.Flags
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&flags.HostFile, "hostfile", "", "")
	fs.IntVar(&flags.Processes, "processes", 1, "")
	fs.IntVar(&flags.Process, "process", 0, "")
	if err := fs.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	flags.Given = func(name string) (given bool) {
		fs.Visit(func(f *flag.Flag) { given = given || f.Name == name })
		return given
	}
	return flags.Plan()
}

// inFolderWithHosts changes to a folder with the host files three and bad.
func inFolderWithHosts(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"three": "a:1\nb:2\nc:3\n", "bad": "a:1\na:1\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(folder)
}

func TestPlan(t *testing.T) {
	inFolderWithHosts(t)
	tests := []struct {
		line  string
		kind  launch.Kind
		n, p  int
		hosts string
	}{
		{"", launch.Alone, 1, 0, ""},
		{"--processes 1", launch.Alone, 1, 0, ""},
		{"--processes 1 --process 0", launch.Alone, 1, 0, ""},
		{"--processes 1 --process 0 --hostfile three", launch.Alone, 1, 0, ""},
		{"--processes 4", launch.Whole, 4, 0, ""},
		{"--processes 3 --process 2 --hostfile three", launch.Single, 3, 2, "a:1 b:2 c:3"},
		{"--processes 2 --process 0 --hostfile three", launch.Single, 2, 0, "a:1 b:2"},
		{"--processes 2 --process 1", launch.Single, 2, 1, "127.0.0.1:2101 127.0.0.1:2102"},
	}
	for _, test := range tests {
		plan, err := planOf(t, test.line)
		if err != nil || plan.Kind != test.kind || plan.Processes != test.n || plan.Process != test.p || strings.Join(plan.Hosts, " ") != test.hosts {
			t.Errorf("%s: got %+v, %v", test.line, plan, err)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	inFolderWithHosts(t)
	tests := []struct{ line, want string }{
		{"--processes 0", "--processes 0: there must be one at least"},
		{"--processes -2", "--processes -2: there must be one at least"},
		{"--processes 2 --process -1", "--process -1: processes are numbered from 0"},
		{"--processes 2 --process 2", "--processes 2 --process 2: there is no process 2 of 2: they are numbered from 0 to 1"},
		{"--processes 2 --process 5", "numbered from 0 to 1"},
		{"--processes 1 --process 1", "numbered from 0 to 0"},
		{"--process 0", "--process 0 without --processes: say how many there are, too"},
		{"--process 0 --hostfile three", "--process 0 without --processes"},
		{"--hostfile three", "--hostfile three without --process: start the program once for each line"},
		{"--hostfile three --processes 3", "--hostfile three without --process"},
		{"--hostfile three --processes 4 --process 0", "there are 4 processes and 3 addresses: give each process one"},
		{"--hostfile bad --processes 2 --process 0", "--hostfile: bad:2: a:1 is on line 1 too"},
		{"--hostfile none --processes 2 --process 0", "open none: "},
		{"--hostfile= --processes 2 --process 0", "the host file has no name"},
		{"--processes 70000 --process 0", "there are 70000 processes and 63435 addresses"},
		{"--processes 20000", "one machine runs 1024 at most; name several with --hostfile"},
	}
	for _, test := range tests {
		plan, err := planOf(t, test.line)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %+v, %v; want %q", test.line, plan, err, test.want)
		}
	}
}

func TestCheckMember(t *testing.T) {
	tests := []struct {
		hosts, processes, process int
		want                      string // "" if it is fine
	}{
		{2, 2, 1, ""},
		{3, 2, 0, ""},
		{2, 0, 0, "there are 0 processes: there must be one at least"},
		{2, -1, 0, "there must be one at least"},
		{2, 2, -1, "there is no process -1: they are numbered from 0"},
		{2, 2, 2, "there is no process 2 of 2: they are numbered from 0 to 1"},
		{2, 3, 2, "there are 3 processes and 2 addresses: give each process one"},
		{0, 2, 0, "there are 2 processes and 0 addresses"},
	}
	for _, test := range tests {
		err := launch.CheckMember(make([]string, test.hosts), test.processes, test.process)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v", test, err)
		}
	}
}
