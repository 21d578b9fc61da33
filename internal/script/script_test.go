package script

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// counter adds numbers and prints lines.
type counter struct{ sum int }

func (c *counter) Do(line Line) string {
	switch line.Verb {
	case "add":
		for _, arg := range line.Args {
			n, err := strconv.Atoi(arg)
			if err != nil {
				return fmt.Sprintf("%s: %v", filepath.Base(line.At), err)
			}
			c.sum += n
		}
		return ""
	case "get":
		return strconv.Itoa(c.sum)
	case "lines": // "-" is a blank line
		for i, arg := range line.Args {
			if arg == "-" {
				line.Args[i] = ""
			}
		}
		return strings.Join(line.Args, "\n")
	case "raw":
		return line.Raw
	}
	return ""
}

func newCounter(*testing.T) Handler { return new(counter) }

func TestRun(t *testing.T) {
	Run(t, "testdata", newCounter)
}

func TestEveryFileHasItsOwnHandler(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "add 1\nget\n----\n1\n")
	write(t, dir, "b", "add 1\nget\n----\n1\n")
	write(t, dir, ".hidden", "get\n----\nignored\n")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	handlers := 0
	Run(t, dir, func(*testing.T) Handler { handlers++; return new(counter) })
	if handlers != 2 {
		t.Errorf("%d handlers, want 2", handlers)
	}
}

// TestRunFails runs itself again as a program, whose tests fail.
func TestRunFails(t *testing.T) {
	if dir := os.Getenv("SCRIPT_TEST_DIR"); dir != "" {
		Run(t, dir, newCounter)
		return
	}
	full, empty := t.TempDir(), t.TempDir()
	write(t, full, "wrong", "get\n----\n1\n\n# later\nadd 2\nget\n----\n2\n\nadd 1\n\nget\n")
	tests := []struct {
		name, dir string
		want      []string
	}{
		{"output differs", full, []string{
			"--- FAIL: TestRunFails/wrong",
			"wrong:1: output differs; it was\n0\nand should be\n1\n",
			"wrong:13: output differs; it was\n3\nand should be\n(nothing)\n",
			"-rewrite",
		}},
		{"no scripts", empty, []string{"no scripts in " + empty}},
		{"no folder", filepath.Join(empty, "absent"), []string{"no such file"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestRunFails$")
			cmd.Env = append(os.Environ(), "SCRIPT_TEST_DIR="+test.dir)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("passed:\n%s", out)
			}
			shown := unindented(string(out)) // package testing indents messages
			for _, want := range test.want {
				if !strings.Contains(shown, want) {
					t.Errorf("no %q in\n%s", want, shown)
				}
			}
			if strings.Contains(shown, "wrong:5") {
				t.Errorf("a block that is right was reported:\n%s", shown)
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	tests := []struct{ name, before, after string }{
		{"new output", "get\n", "get\n----\n0\n"},
		{"other output", "# c\nadd 1\n  get\n----\n0\n1\n", "# c\nadd 1\n  get\n----\n1\n"},
		{"no more output", "add 1\n----\n0\n\nget\n----\n1\n", "add 1\n----\n\nget\n----\n1\n"},
		{"blank lines become one", "\n\nadd 1\n\n \n# alone\n\nget\n\n\n", "add 1\n\n# alone\n\nget\n----\n1\n"},
		{"doubled", "lines a - b\n----\na\n", "lines a - b\n----\n----\na\n\nb\n----\n----\n"},
		{"not doubled any more", "get\n----\n----\na\n\n----\n----\n", "get\n----\n0\n"},
		{"separator", "lines a ---- b\n", "lines a ---- b\n----\n----\na\n----\nb\n----\n----\n"},
		{"without last newline", "get\n----\n0", "get\n----\n0\n"},
		{"line of the command", "# c\nadd x\n", "# c\nadd x\n----\nscript:2: strconv.Atoi: parsing \"x\": invalid syntax\n"},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "script", test.before)
			if err := runFile(path, new(counter), true); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != test.after {
				t.Errorf("got\n%s\nwant\n%s", got, test.after)
			}
			if err := runFile(path, new(counter), false); err != nil {
				t.Errorf("the rewritten file fails: %v", err)
			}
		})
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"open doubled output", "get\n----\n----\n0\n----\n", "script:2: output begins with a doubled ----"},
		{"output without a command", "# c\n----\n0\n", "script:1: output without a command"},
		{"output without anything", "get\n\n----\n0\n", "script:3: output without a command"},
		{"output with a doubled separator", "lines a ---- ---- b\n", "script:1: output ends in a line ---- or"},
		{"output that ends in a separator", "get\n\nlines a ----\n", "script:3: output ends in a line ---- or"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "script", test.text)
			err := runFile(path, new(counter), true)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if got := read(t, path); got != test.text {
				t.Errorf("the file was changed to\n%s", got)
			}
		})
	}
}

func TestFuncIsAHandler(t *testing.T) {
	path := write(t, t.TempDir(), "script", "hello  there\n----\nhello 1\n")
	says := Func(func(line Line) string { return fmt.Sprint(line.Verb, " ", len(line.Args)) })
	if err := runFile(path, says, false); err != nil {
		t.Error(err)
	}
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

func write(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
