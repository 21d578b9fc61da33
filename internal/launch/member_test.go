package launch

import (
	"os"
	"strings"
	"testing"
)

func TestNobodyStartedIt(t *testing.T) {
	if m, launched, err := FromEnv(); m != nil || launched || err != nil {
		t.Error(m, launched, err)
	}
}

func TestFromEnvRefuses(t *testing.T) {
	hosts := []string{"127.0.0.1:1", "127.0.0.1:2"}
	good := letter{Parent: os.Getppid(), Index: 1, Hosts: hosts, Secret: make([]byte, secretSize)}
	with := func(change func(*letter)) string {
		l := good
		change(&l)
		return l.String()
	}
	tests := []struct{ name, text, want string }{
		{"nothing", "", "no launcher wrote this"},
		{"no JSON", "1", "no launcher wrote this"},
		{"another's", with(func(l *letter) { l.Parent = os.Getpid() }), "which this is not"},
		{"no hosts", with(func(l *letter) { l.Hosts = nil }), "there must be one at least"},
		{"index too large", with(func(l *letter) { l.Index = 2 }), "there is no process 2 of 2"},
		{"index too small", with(func(l *letter) { l.Index = -1 }), "there is no process -1"},
		{"no secret", with(func(l *letter) { l.Secret = l.Secret[1:] }), "the secret is not whole"},
	}
	for _, test := range tests {
		t.Setenv(variable, test.text)
		m, launched, err := FromEnv()
		if m != nil || launched || err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: %v, %v, %v; want %q", test.name, m, launched, err, test.want)
		}
		if _, still := os.LookupEnv(variable); still {
			t.Errorf("%s: the variable is still set", test.name)
		}
	}
}

// FuzzLetter reads anything in place of what a launcher writes.
func FuzzLetter(f *testing.F) {
	const parent = 7
	good := letter{Parent: parent, Index: 1, Hosts: []string{"127.0.0.1:1", "127.0.0.1:2"}, Secret: make([]byte, secretSize)}
	f.Add(good.String())
	f.Add(strings.ToLower(good.String()))
	f.Add(letter{Parent: parent}.String())
	f.Add("{}")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readLetter(text, parent)
		if err != nil {
			return
		}
		if l.Index < 0 || l.Index >= len(l.Hosts) || len(l.Secret) != secretSize {
			t.Fatalf("%q makes this process %d of %q", text, l.Index, l.Hosts)
		}
		again, err := readLetter(l.String(), parent)
		if err != nil || again.String() != l.String() {
			t.Fatalf("%+v, written again, is read as %+v, %v", l, again, err)
		}
	})
}
