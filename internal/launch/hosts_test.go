package launch_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/timely-go/timely/internal/launch"
)

func TestParseHosts(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"one a line", "a:1\nb:2\n", "a:1 b:2"},
		{"without a last newline", "a:1\nb:2", "a:1 b:2"},
		{"comments, blanks and space", "# the cluster\n\n  a:1\t# rack 3\r\n\t\n#b:9\nb:2", "a:1 b:2"},
		{"a byte order mark", "\ufeffa:1", "a:1"},
		{"numbers in one form", "a:02101\n[0:0::1]:2101\n[::ffff:10.0.0.1]:7", "a:2101 [::1]:2101 10.0.0.1:7"},
		{"names in one form", "Node-1.Example.ORG:65535\nnode_2:1", "node-1.example.org:65535 node_2:1"},
		{"a zone", "[fe80::1%eth0]:2101", "[fe80::1%eth0]:2101"},
		{"the same host twice", "a:1\na:2", "a:1 a:2"},
	}
	for _, test := range tests {
		hosts, err := launch.ParseHosts(strings.NewReader(test.text), "hosts")
		if err != nil || strings.Join(hosts, " ") != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.name, hosts, err, test.want)
		}
	}
}

func TestParseHostsRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "hosts: no address in it: write one host:port a line, that of process 0 first"},
		{"only comments", "# a:1\n\n", "hosts: no address in it"},
		{"no port", "a:1\n\nnode1\n", `hosts:3: "node1": the port is missing: write node1:2101`},
		{"an IPv4 address without a port", "10.0.0.1", "the port is missing: write 10.0.0.1:2101"},
		{"neither name nor port", "a\x00b", `"a\x00b": this is no host:port`},
		{"an empty port", "a:", `hosts:1: "a:": "" is no port: write a number from 1 to 65535`},
		{"port 0", "a:0", "write a number from 1 to 65535"},
		{"a port too large", "a:65536", "write a number from 1 to 65535"},
		{"a negative port", "a:-1", "write a number from 1 to 65535"},
		{"the name of a port", "a:http", "write a number from 1 to 65535"},
		{"a duplicate", "# x\nA.b:7\nc:7\na.B:007 # again", "hosts:4: a.b:7 is on line 2 too: give each process an address of its own"},
		{"an IPv6 duplicate", "[::1]:7\n[0:0:0::1]:7", "hosts:2: [::1]:7 is on line 1 too"},
		{"IPv6 without brackets", "2001:db8::1:2101", `write "[2001:db8::1:2101]:2101"`},
		{"IPv6 without a port", "[::1]", `"[::1]": the port is missing, or the brackets are: write "[::1]:2101"`},
		{"too many colons", "a:b:1", "an IPv6 address stands in brackets, as in [::1]:2101"},
		{"an open bracket", "[::1:2101", "an IPv6 address stands in brackets"},
		{"two addresses in a line", "a:1 b:2", `"a:1 b:2": write one host:port a line`},
		{"no host", ":2101", "the host is missing: write the one by which the others reach this process"},
		{"any address", "0.0.0.0:2101", "nobody can connect to 0.0.0.0: write the address"},
		{"any IPv6 address", "[::]:2101", "nobody can connect to ::"},
		{"a group", "224.0.0.1:2101", "nobody can connect to 224.0.0.1"},
		{"no IPv4 address", "10.0.0.256:1", `"10.0.0.256" is no IPv4 address: write four numbers from 0 to 255`},
		{"a scheme", "http://a:1", "an IPv6 address stands in brackets"},
		{"a path", "a/b:1", `"a/b" is neither a name nor an address`},
		{"an empty label", "a..b:1", "is neither a name nor an address"},
		{"a dot", ".:1", "is neither a name nor an address"},
		{"other letters", "künstlich:1", "is neither a name nor an address"},
		{"a long name", strings.Repeat("a.", 150) + "a:1", "is neither a name nor an address"},
		{"a long line", "a:1\n" + strings.Repeat("x", 1<<16), "hosts:2: longer than 4 KiB: write one host:port a line"},
		{"a long file", strings.Repeat("# what is this?\n", 1<<17), "hosts: longer than 1 MiB: this is no host file"},
		{"bytes", "\x7fELF\x02\x01\x01\x00\n", "hosts:1: "},
	}
	for _, test := range tests {
		hosts, err := launch.ParseHosts(strings.NewReader(test.text), "hosts")
		if err == nil || hosts != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %q, %v; want %q", test.name, hosts, err, test.want)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "hosts:") || strings.Contains(text, "\n") || len(text) > 500 {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

func TestParseHostsPassesErrorsOn(t *testing.T) {
	broken := errors.New("a bad sector")
	_, err := launch.ParseHosts(io.MultiReader(strings.NewReader("a:1\nb:2\n"), iotest.ErrReader(broken)), "hosts")
	if !errors.Is(err, broken) || err.Error() != "hosts: line 3: a bad sector" {
		t.Error(err)
	}
}

func TestReadHosts(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "hosts.txt")
	if err := os.WriteFile(path, []byte("a:1\nb:2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if hosts, err := launch.ReadHosts(path); err != nil || !slices.Equal(hosts, []string{"a:1", "b:2"}) {
		t.Error(hosts, err)
	}
	for _, missing := range []string{path + "x", folder} {
		if hosts, err := launch.ReadHosts(missing); err == nil || hosts != nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%q, %v: want an error that names %s", hosts, err, missing)
		}
	}
	if _, err := launch.ReadHosts(""); err == nil || !strings.Contains(err.Error(), "name a file") {
		t.Error(err)
	}
}

// FuzzParseHosts reads any text: what comes out can be read again, and is the same.
func FuzzParseHosts(f *testing.F) {
	f.Add("a:1\nb:2 # c\n\n")
	f.Add("[::1]:2101\n[fe80::1%eth0]:1")
	f.Add("\ufeffA.B.:00001\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := launch.ParseHosts(strings.NewReader(text), "f")
		if err != nil {
			if hosts != nil || !strings.HasPrefix(err.Error(), "f:") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("%q, %q", hosts, err)
			}
			return
		}
		if len(hosts) == 0 {
			t.Error("no hosts, and no error")
		}
		again, err := launch.ParseHosts(strings.NewReader(strings.Join(hosts, "\n")), "f")
		if err != nil || !slices.Equal(again, hosts) {
			t.Errorf("%q became %q, %v", hosts, again, err)
		}
		if err := launch.CheckMember(hosts, len(hosts), len(hosts)-1); err != nil {
			t.Error(err)
		}
	})
}
