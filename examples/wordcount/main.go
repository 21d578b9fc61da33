// Wordcount counts the words of files, of standard input (-), or of a text of its own.
package main

import (
	"bufio"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/timely-go/timely"
)

//go:embed text.txt
var ownText string

type Count = timely.Counted[string] // a word and how often it came

func main() { timely.Main(wordcount) }

func wordcount(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, string]()
	probe := timely.NewProbe[timely.Epoch]()
	var counts []Count

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		lines := timely.Exchange(input.Stream(s), timely.HashString) // to each worker its share
		words := timely.FlatMap(lines, wordsOf)
		counted := timely.Count(words, timely.HashString) // at the worker that owns the word
		gathered := timely.Exchange(counted, func(Count) uint64 { return 0 })
		kept := timely.Inspect(gathered, func(c Count) { counts = append(counts, c) })
		timely.ProbeWith(kept, probe)
	})

	if w.Index() == 0 {
		if err := sendFiles(w, input); err != nil {
			return err
		}
	}
	input.Close()
	for !probe.Done() {
		w.Step()
	}
	return printSorted(counts) // all are at worker 0; the others have none
}

// sendFiles sends the lines of all files that the command line names.
func sendFiles(w *timely.Worker, input *timely.Input[timely.Epoch, string]) error {
	if len(w.Args()) == 0 {
		return sendLines(w, input, strings.NewReader(ownText))
	}
	for _, name := range w.Args() {
		file := os.Stdin
		if name != "-" {
			var err error
			if file, err = os.Open(name); err != nil {
				return err
			}
		}
		if err := errors.Join(sendLines(w, input, file), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

func sendLines(w *timely.Worker, input *timely.Input[timely.Epoch, string], file io.Reader) error {
	lines := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		input.Send(line)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n%1000 == 0:
			w.Poll() // count what was sent, rather than let it pile up
		}
	}
}

// wordsOf yields the words of a line: what is made of the letters A to Z and a to z.
func wordsOf(line string) iter.Seq[string] {
	return strings.FieldsFuncSeq(line, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
}

func printSorted(counts []Count) error {
	slices.SortFunc(counts, func(a, b Count) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Record, b.Record)) })
	out := bufio.NewWriter(os.Stdout)
	for _, c := range counts {
		fmt.Fprintln(out, c.N, c.Record)
	}
	return out.Flush()
}
