// Timely-certs makes the certificates of a cluster: those of a new authority, and of
// each process.
//
//	go run github.com/timely-go/timely/cmd/timely-certs DIR PROCESSES
//
// It makes DIR and fills it with ca.pem, ca-key.pem, and process-I.pem and
// process-I-key.pem of each process I, counted from 0. It overwrites nothing. Process
// I is given ca.pem and its own two files, in a directory that --tls-dir names. Who has
// ca-key.pem can make processes of the cluster; none of them needs it. Certificates of
// processes are good for two years, that of the authority for ten.
//
// It exits with 0, 1 if it failed, or 2 if the command line was wrong.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/timely-go/timely/internal/comm/tcp"
)

const (
	exitFailure = 1
	exitUsage   = 2

	maxProcesses = 1 << 16 // a cluster has no more
)

const usage = "usage: timely-certs DIR PROCESSES"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It returns its exit status.
func run(args []string, out, errs io.Writer) int {
	dir, processes, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "%s\n\nIt makes an authority and a certificate of each process, in the directory DIR.\n", usage)
		return 0
	case err != nil:
		fmt.Fprintf(errs, "timely-certs: %v; %s\n", err, usage)
		return exitUsage
	}
	if err := tcp.MakeCertificates(dir, processes); err != nil {
		fmt.Fprintf(errs, "timely-certs: %s\n", strings.TrimPrefix(err.Error(), "comm/tcp: "))
		return exitFailure
	}
	fmt.Fprintf(out, "%s: made an authority and certificates of %d processes; process I needs ca.pem, process-I.pem and process-I-key.pem, none needs ca-key.pem\n", dir, processes)
	return 0
}

func parse(args []string) (dir string, processes int, err error) {
	fs := flag.NewFlagSet("timely-certs", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		return "", 0, err
	}
	if fs.NArg() != 2 {
		return "", 0, fmt.Errorf("%d arguments", fs.NArg())
	}
	if dir = fs.Arg(0); dir == "" {
		return "", 0, errors.New("the directory has no name")
	}
	processes, err = strconv.Atoi(fs.Arg(1))
	if err != nil || processes < 1 || processes > maxProcesses {
		return "", 0, fmt.Errorf("%q processes: there are from 1 to %d", fs.Arg(1), maxProcesses)
	}
	return dir, processes, nil
}
