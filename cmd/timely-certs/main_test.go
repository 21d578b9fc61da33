package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/timely-go/timely/internal/comm/tcp"
)

func TestCertificatesAreWhatProcessesLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "certs")
	var out, errs strings.Builder
	if status := run([]string{dir, "2"}, &out, &errs); status != 0 || errs.Len() > 0 || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%q, %q, status %d", out.String(), errs.String(), status)
	}
	for i := range 2 {
		if _, err := tcp.LoadTLS(dir, i); err != nil {
			t.Error(err)
		}
	}
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{"ca-key.pem", "ca.pem", "process-0-key.pem", "process-0.pem", "process-1-key.pem", "process-1.pem"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(path, []byte("of another cluster"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	status := run([]string{dir, "2"}, &out, &errs)
	if status != 1 || out.Len() > 0 || !strings.HasPrefix(errs.String(), "timely-certs: make certificates: open "+path+": ") || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("%q, %q, status %d", out.String(), errs.String(), status)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "of another cluster" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		args []string
		want string
	}{
		{nil, "0 arguments"},
		{[]string{dir}, "1 arguments"},
		{[]string{dir, "2", "3"}, "3 arguments"},
		{[]string{"", "2"}, "the directory has no name"},
		{[]string{dir, "many"}, `"many" processes: there are from 1 to 65536`},
		{[]string{dir, "0"}, `"0" processes: there are from 1 to 65536`},
		{[]string{dir, "65537"}, `"65537" processes: there are from 1 to 65536`},
		{[]string{"--force", dir, "2"}, "flag provided but not defined: -force"},
	}
	for _, test := range tests {
		var out, errs strings.Builder
		status := run(test.args, &out, &errs)
		if want := "timely-certs: " + test.want + "; " + usage + "\n"; status != 2 || out.Len() > 0 || errs.String() != want {
			t.Errorf("%q: %q, %q, status %d; want %q", test.args, out.String(), errs.String(), status, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Error(entries, err)
	}
	var out, errs strings.Builder
	if status := run([]string{"--help"}, &out, &errs); status != 0 || !strings.HasPrefix(out.String(), usage) || errs.Len() > 0 {
		t.Errorf("%q, %q, status %d", out.String(), errs.String(), status)
	}
}
