package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
)

// variable is the environment variable by which a launcher tells a process who it is.
const variable = "TIMELY_MEMBER"

const secretSize = 32 // bytes

// ExitPeer is the status with which a process that was launched ends because another
// one has failed: the launcher then looks for that one.
const ExitPeer = 122

// Member is one process of a cluster that a launcher started, seen from inside.
type Member struct {
	Index    int          // of this process
	Hosts    []string     // the address of each process
	Listener net.Listener // listens at Hosts[Index] as long as it is referred to; whoever takes it closes it
	Secret   []byte       // known to the processes of this cluster alone; 32 bytes

	parent *os.File // a pipe of which the launcher holds the other end; nil where files are not inherited
	relay  relay
}

// letter is what the variable says, as JSON.
type letter struct {
	Parent int      // the launcher's process id
	Index  int      // of the process
	Hosts  []string // the address of each
	Secret []byte
}

// FromEnv returns what a launcher told this process, and false if none started it. It
// takes the variable out of the environment. To be called once, early: processes
// started before would inherit what is this one's.
func FromEnv() (*Member, bool, error) {
	text, launched := os.LookupEnv(variable)
	if !launched {
		return nil, false, nil
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, false, fmt.Errorf("environment variable %s: %w", variable, err)
	}
	m, err := open(text)
	if err != nil {
		return nil, false, fmt.Errorf("environment variable %s: %w; unset it to run this program by itself", variable, err)
	}
	return m, true, nil
}

func open(text string) (*Member, error) {
	l, err := readLetter(text, os.Getppid())
	if err != nil {
		return nil, err
	}
	m := &Member{Index: l.Index, Hosts: l.Hosts, Secret: l.Secret}
	if err := m.takeOver(); err != nil {
		return nil, err
	}
	return m, nil
}

// readLetter returns what a launcher wrote, if it is the process's parent.
func readLetter(text string, parent int) (l letter, err error) {
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, fmt.Errorf("no launcher wrote this: %w", err)
	}
	if l.Parent != parent {
		return l, fmt.Errorf("it is a message of process %d to a process that it started, which this is not: it was inherited, or the launcher is gone", l.Parent)
	}
	if err := CheckMember(l.Hosts, len(l.Hosts), l.Index); err != nil {
		return l, err
	}
	if len(l.Secret) != secretSize {
		return l, errors.New("the secret is not whole")
	}
	return l, nil
}

func (l letter) String() string {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings, numbers and bytes can always be written
	}
	return string(text)
}
