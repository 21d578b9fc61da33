package script

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzParse parses scripts, prints them, and parses what was printed: it is the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"",
		"\n\n \n",
		"get\n----\n0\n",
		"# c\nadd 1\n  get\n----\n0\n1\n\n# alone\n\nget\n",
		"lines a - b\n----\n----\na\n\nb\n----\n----\n",
		"get\n----\n----\n----\n----\n",
		"get\n----\n----\n0\n----\n",
		"get\n----\nx\n----\n",
		"get\n----",
		"\u2003get\t1\r\n----\r\n0\r\n",
		"# c\n----\n0\n",
		"\xff\n----\n\x00\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		blocks, err := parse("script", text)
		if err != nil {
			return
		}
		runBlocks("script", append([]block(nil), blocks...), Func(func(line Line) string { return line.Verb }))
		printed, err := format("script", blocks)
		if err != nil {
			if !strings.Contains(err.Error(), "which a script cannot hold") {
				t.Fatal(err)
			}
			return
		}
		again, err := parse("script", printed)
		if err != nil {
			t.Fatalf("%q was printed as %q: %v", text, printed, err)
		}
		if said, want := content(again), content(blocks); !reflect.DeepEqual(said, want) {
			t.Fatalf("%q was printed as %q, which is %q, not %q", text, printed, said, want)
		}
		if twice, err := format("script", again); err != nil || twice != printed {
			t.Fatalf("%q was printed as %q, and that as %q, %v", text, printed, twice, err)
		}
	})
}

// content is what blocks hold, wherever they stand.
func content(blocks []block) (all [][]string) {
	for _, b := range blocks {
		all = append(all, append([]string{b.output}, b.head...))
	}
	return all
}
