package examples_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// This file tests the examples that count words.

func TestWordcount(t *testing.T) {
	own, err := os.ReadFile("wordcount/text.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := []struct{ name, text string }{
		{"own", string(own)},
		{"empty", ""},
		{"no words", " \n\n, 12 \n"},
		{"one word without an end", "word"},
		{"ties are in the order of bytes", "b a B A ab aB Ab b a B A\nz Z\n"},
		{"letters outside of ASCII part words", "naïve Straße \xff\xfeab\x80c é\x00f\n"},
		{"carriage returns", "a b\r\nb c\r\n\r\n"},
		{"one long line", strings.Repeat("to be or not to be, ", 20_000)},
		{"one long word", strings.Repeat("x", 200_000) + " y"},
		{"many lines", manyLines(20_000)},
	}
	for _, test := range texts {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "text")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			want := countWords(test.text)
			if piped, ok := pipeline(t, file); ok && piped != want {
				t.Fatalf("the test's own count differs from that of the pipeline:\n%s\n%s", want, piped)
			}
			withWorkers(t, func(t *testing.T, _ int, flag string) {
				wantText(t, run(t, "", "wordcount", flag, file), want)
				wantText(t, run(t, test.text, "wordcount", "-", flag), want)
			})
		})
	}
	t.Run("without arguments", func(t *testing.T) {
		withWorkers(t, func(t *testing.T, _ int, flag string) {
			wantText(t, run(t, "", "wordcount", flag), countWords(string(own)))
		})
	})
}

func TestWordcountAddsFilesUp(t *testing.T) {
	folder := t.TempDir()
	one, two := filepath.Join(folder, "one"), filepath.Join(folder, "two")
	for file, text := range map[string]string{one: "a b\nb", two: "b c"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantText(t, run(t, "c c d", "wordcount", "-w2", one, "-", two), "3 b\n3 c\n1 a\n1 d\n")
}

func TestWordcountNamesTheFileThatIsMissing(t *testing.T) {
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		wantFailure(t, "no-such-file", "wordcount", flag, "no-such-file")
	})
}

// countWords says what the pipeline says, in a few lines of Go.
func countWords(text string) string {
	counts := make(map[string]int)
	var word []byte
	for _, c := range append([]byte(text), '\n') {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			word = append(word, c)
		} else if len(word) > 0 {
			counts[string(word)]++
			word = word[:0]
		}
	}
	var out strings.Builder
	for _, word := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		fmt.Fprintln(&out, counts[word], word)
	}
	return out.String()
}

// pipeline counts the words of a file with the tools of the shell, if they exist.
func pipeline(t *testing.T, file string) (counted string, ok bool) {
	t.Helper()
	for _, tool := range []string{"sh", "tr", "sed", "sort", "uniq"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", false
		}
	}
	count := `tr -cs A-Za-z '\n' <"$1" | sed '/^$/d' | sort | uniq -c | sort -k1,1nr -k2,2 | sed 's/^ *//'`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", count, "sh", file)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), true
}

// manyLines returns lines of words, the same in every run, some words more often
// than others.
func manyLines(n int) string {
	var text strings.Builder
	state := uint64(1)
	for range n {
		for range 5 {
			state = state*6364136223846793005 + 1442695040888963407
			fmt.Fprintf(&text, "w%c%c ", 'a'+rune(state>>60), 'a'+rune(state>>33%26))
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func TestWordstreamReportsAfterEachLine(t *testing.T) {
	lines := []string{"the clock and the river", "", "the clock the clock", "  river\trun ", "word"}
	counts := make(map[string]int)
	var want []string // what each line adds, sorted
	for _, line := range lines {
		var added strings.Builder
		for _, word := range strings.Fields(line) {
			counts[word]++
			fmt.Fprintln(&added, word, counts[word])
		}
		want = append(want, sorted(added.String()))
	}
	withWorkers(t, func(t *testing.T, _ int, flag string) {
		got := slices.Collect(strings.Lines(run(t, strings.Join(lines, "\n"), "wordstream", flag)))
		for i, text := range want {
			n := min(strings.Count(text, "\n"), len(got))
			if added := sorted(strings.Join(got[:n], "")); added != text {
				t.Errorf("line %d: got\n%s\nwant\n%s", i, added, text)
			}
			got = got[n:]
		}
		if len(got) > 0 {
			t.Errorf("%q is too much", got)
		}
	})
}
